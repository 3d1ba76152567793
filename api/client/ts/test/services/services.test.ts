// Tests the whole life of a product and its entry against running services. Run `npm run test:services` after `npm test`, with
// the base URLs in MONOLITH_URL and CATALOG_URL. `make examples` starts a demo for it.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { atLeast, changed, etagOf, idempotencyKey, ifMatch, ifNoneMatch, isProblem, items, newIdempotencyKey, ok, written } from "@monsplit/client";
import { createCatalogClient } from "@monsplit/client/catalog";
import { awaitCatalogChange, createMonolithClient, pendingChange } from "@monsplit/client/monolith";

const monolith = createMonolithClient({ baseUrl: fromEnvironment("MONOLITH_URL") });
const catalog = createCatalogClient({ baseUrl: fromEnvironment("CATALOG_URL") });

function fromEnvironment(name: string): string {
  const url = process.env[name];
  if (!url) throw new Error(`set ${name} to where the service runs, such as http://127.0.0.1:8000`);
  return url;
}

/** Names that only this run uses, so that the test can run again on the same services. */
const category = newIdempotencyKey().slice(0, 25);

const problem = (name: string) => (error: unknown) => isProblem(error, name) && error.requestId !== undefined;

async function create(name: string) {
  return ok(monolith.POST("/api/v1/product", { body: { name, product_category: category } }));
}

async function eventually<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await setTimeout(20)) {
    const found = await attempt();
    if (found !== undefined) return found;
  }
  throw new Error(`timed out waiting until ${what}`);
}

test("a client can send a creation again", async () => {
  const headers = idempotencyKey(newIdempotencyKey());
  const body = { name: "Standing desk", product_category: category };
  const first = await ok(monolith.POST("/api/v1/product", { body, headers }));
  const again = await ok(monolith.POST("/api/v1/product", { body, headers }));
  assert.equal(first.response.status, 201);
  assert.deepEqual(again.data, first.data);
  await assert.rejects(ok(monolith.POST("/api/v1/product", { body: { ...body, name: "Another" }, headers })), problem("idempotency-key-reused"));
});

test("bad input lists every fault", async () => {
  await assert.rejects(ok(monolith.POST("/api/v1/product", { body: { name: " ", product_category: "" } })), (error: unknown) => {
    assert.ok(isProblem(error, "invalid"));
    assert.deepEqual(error.errors.map((fault) => fault.pointer).sort(), ["/name", "/product_category"]);
    return true;
  });
});

test("a change applies only to the version that was read", async () => {
  const { data, etag } = await create("Versioned desk");
  const params = { path: { id: data.id } };
  assert.equal(etag, etagOf(data));
  assert.equal(await changed(monolith.GET("/api/v1/product/{id}", { params, headers: ifNoneMatch(etag!) })), undefined);
  const renamed = await ok(monolith.PATCH("/api/v1/product/{id}", { params, body: { name: "Versioned desk 160" }, headers: ifMatch(etag!) }));
  assert.deepEqual([renamed.data.version, renamed.data.name, renamed.data.product_category], [data.version + 1, "Versioned desk 160", category]);
  await assert.rejects(ok(monolith.DELETE("/api/v1/product/{id}", { params, headers: ifMatch(etag!) })), problem("stale"));
  await ok(monolith.DELETE("/api/v1/product/{id}", { params, headers: ifMatch(renamed.etag!) }));
  await assert.rejects(ok(monolith.GET("/api/v1/product/{id}", { params })), problem("not-found"));
  await assert.rejects(ok(monolith.DELETE("/api/v1/catalog/{id}", { params: { path: { id: 999999999 } } })), problem("not-found"));
});

test("a write can be read in the other service at once", async () => {
  const created = await create("Desk to read");
  const { id, version } = written(created)!;
  assert.deepEqual([id, version], [created.data.product_uuid, 1]);
  const params = { path: { product_uuid: id }, ...atLeast(version, 10) };
  const { data, response } = await ok(catalog.GET("/catalog/api/v1/products/{product_uuid}", { params }));
  assert.deepEqual([data.name, data.version, response.headers.get("Preference-Applied")], ["Desk to read", 1, "wait=10"]);
  const later = { path: { product_uuid: id }, ...atLeast(version + 1) };
  await assert.rejects(ok(catalog.GET("/catalog/api/v1/products/{product_uuid}", { params: later })), problem("not-yet"));
});

