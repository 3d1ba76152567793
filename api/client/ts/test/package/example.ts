import { idempotencyKey, ifMatch, isProblem, items, newIdempotencyKey, ok } from "@monsplit/client";
import { createCatalogClient } from "@monsplit/client/catalog";

const catalog = createCatalogClient({ baseUrl: "http://127.0.0.1:8001", timeout: 5_000 });

// Read a list, page by page.
for await (const entry of items((at) => catalog.GET("/catalog/api/v1", { params: { query: { ...at, market: "DE" } } }))) {
  console.log(entry.product);
}

// Create an entity so that the request can be sent again. Store the key with the draft, on disk if it must survive a crash.
const draft = { key: newIdempotencyKey(), market: { iso_code: "IS", name: "Island" } };
const create = () => ok(catalog.POST("/catalog/api/v1/markets", { body: draft.market, headers: idempotencyKey(draft.key) }));
const { data, etag } = await create().catch((error: unknown) => {
  if (isProblem(error) && error.status < 500) throw error; // it was refused
  return create(); // the outcome is unknown: if the market was created, the same key returns the first answer again
});

// Change the entity only if it still has the version that was created.
try {
  await ok(catalog.PATCH("/catalog/api/v1/markets/{iso_code}", {
    params: { path: { iso_code: data.iso_code } }, body: { name: "Iceland" }, headers: ifMatch(etag!),
  }));
} catch (error) {
  if (isProblem(error, "stale")) console.log("another client changed it first");
  else throw error; // isProblem(error): error.status, error.detail, error.errors, error.requestId
}
