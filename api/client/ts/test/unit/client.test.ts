// What the services themselves answer is tested against them, in test/services. Here is what stands between: gateways,
// portals, and services of another version.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, etagOf, idempotencyKey, ifMatch, isProblem, items, newIdempotencyKey, ok, Problem } from "@monsplit/client";
import { createCatalogClient, type components as catalog } from "@monsplit/client/catalog";
import { createMonolithClient, type components as monolith } from "@monsplit/client/monolith";

const json = { "Content-Type": "application/json" };
const problemJSON = { "Content-Type": "application/problem+json; charset=utf-8" };

/** A client of the monolith whose requests are answered in turn, the last answer again and again. */
function answered(...answers: Response[]) {
  const requests: Request[] = [];
  const client = createMonolithClient({
    baseUrl: "http://shop.example/legacy/",
    fetch: async (request) => {
      requests.push(request);
      return (answers.length > 1 ? answers.shift() : answers[0]?.clone())!;
    },
  });
  return { client, requests };
}

const product = (client: ReturnType<typeof answered>["client"]) => client.GET("/api/v1/product/{id}", { params: { path: { id: 7 } } });

test("an error answer is a problem with every fault", async () => {
  const body = {
    type: "https://monsplit.github.io/problems/invalid", title: "Unprocessable Entity", status: 422, detail: "The product is not valid.",
    request_id: "r-1", future: {}, errors: [{ pointer: "/name", detail: "must not be blank" }, { pointer: "/query/limit", detail: "must be at most 200" }],
  };
  const { client } = answered(new Response(JSON.stringify(body), { status: 422, headers: problemJSON }));
  await assert.rejects(ok(product(client)), (error: unknown) => {
    assert.equal(isProblem(error, "stale"), false);
    assert.ok(isProblem(error, "invalid"));
    assert.deepEqual([error.status, error.requestId, error.errors], [422, "r-1", body.errors]);
    assert.equal(error.message, "422 Unprocessable Entity: The product is not valid. /name must not be blank; /query/limit must be at most 200 (request r-1)");
    return true;
  });
});