test("a list has all its pages, with its filters and in its order", async () => {
  const names = ["Shelf 1", "Shelf 2", "Shelf 3", "Shelf 4", "Shelf 5"];
  for (const name of names) await create(name);
  const found: string[] = [];
  const query = { product_category: category, search: "shelf", sort: "-name" } as const;
  for await (const { name } of items((at) => monolith.GET("/api/v1/product", { params: { query: { ...at, ...query, limit: 2 } } }))) found.push(name);
  assert.deepEqual(found, names.toReversed());

  await eventually("the shelves arrive in the catalog", async () => {
    const copied: string[] = [];
    for await (const { name } of items((at) => catalog.GET("/catalog/api/v1/products", { params: { query: { ...at, ...query, limit: 2 } } }))) copied.push(name);
    return copied.join() === names.toReversed().join() || undefined;
  });
});

test("an entry can be created when its product has arrived, and its dates can be removed", async () => {
  const { data } = await create("Listed desk");
  await assert.rejects(
    ok(catalog.POST("/catalog/api/v1", { body: { product: newIdempotencyKey(), market: "DE" } })), problem("unknown-reference"));
  const entry = await eventually("the product can be listed", async () => {
    try {
      return await ok(catalog.POST("/catalog/api/v1", { body: { product: data.product_uuid, market: "DE", availability_date: "2026-01-01" } }));
    } catch (error) {
      if (!isProblem(error, "unknown-reference")) throw error;
      return undefined;
    }
  });
  const params = { path: { id: entry.data.id } };
  const ended = await ok(catalog.PATCH("/catalog/api/v1/{id}", { params, body: { availability_end_date: "2026-12-31" }, headers: ifMatch(entry.etag!) }));
  assert.deepEqual([ended.data.availability_date, ended.data.availability_end_date], ["2026-01-01", "2026-12-31"]);
  const open = await ok(catalog.PATCH("/catalog/api/v1/{id}", { params, body: { availability_end_date: null }, headers: ifMatch(ended.etag!) }));
  assert.equal(open.data.availability_end_date, null);
  const legacy = await eventually("the entry arrives behind the legacy API", async () => {
    const list = await ok(monolith.GET("/api/v1/catalog", { params: { query: { product: data.id } } }));
    return list.data[0];
  });
  assert.equal(legacy.availability_date, "2026-01-01");
});

test("a client changes the catalog through the monolith, with and without waiting for the outcome", async () => {
  const { data } = await create("Desk of an old integration");
  const body = { product: data.id, market: (await ok(monolith.GET("/api/v1/market"))).data[0]!.id };
  const signal = AbortSignal.timeout(60_000);
  const requested = await ok(monolith.POST("/api/v1/catalog", { body, headers: { ...idempotencyKey(newIdempotencyKey()), Prefer: "respond-async" } }));
  const address = pendingChange(requested);
  assert.equal(requested.response.headers.get("Preference-Applied"), "respond-async");
  const done = await awaitCatalogChange(monolith, address!, { signal });
  assert.deepEqual([done.state, done.operation, done.catalog], ["done", "create", requested.data.id]);

  await assert.rejects(async () => {
    const again = pendingChange(await ok(monolith.POST("/api/v1/catalog", { body })));
    if (again) await awaitCatalogChange(monolith, again, { signal });
  }, (error: unknown) => isProblem(error, "entry-exists"));

  const params = { path: { id: done.catalog } };
  const { etag } = await ok(monolith.GET("/api/v1/catalog/{id}", { params }));
  const deletion = await ok(monolith.DELETE("/api/v1/catalog/{id}", { params, headers: { ...ifMatch(etag!), Prefer: "respond-async" } }));
  await awaitCatalogChange(monolith, pendingChange(deletion)!, { signal });
  await assert.rejects(ok(monolith.GET("/api/v1/catalog/{id}", { params })), problem("not-found"));
});

test("the README's examples run", async () => {
  await ok(catalog.DELETE("/catalog/api/v1/markets/{iso_code}", { params: { path: { iso_code: "IS" } } })).catch((error: unknown) => {
    if (!isProblem(error, "not-found")) throw error;
  });
  await runHere("example");
  const { data } = await ok(catalog.GET("/catalog/api/v1/markets/{iso_code}", { params: { path: { iso_code: "IS" } } }));
  assert.equal(data.name, "Iceland");
  await runHere("change");
});

/** Runs an example against the services of this test. */
async function runHere(name: string): Promise<void> {
  const example = await readFile(`build/test/package/${name}.js`, "utf8");
  const here = example.replace("http://127.0.0.1:8000", fromEnvironment("MONOLITH_URL")).replace("http://127.0.0.1:8001", fromEnvironment("CATALOG_URL"));
  assert.notEqual(here, example);
  await writeFile(`build/test/package/${name}-here.js`, here);
  await import(new URL(`../package/${name}-here.js`, import.meta.url).href);
}
