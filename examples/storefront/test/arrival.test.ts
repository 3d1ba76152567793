import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createCatalogClient } from "@monsplit/client/catalog";
import { arrival } from "../src/arrival.js";

const json = { "Content-Type": "application/json" };
const list = (...names: string[]) => new Response(JSON.stringify(names.map((name) => ({ name }))), { headers: json });
const gateway = (status: number) => new Response("<h1>Sorry</h1>", { status, statusText: `Gateway ${status}`, headers: { "Content-Type": "text/html" } });

/** A client of a catalog that gives these answers, one for each try. After the last one it does not answer any more. */
function catalog(...looks: (() => Response | Promise<Response>)[]) {
  return createCatalogClient({ baseUrl: "http://catalog.example", timeout: 500, fetch: async () => (looks.shift() ?? never)() });
}

const never = () => new Promise<Response>(() => {});

/** An address where no server listens: a server that used it has just ended. */
async function abandoned(): Promise<string> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return `http://127.0.0.1:${port}`;
}

test("it waits for a catalog that is away", async () => {
  const away = await abandoned();
  const cut = () => { throw new TypeError("terminated", { cause: new Error("other side closed") }); };
  const client = catalog(
    () => fetch(away), () => fetch(away), never, cut, () => gateway(502), () => gateway(503), () => gateway(504),
    () => list("Hammock XL"), () => gateway(504), () => list("Hammock XL", "Hammock"),
  );
  const reports: string[] = [];
  const product = await arrival(client, "Hammock", 30_000, (trouble) => reports.push(trouble));
  assert.equal(product.name, "Hammock");
  const reasons = [/ECONNREFUSED/, /no whole answer within 500 ms/, /other side closed/, /502/, /503/, /504/, /504/];
  assert.equal(reports.length, reasons.length, reports.join("\n"));
  for (const [i, pattern] of reasons.entries()) assert.match(reports[i]!, pattern);
});

test("it waits as long as Retry-After says", async () => {
  const client = catalog(() => new Response(null, { status: 503, headers: { "Retry-After": "1" } }), () => list("Hammock"));
  const begin = performance.now();
  await arrival(client, "Hammock", 30_000, () => {});
  assert.ok(performance.now() - begin >= 990);
});

test("if the product does not arrive, the error has the last trouble", async () => {
  await assert.rejects(arrival(catalog(() => list()), "Hammock", 500, () => {}), { message: 'no product named "Hammock" arrived within 0.5 s' });
  await assert.rejects(arrival(catalog(), "Hammock", 20, () => {}), /within 0.02 s: the catalog has not answered yet$/);
  const busy = () => new Response(null, { status: 503, headers: { "Retry-After": "9999999" } });
  await assert.rejects(arrival(catalog(busy, assert.fail), "Hammock", 500, () => {}), /within 0.5 s: .*503/);
});

test("a permanent failure is an error at once", async () => {
  for (const answer of [
    new Response('{"type": "https://monsplit.github.io/problems/invalid"}', { status: 422, headers: { "Content-Type": "application/problem+json" } }),
    new Response("<p>Please log in</p>", { headers: { "Content-Type": "text/html" } }),
    gateway(500),
  ]) {
    await assert.rejects(arrival(catalog(() => answer), "Hammock", 30_000, assert.fail), /422|base URL|500/);
  }
});
