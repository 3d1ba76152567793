// The parts of the catalog service that the storefront uses: the requests that its own code sends, and only those members of
// the answers that it reads. The test writes the contract to the folder PACT_DIR. "make pact-update" and "make pact" set it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem } from "@monsplit/client";
import { createCatalogClient, type CatalogClient } from "@monsplit/client/catalog";
import { MatchersV3, Pact } from "@pact-foundation/pact";
import { arrival } from "../src/arrival.js";
import { available, table } from "../src/available.js";

const dir = process.env["PACT_DIR"];
if (!dir) throw new Error('PACT_DIR is not set: run "make pact" or "make pact-update"');

// Each pattern matches the whole value, and only a text. Without the check of the type it would also match a number.
const pattern = (example: string, regex: string) =>
  ({ "pact:matcher:type": [{ "pact:matcher:type": "type" }, { "pact:matcher:type": "regex", regex }], value: example });
const text = (example: string) => pattern(example, "^.*\\S.*$");
const day = (example: string) => pattern(example, "^\\d{4}-\\d{2}-\\d{2}$");
const uuid = (example: string) => pattern(example, "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$");
const list = (item: object) => ({ "pact:matcher:type": "type", value: [item], min: 1 });

const chair = "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35";
const desk = "0198c0de-4c2d-7d5f-8b63-7e2f1f9c8b46";
const cursor = "b3BhcXVl";
const entry = (product: string, until: unknown) => ({ product: uuid(product), availability_end_date: until });

interface Exchange {
  description: string;
  given: string;
  path: string;
  query?: Record<string, string>;
  /** Parameters of the query whose values come from the provider's state, with examples. */
  fromState?: Record<string, string>;
  headers?: Record<string, unknown>;
  status?: number;
  contentType?: string;
  body: object;
}

/** Runs the storefront's code against a catalog that knows these exchanges. It fails unless the code makes exactly these. */
function contract(name: string, exchanges: Exchange[], use: (client: CatalogClient) => Promise<void>): void {
  test(name, async () => {
    const pact = new Pact({ consumer: "storefront", provider: "catalog", dir: dir!, logLevel: "error", host: "127.0.0.1" });
    const added = exchanges.map((e) => {
      const query: Record<string, unknown> = { ...e.query };
      for (const [name, example] of Object.entries(e.fromState ?? {})) query[name] = MatchersV3.fromProviderState(`\${${name}}`, example);
      return pact
        .addInteraction()
        .given(e.given)
        .uponReceiving(e.description)
        .withRequest("GET", e.path, (b) => void b.query(query as Record<string, string>))
        .willRespondWith(e.status ?? 200, (b) => {
          b.headers({ "Content-Type": e.contentType ?? "application/json", ...e.headers } as Record<string, string>).jsonBody(e.body);
        });
    });
    // The pact has all exchanges, so running any of them runs all of them.
    await added.at(-1)!.executeTest((server) => use(createCatalogClient({ baseUrl: server.url })));
  });
}

const offered = { market: "NL", available_on: "2026-03-01", limit: "200" };
const later = "2026-10-01";
const product = { product_uuid: uuid(chair), name: text("Rocking chair"), product_category: text("Furniture") };

contract("the offers on two pages, and an offer without an end", [
  {
    description: "the first page of the offers in a market on a day",
    given: "more entries in a market than a page holds", path: "/catalog/api/v1", query: offered,
    headers: {
      Link: MatchersV3.regex('<.*cursor=[^&>]+.*>; rel="next"', `</catalog/api/v1?market=NL&available_on=2026-03-01&cursor=${cursor}&limit=200>; rel="next"`),
    },
    body: list(entry(desk, day("2026-06-30"))),
  },
  {
    description: "the next page of the offers in a market on a day",
    given: "more entries in a market than a page holds", path: "/catalog/api/v1", query: offered, fromState: { cursor },
    body: list(entry(chair, day("2026-09-30"))),
  },
  {
    description: "an offer that is open",
    given: "an entry without end in a market", path: "/catalog/api/v1", query: { ...offered, available_on: later },
    body: list(entry(chair, null)),
  },
  {
    description: "all products by name",
    given: "a product", path: "/catalog/api/v1/products", query: { include_discontinued: "true", limit: "200", sort: "name" },
    body: list(product),
  },
], async (client) => {
  // The desk, which is on the first page, was deleted meanwhile.
  const shown = (until: string) => `PRODUCT        CATEGORY   UNTIL\nRocking chair  Furniture  ${until}\n1 available\n`;
  assert.equal(table(await available(client, offered.market, offered.available_on)), shown("2026-09-30"));
  assert.equal(table(await available(client, offered.market, later)), shown("open"));
});

contract("the offers on a day that does not exist", [{
  description: "the offers on a day that does not exist",
  given: "nothing", path: "/catalog/api/v1", query: { ...offered, available_on: "2026-02-30" },
  status: 422, contentType: "application/problem+json",
  body: {
    type: pattern("https://monsplit.github.io/problems/invalid", "^.*/invalid$"), title: text("Unprocessable Entity"), status: 422,
    errors: list({ pointer: text("/query/available_on"), detail: text("must be a date") }),
  },
}], async (client) => {
  await assert.rejects(available(client, offered.market, "2026-02-30"), (error: unknown) => isProblem(error, "invalid") && /\/query\/available_on must be a date/.test(error.message));
});

contract("a product arrives", [{
  description: "a search for a product by its name",
  given: "a product", path: "/catalog/api/v1/products", query: { limit: "200", search: "Rocking chair" },
  body: list(product),
}], async (client) => {
  const { product_uuid, product_category } = await arrival(client, "Rocking chair", 10_000, assert.fail);
  assert.deepEqual([product_uuid, product_category], [chair, "Furniture"]);
});

contract("a product does not arrive", [{
  description: "a search for a product that does not exist",
  given: "nothing", path: "/catalog/api/v1/products", query: { limit: "200", search: "Rocking chair" },
  body: [],
}], async (client) => {
  await assert.rejects(arrival(client, "Rocking chair", 1_500, assert.fail), { message: 'no product named "Rocking chair" arrived within 1.5 s' });
});
