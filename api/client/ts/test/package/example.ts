import { idempotencyKey, ifMatch, isProblem, items, newIdempotencyKey, ok } from "@monsplit/client";
import { createCatalogClient } from "@monsplit/client/catalog";

const catalog = createCatalogClient({ baseUrl: "http://127.0.0.1:8001", timeout: 5_000 });

// A list, page after page.
for await (const entry of items((at) => catalog.GET("/catalog/api/v1", { params: { query: { ...at, market: "DE" } } }))) {
  console.log(entry.product);
}

// A creation that can be sent again: its key is kept with it, and on disk if it has to outlive a crash.
const draft = { key: newIdempotencyKey(), market: { iso_code: "IS", name: "Island" } };
const create = () => ok(catalog.POST("/catalog/api/v1/markets", { body: draft.market, headers: idempotencyKey(draft.key) }));
const { data, etag } = await create().catch((error: unknown) => {
  if (isProblem(error) && error.status < 500) throw error; // it was refused
  return create(); // nobody knows what became of it: if it was made, the same key gives the first answer again
});

// A change to the version that was created.
try {
  await ok(catalog.PATCH("/catalog/api/v1/markets/{iso_code}", {
    params: { path: { iso_code: data.iso_code } }, body: { name: "Iceland" }, headers: ifMatch(etag!),
  }));
} catch (error) {
  if (isProblem(error, "stale")) console.log("somebody was faster");
  else throw error; // isProblem(error): error.status, error.detail, error.errors, error.requestId
}
