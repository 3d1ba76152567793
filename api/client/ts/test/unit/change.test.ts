// Tests of changes whose outcome comes later.
import assert from "node:assert/strict";
import { test } from "node:test";
import { idempotencyKey, isProblem, ok } from "@monsplit/client";
import { createCatalogClient } from "@monsplit/client/catalog";
import { awaitCatalogChange, pendingChange } from "@monsplit/client/monolith";
import { answered, json, problemJSON, type MonolithClient } from "./answered.js";

const location = "/api/v1/catalog-change/0198c0de-9d55-7e31-8b60-2c7a4f5e1d08";
const path = { id: 5 };

const entry = { product: 17, market: 3 };

/** The changes of the catalog. */
const changes = {
  PUT: (client: MonolithClient) => client.PUT("/api/v1/catalog/{id}", { params: { path }, body: {} }),
  PATCH: (client: MonolithClient) => client.PATCH("/api/v1/catalog/{id}", { params: { path }, body: {} }),
  POST: (client: MonolithClient) => client.POST("/api/v1/catalog", { body: entry, headers: idempotencyKey("k") }),
  DELETE: (client: MonolithClient) => client.DELETE("/api/v1/catalog/{id}", { params: { path } }),
};

const requested = (body: string | null, headers = {}) => new Response(body, { status: 202, headers: { Location: location, ...headers } });

test("a change may be carried out later", async () => {
  for (const [method, call] of Object.entries(changes)) {
    const change = call as typeof changes.POST;
    const answer = await ok(change(answered(method === "DELETE" ? requested(null) : requested('{"id":5}', json)).client));
    assert.equal(pendingChange(answer), location, method);
    assert.deepEqual(answer.data, method === "DELETE" ? undefined : { id: 5 });
    if (method === "DELETE") continue;
    for (const odd of [requested(null, json), requested("", json), requested("<p>Accepted</p>", { "Content-Type": "text/html" })]) {
      await assert.rejects(ok(change(answered(odd).client)), /is the base URL right/, method);
    }
  }
  assert.equal(pendingChange(await ok(changes.POST(answered(new Response('{"id":5}', { status: 201, headers: json })).client))), undefined);
  const catalog = createCatalogClient({ baseUrl: "http://shop.example", fetch: async () => requested('{"id":"x"}', json) });
  await assert.rejects(ok(catalog.POST("/catalog/api/v1", { body: { product: "x", market: "NL" } })), /status 202/);
});

const change = (state: object, retryAfter?: string) =>
  new Response(JSON.stringify(state), { headers: retryAfter ? { ...json, "Retry-After": retryAfter } : json });
const away = () => new Response("{}", { status: 503, headers: { ...problemJSON, "Retry-After": "7" } });

test("a change is read until it is finished, as often as the service says", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { client, requests } = answered(change({ state: "pending" }, "2"), change({ state: "pending" }), away(), change({ state: "done", version: 4 }));
  let finished: unknown;
  const waiting = awaitCatalogChange(client, location).then((result) => (finished = result));
  for (const [n, seconds] of [2, 1, 7].entries()) {
    while (requests.length < n + 1) await new Promise(setImmediate);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate); // the answer is read, and the pause begins
    t.mock.timers.tick(seconds * 1000 - 1);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    assert.equal(requests.length, n + 1, `a look before ${seconds} s`);
    t.mock.timers.tick(1);
  }
  assert.deepEqual(await waiting, { state: "done", version: 4 });
  assert.ok(finished);
  assert.deepEqual([...new Set(requests.map(({ url }) => url))], ["http://shop.example/legacy" + location]);
});

test("a change that was refused is the problem that it would have been at once", async () => {
  const problem = {
    type: "https://monsplit.github.io/problems/entry-exists", title: "Conflict", status: 409, detail: "There is already an entry.",
    errors: [{ pointer: "/market", detail: "is taken" }],
  };
  await assert.rejects(awaitCatalogChange(answered(change({ state: "refused", problem })).client, location), (error: unknown) => {
    assert.ok(isProblem(error, "entry-exists"));
    assert.deepEqual([error.status, error.title, error.detail, error.errors], [409, "Conflict", problem.detail, problem.errors]);
    return true;
  });
  await assert.rejects(awaitCatalogChange(answered(change({ state: "refused" })).client, location), (error: unknown) => isProblem(error, "about:blank"));
  const missing = new Response('{"type":"https://monsplit.github.io/problems/not-found"}', { status: 404, headers: problemJSON });
  await assert.rejects(awaitCatalogChange(answered(missing).client, location), (error: unknown) => isProblem(error, "not-found"));
});

test("a signal ends the wait, during a pause or before it", async () => {
  for (const aborted of [false, true]) {
    const controller = new AbortController();
    const { client } = answered(change({ state: "pending" }, "600"));
    if (aborted) controller.abort(new Error("too late"));
    const waiting = awaitCatalogChange(client, location, { signal: controller.signal });
    if (!aborted) setTimeout(() => controller.abort(new Error("too late")), 10);
    await assert.rejects(waiting, /too late/);
  }
});
