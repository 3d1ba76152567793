import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { ok } from "@monsplit/client";
import { createCatalogClient } from "@monsplit/client/catalog";
import { json } from "./answered.js";

/**
 * Runs a server whose answers never end. One path gets no answer at all, and any other path gets the beginning of a body. The
 * promise over resolves when the client of the first request has gone.
 */
async function stalled(t: TestContext): Promise<{ baseUrl: string; over: Promise<void> }> {
  let gone = () => {};
  const over = new Promise<void>((resolve) => { gone = resolve; });
  const server = createServer((request, response) => {
    response.once("close", gone);
    if (!request.url!.endsWith("/products")) response.writeHead(200, json).write("[");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, over };
}

const calls = {
  "before the answer begins": "/catalog/api/v1/products",
  "in the midst of the body": "/catalog/api/v1/markets",
} as const;

/** Collects garbage again and again, and fails if the promise has not resolved after ten seconds. */
async function amidGarbage<T>(t: TestContext, work: Promise<T>): Promise<T> {
  const collect = globalThis.gc;
  assert.ok(collect, "these tests need node --expose-gc");
  let deadline: NodeJS.Timeout | undefined;
  const collecting = setInterval(collect, 5);
  t.after(() => clearInterval(collecting));
  t.after(() => clearTimeout(deadline));
  return Promise.race([work, new Promise<never>((_, reject) => {
    deadline = setTimeout(() => reject(new Error("nothing after ten seconds")), 10_000);
  })]);
}

for (const [when, path] of Object.entries(calls)) {
  test(`the time-out comes ${when}, even during garbage collection`, async (t) => {
    const { baseUrl, over } = await stalled(t);
    const client = createCatalogClient({ baseUrl, timeout: 200 });
    await assert.rejects(amidGarbage(t, ok(client.GET(path))), { name: "TimeoutError", message: new RegExp(`GET http.*${path}: no whole answer within 200 ms`) });
    await amidGarbage(t, over);
  });

  test(`the caller's own abort comes ${when}, even during garbage collection`, async (t) => {
    const { baseUrl, over } = await stalled(t);
    const client = createCatalogClient({ baseUrl, timeout: 0 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("not wanted any more")), 200);
    await assert.rejects(amidGarbage(t, ok(client.GET(path, { signal: controller.signal }))), /not wanted any more/);
    await amidGarbage(t, over);
  });
}

test("the limit works with a custom fetch that ignores the signal", async () => {
  const client = createCatalogClient({ baseUrl: "http://shop.example", timeout: 10, fetch: () => new Promise(() => {}) });
  await assert.rejects(ok(client.GET("/catalog/api/v1/markets")), { name: "TimeoutError" });
});

test("a request that is already aborted is not sent", async () => {
  const client = createCatalogClient({ baseUrl: "http://shop.example", fetch: () => assert.fail("sent") });
  await assert.rejects(ok(client.GET("/catalog/api/v1/markets", { signal: AbortSignal.abort(new Error("too late")) })), /too late/);
});

test("a request leaves no timer and no listener behind", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  const before = timers();
  let during = 0;
  const signals: AbortSignal[] = [];
  const client = createCatalogClient({
    baseUrl: "http://shop.example",
    timeout: 3_600_000,
    fetch: async () => {
      during = timers();
      if (signals.length > 1) throw new TypeError("fetch failed");
      return new Response("[]", { headers: json });
    },
  });
  client.use({ onRequest: ({ request }) => void signals.push(request.signal) });
  await ok(client.GET("/catalog/api/v1/markets"));
  await assert.rejects(client.GET("/catalog/api/v1/markets"), /fetch failed/);
  assert.deepEqual([during, timers()], [before + 1, before]);
  assert.deepEqual(signals.map((signal) => getEventListeners(signal, "abort").length), [0, 0]);
});

test("a time-out is checked at once", () => {
  for (const timeout of [-1, 1.5, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => createCatalogClient({ baseUrl: "http://shop.example", timeout }), { name: "RangeError", message: /want whole milliseconds/ }, `${timeout}`);
  }
});

test("a time-out of 0 means no limit", async () => {
  let resolve: (response: Response) => void = () => {};
  const client = createCatalogClient({ baseUrl: "http://shop.example", timeout: 0, fetch: () => new Promise((r) => { resolve = r; }) });
  const answer = ok(client.GET("/catalog/api/v1/markets"));
  setTimeout(() => resolve(new Response("[]", { headers: json })), 20);
  assert.deepEqual((await answer).data, []);
});