test("an error answer without problem details is a problem too", async () => {
  const answers = {
    gateway: new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway", headers: { "Content-Type": "text/html", "Retry-After": "7" } }),
    cut: new Response('{"type": "https://monsp', { status: 500, headers: problemJSON }),
    empty: new Response(null, { status: 401 }),
    other: new Response('{"message": "no", "errors": {}}', { status: 403, headers: { ...json, "Retry-After": "soon" } }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    await assert.rejects(ok(product(answered(answer).client)), (error: unknown) => {
      assert.ok(error instanceof Problem, name);
      assert.deepEqual([error.type, error.status, error.errors], ["about:blank", answer.status, []]);
      assert.equal(error.retryAfter, name === "gateway" ? 7 : undefined);
      return true;
    });
  }
});

test("a page that some portal puts in between is no success", async () => {
  for (const answer of [
    new Response("<p>Please log in</p>", { headers: { "Content-Type": "text/html" } }),
    new Response("[]", { headers: { "Content-Type": "text/plain" } }),
    new Response(null, { status: 302, headers: { Location: "/login" } }),
  ]) {
    await assert.rejects(ok(product(answered(answer).client)), /is the base URL right/);
  }
  await assert.rejects(ok(product(answered(new Response('{"id": 1', { headers: json })).client)), SyntaxError);
});

test("304 is an answer to changed, and an error to ok", async () => {
  const { client } = answered(new Response(null, { status: 304, headers: { ETag: '"3"' } }));
  assert.equal(await changed(product(client)), undefined);
  await assert.rejects(ok(product(client)), /304/);
});

test("a patch is a merge patch, below the base URL, with its headers", async () => {
  const { client, requests } = answered(new Response("{}", { headers: { ...json, ETag: '"4"' } }));
  const { etag } = await ok(client.PATCH("/api/v1/product/{id}", {
    params: { path: { id: 7 } }, body: { discontinued: true }, headers: { ...ifMatch(etagOf({ version: 3 })), ...idempotencyKey("k") },
  }));
  const sent = requests[0]!;
  assert.equal(etag, '"4"');
  assert.equal(sent.url, "http://shop.example/legacy/api/v1/product/7");
  assert.deepEqual(["Content-Type", "If-Match", "Idempotency-Key"].map((name) => sent.headers.get(name)), ["application/merge-patch+json", '"3"', "k"]);
  assert.equal(await sent.text(), '{"discontinued":true}');
  assert.notEqual(newIdempotencyKey(), newIdempotencyKey());
});

test("a list is read as far as it is used", async () => {
  const page = () => new Response("[1, 2]", { headers: { ...json, Link: `</api/v1/product?cursor=c${requests.length}&limit=2>; rel="next"` } });
  const requests: string[] = [];
  const client = createMonolithClient({ baseUrl: "http://shop.example", fetch: async (r) => (requests.push(r.url), page()) });
  let n = 0;
  for await (const _ of items((at) => client.GET("/api/v1/product", { params: { query: { ...at, search: "a b" } } }))) {
    if (++n === 3) break;
  }
  assert.deepEqual(requests, ["http://shop.example/api/v1/product?limit=200&search=a%20b", "http://shop.example/api/v1/product?limit=200&cursor=c1&search=a%20b"]);
});

test("the next page is found in any Link header", async () => {
  const headers: Record<string, string | undefined> = {
    "": undefined,
    '</p?cursor=abc&limit=2>; rel="next"': "abc",
    '</p?cursor=abc>; title="a, b"; REL=next': "abc",
    '</first>; rel="first", </p?cursor=a%2Bb>; rel="prefetch NEXT"': "a+b",
    '</p?cursor=no>; rel="prev", </p?cursor=yes,2>; title="x"; rel="next"': "yes,2",
    '</p?cursor=no>; title="; rel=next"; rel="prev"': undefined,
    '<https://shop.example/p?cursor=abc>; rel="next"': "abc",
  };
  for (const [link, cursor] of Object.entries(headers)) {
    const { client, requests } = answered(new Response("[]", { headers: { ...json, Link: link } }), new Response("[]", { headers: json }));
    for await (const _ of items((at) => client.GET("/api/v1/product", { params: { query: at } }))) assert.fail();
    assert.equal(requests.length, cursor === undefined ? 1 : 2, link);
    if (cursor !== undefined) assert.equal(new URL(requests[1]!.url).searchParams.get("cursor"), cursor, link);
  }
});

test("a list never ends early without an error", async () => {
  for (const answer of [
    new Response("[]", { headers: { ...json, Link: '</p?page=2>; rel="next"' } }),
    new Response("[]", { headers: { ...json, Link: '</p?cursor=same>; rel="next"' } }),
    new Response('{"items": []}', { headers: json }),
    new Response(null, { status: 503 }),
  ]) {
    const { client } = answered(answer);
    await assert.rejects(async () => {
      for await (const _ of items((at) => client.GET("/api/v1/product", { params: { query: at } })));
    });
  }
});

test("the time-out covers the body", async () => {
  const stalled = (_: Request, init?: RequestInit) =>
    Promise.resolve(new Response(new ReadableStream({ start: (c) => init!.signal!.addEventListener("abort", () => c.error(init!.signal!.reason)) }), { headers: json }));
  const client = createCatalogClient({ baseUrl: "http://shop.example", timeout: 20, fetch: stalled });
  // AbortSignal.timeout does not keep the process alive, and there is no socket here that would.
  const alive = setInterval(() => {}, 1000);
  await assert.rejects(ok(client.GET("/catalog/api/v1/markets")), { name: "TimeoutError" });
  clearInterval(alive);
});

test("a base URL is checked at once", () => {
  for (const baseUrl of ["", "localhost:8000", "ftp://shop.example", "http://", "http://shop.example?x=1"]) {
    assert.throws(() => createCatalogClient({ baseUrl }), TypeError, baseUrl);
  }
});

/** Checked by the compiler: both documents have the same problems, so one class serves both. */
export type SameProblem = [
  monolith["schemas"]["Problem"] extends catalog["schemas"]["Problem"] ? true : never,
  catalog["schemas"]["Problem"] extends monolith["schemas"]["Problem"] ? true : never,
];
export const sameProblem: SameProblem = [true, true];
