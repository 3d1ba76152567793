// What the storefront uses of the catalog service: the requests that it makes by the client, and of the answers just the
// members that it reads. The contract goes where PACT_DIR says; "make pact-update" and "make pact" see to the rest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem, items, ok } from "@monsplit/client";
import { createCatalogClient, type CatalogClient } from "@monsplit/client/catalog";
import { MatchersV3, Pact } from "@pact-foundation/pact";

const dir = process.env["PACT_DIR"];
if (!dir) throw new Error('PACT_DIR is not set: run "make pact" or "make pact-update"');

// Each pattern is for the whole text, and for a text: by itself it would also take the digits of a number.
const pattern = (example: string, regex: string) =>
  ({ "pact:matcher:type": [{ "pact:matcher:type": "type" }, { "pact:matcher:type": "regex", regex }], value: example });
const text = (example: string) => pattern(example, "^.*\\S.*$");
const day = (example: string) => pattern(example, "^\\d{4}-\\d{2}-\\d{2}$");
const uuid = (example: string) => pattern(example, "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$");
const list = (item: object) => ({ "pact:matcher:type": "type", value: [item], min: 1 });

const chair = "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35";
const cursor = "b3BhcXVl";
const entry = (until: unknown) => ({ product: uuid(chair), availability_end_date: until });
const product = { product_uuid: uuid(chair), name: text("Rocking chair"), product_category: text("Furniture") };

interface Exchange {
  description: string;
  given: string;
  path: string;
  query?: Record<string, string>;
  /** Members of the query of which the provider's state knows the value, with examples. */
  fromState?: Record<string, string>;
  headers?: Record<string, unknown>;
  status?: number;
  contentType?: string;
  body: object;
  use: (client: CatalogClient) => Promise<void>;
}

function exchange(e: Exchange): void {
  test(e.description, async () => {
    const query: Record<string, unknown> = { ...e.query };
    for (const [name, example] of Object.entries(e.fromState ?? {})) query[name] = MatchersV3.fromProviderState(`\${${name}}`, example);
    const pact = new Pact({ consumer: "storefront", provider: "catalog", dir: dir!, logLevel: "error", host: "127.0.0.1" });
    await pact
      .addInteraction()
      .given(e.given)
      .uponReceiving(e.description)
      .withRequest("GET", e.path, (b) => void b.query(query as Record<string, string>))
      .willRespondWith(e.status ?? 200, (b) => {
        b.headers({ "Content-Type": e.contentType ?? "application/json", ...e.headers } as Record<string, string>).jsonBody(e.body);
      })
      .executeTest(async (server) => e.use(createCatalogClient({ baseUrl: server.url })));
  });
}

const offered = { market: "NL", available_on: "2026-03-01", limit: "2" };

/** One page of what is offered, as the client's items() asks for it. */
async function page(client: CatalogClient, at: { cursor?: string } = {}) {
  const { market, available_on } = offered;
  return ok(client.GET("/catalog/api/v1", { params: { query: { market, available_on, limit: 2, ...at } } }));
}

exchange({
  description: "the first page of what is offered in a market on a day",
  given: "three entries in a market", path: "/catalog/api/v1", query: offered,
  headers: {
    Link: MatchersV3.regex('<.*cursor=[^&>]+.*>; rel="next"', `</catalog/api/v1?market=NL&available_on=2026-03-01&cursor=${cursor}&limit=2>; rel="next"`),
  },
  body: list(entry(day("2026-09-30"))),
  use: async (client) => {
    // The client follows the link: the next request, which this exchange does not have, is how that shows.
    const { data, response } = await page(client);
    assert.deepEqual([data[0]?.product, data[0]?.availability_end_date], [chair, "2026-09-30"]);
    assert.match(response.headers.get("Link") ?? "", /rel="next"/);
  },
});

exchange({
  description: "the page of offers that a link leads to",
  given: "three entries in a market", path: "/catalog/api/v1", query: offered, fromState: { cursor },
  body: list(entry(day("2026-09-30"))),
  use: async (client) => assert.equal((await page(client, { cursor })).data.length, 1),
});

exchange({
  description: "an offer that is open",
  given: "an entry without end in a market", path: "/catalog/api/v1", query: { ...offered, limit: "200" },
  body: list(entry(null)),
  use: async (client) => {
    const { market, available_on } = offered;
    const ends = [];
    for await (const e of items((at) => client.GET("/catalog/api/v1", { params: { query: { ...at, market, available_on } } }))) ends.push(e.availability_end_date);
    assert.deepEqual(ends, [null]);
  },
});

exchange({
  description: "all products by name",
  given: "a product", path: "/catalog/api/v1/products", query: { include_discontinued: "true", limit: "200", sort: "name" },
  body: list(product),
  use: async (client) => {
    const names = [];
    for await (const p of items((at) => client.GET("/catalog/api/v1/products", { params: { query: { ...at, include_discontinued: true, sort: "name" } } }))) {
      names.push(`${p.product_uuid} ${p.name} ${p.product_category}`);
    }
    assert.deepEqual(names, [`${chair} Rocking chair Furniture`]);
  },
});

exchange({
  description: "a product that is looked for by its name",
  given: "a product", path: "/catalog/api/v1/products", query: { limit: "200", search: "Rocking chair" },
  body: list(product),
  use: async (client) => {
    const found = [];
    for await (const p of items((at) => client.GET("/catalog/api/v1/products", { params: { query: { ...at, search: "Rocking chair" } } }))) found.push(p.name);
    assert.deepEqual(found, ["Rocking chair"]);
  },
});

exchange({
  description: "offers on a day that is none",
  given: "nothing", path: "/catalog/api/v1", query: { available_on: "2026-02-30", limit: "200", market: "NL" },
  status: 422, contentType: "application/problem+json",
  body: {
    type: pattern("https://monsplit.github.io/problems/invalid", "^.*/invalid$"), title: text("Unprocessable Entity"), status: 422,
    errors: list({ pointer: text("/query/available_on"), detail: text("must be a date") }),
  },
  use: async (client) => {
    const asked = ok(client.GET("/catalog/api/v1", { params: { query: { market: "NL", available_on: "2026-02-30", limit: 200 } } }));
    await assert.rejects(asked, (error: unknown) => isProblem(error, "invalid") && error.status === 422 && error.errors?.[0]?.pointer === "/query/available_on");
  },
});
