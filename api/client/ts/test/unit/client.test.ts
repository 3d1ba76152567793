// Tests of answers that do not come from these services: from gateways, captive portals and services of another version.
// test/services tests the answers of the services themselves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { atLeast, changed, etagOf, idempotencyKey, ifMatch, ifNoneMatch, newIdempotencyKey, ok, written } from "@monsplit/client";
import { createCatalogClient } from "@monsplit/client/catalog";
import { createMonolithClient } from "@monsplit/client/monolith";
import { answered, json, product, type MonolithClient } from "./answered.js";

const path = { id: 7 };

const unchanged = (client: MonolithClient) => client.GET("/api/v1/product/{id}", { params: { path }, headers: ifNoneMatch('"3"') });

/** One operation of each method. */
const operations = {
  GET: product,
  PUT: (client: MonolithClient) => client.PUT("/api/v1/product/{id}", { params: { path }, body: { name: "Desk", product_category: "Office" } }),
  PATCH: (client: MonolithClient) => client.PATCH("/api/v1/product/{id}", { params: { path }, body: { name: "Desk" } }),
  POST: (client: MonolithClient) => client.POST("/api/v1/product", { body: { name: "Desk", product_category: "Office" } }),
  DELETE: (client: MonolithClient) => client.DELETE("/api/v1/product/{id}", { params: { path } }),
};

test("each method succeeds only with the documented status", async () => {
  const described = { GET: 200, PUT: 200, PATCH: 200, POST: 201, DELETE: 204 };
  for (const [method, call] of Object.entries(operations)) {
    for (const status of [200, 201, 202, 204, 205, 206, 304]) {
      const answer = new Response([204, 205, 304].includes(status) ? null : '{"id": 7}', { status, headers: json });
      const answering = ok(call(answered(answer).client) as ReturnType<typeof product>);
      if (status === described[method as keyof typeof described]) {
        assert.deepEqual((await answering).data, status === 204 ? undefined : { id: 7 }, method);
      } else {
        const message = `answered with status ${status} and content type "application/json", as the service never does: is the base URL right?`;
        await assert.rejects(answering, (error: Error) => error.message.startsWith(`${method} http://shop.example/legacy/api/v1/product`) && error.message.endsWith(message), `${method} ${status}`);
      }
    }
  }
});

test("a page from a captive portal is not a success", async () => {
  for (const answer of [
    new Response("<p>Please log in</p>", { headers: { "Content-Type": "text/html" } }),
    new Response("[]", { headers: { "Content-Type": "text/plain" } }),
    new Response("[]", { headers: { "Content-Type": "text/plain; charset=application/json" } }),
    new Response(null, { headers: { ...json, "Content-Length": "0" } }),
    new Response("", { headers: json }),
    new Response(null, { status: 302, headers: { Location: "/login" } }),
  ]) {
    await assert.rejects(ok(product(answered(answer).client)), /is the base URL right/);
  }
  await assert.rejects(ok(product(answered(new Response('{"id": 1', { headers: json })).client)), SyntaxError);
});

test("changed accepts 304, and ok throws", async () => {
  const { client } = answered(new Response(null, { status: 304, headers: { ETag: '"3"' } }));
  assert.equal(await changed(unchanged(client)), undefined);
  await assert.rejects(ok(unchanged(client)), /304/);
  await assert.rejects(changed(product(client)), /status 304 .* as the service never does/);
  const replaced = client.PUT("/api/v1/product/{id}", { params: { path }, body: { name: "Desk", product_category: "Office" }, headers: ifNoneMatch('"3"') });
  await assert.rejects(changed(replaced), /status 304 .* as the service never does/);
});

test("a patch is a merge patch, below the base URL, with its headers", async () => {
  const { client, requests } = answered(new Response("{}", { headers: { ...json, ETag: '"4"' } }));
  const { etag, response } = await ok(client.PATCH("/api/v1/product/{id}", {
    params: { path }, body: { discontinued: true }, headers: { ...ifMatch(etagOf({ version: 3 })), ...idempotencyKey("k") },
  }));
  const sent = requests[0]!;
  assert.equal(etag, '"4"');
  assert.equal(response.status, 200);
  assert.equal(sent.url, "http://shop.example/legacy/api/v1/product/7");
  assert.deepEqual(["Content-Type", "If-Match", "Idempotency-Key"].map((name) => sent.headers.get(name)), ["application/merge-patch+json", '"3"', "k"]);
  assert.equal(await sent.text(), '{"discontinued":true}');
  assert.notEqual(newIdempotencyKey(), newIdempotencyKey());
});

test("a token is sent with every request, and a header of the caller replaces it", async () => {
  const sent: (string | null)[] = [];
  const fetch = async (request: Request) => {
    sent.push(request.headers.get("Authorization"));
    return new Response('{"id": 7}', { headers: json });
  };
  const baseUrl = "http://shop.example";
  for (const options of [{ token: "secret" }, {}, { token: "secret", headers: { authorization: "Basic x" } }]) {
    await ok(product(createMonolithClient({ baseUrl, fetch, ...options })));
  }
  assert.deepEqual(sent, ["Bearer secret", null, "Basic x"]);
});

test("an ETag that a proxy made weak still matches", async () => {
  const { client, requests } = answered(new Response('{"id": 7}', { headers: { ...json, ETag: 'W/"3"' } }));
  const { etag } = await ok(product(client));
  await ok(client.PATCH("/api/v1/product/{id}", { params: { path }, body: {}, headers: ifMatch(etag!) }));
  assert.equal(requests[1]!.headers.get("If-Match"), '"3"');
});

test("a write names its version, and a read asks for it", async () => {
  const { client, requests } = answered(
    new Response('{"id": 7}', { status: 201, headers: { ...json, "Aggregate-Id": "0198c0de", "Aggregate-Version": "4" } }),
    new Response('{"id": 7}', { headers: json }),
  );
  const created = written(await ok(client.POST("/api/v1/product", { body: { name: "Desk", product_category: "Office" } })));
  assert.deepEqual(created, { id: "0198c0de", version: 4 });
  const read = await ok(client.GET("/api/v1/catalog/{id}", { params: { path, ...atLeast(created!.version, 4.2) }, headers: ifNoneMatch('"3"') }));
  await ok(client.GET("/api/v1/catalog/{id}", { params: { path, ...atLeast(4) } }));
  assert.deepEqual(requests.slice(1).map(({ url, headers }) => [url, headers.get("Prefer"), headers.get("If-None-Match")]), [
    ["http://shop.example/legacy/api/v1/catalog/7?min_version=4", "wait=5", '"3"'],
    ["http://shop.example/legacy/api/v1/catalog/7?min_version=4", null, null],
  ]);
  assert.equal(written(read), undefined);
  for (const version of ["", "0", "new", "1.5"]) {
    const headers = { "Aggregate-Id": "0198c0de", "Aggregate-Version": version };
    assert.equal(written({ response: new Response(null, { headers }) }), undefined, version);
  }
});

test("a base URL is checked at once", () => {
  for (const baseUrl of ["", "localhost:8000", "ftp://shop.example", "http://", "http://shop.example?x=1", "http://shop.example#x", "http://me:secret@shop.example"]) {
    assert.throws(() => createCatalogClient({ baseUrl }), (error: unknown) => error instanceof TypeError && !error.message.includes("secret"), baseUrl);
  }
});
