import { atLeast, idempotencyKey, isProblem, newIdempotencyKey, ok, written } from "@monsplit/client";
import { createCatalogClient } from "@monsplit/client/catalog";
import { awaitCatalogChange, createMonolithClient, pendingChange } from "@monsplit/client/monolith";

const monolith = createMonolithClient({ baseUrl: "http://127.0.0.1:8000" });
const catalog = createCatalogClient({ baseUrl: "http://127.0.0.1:8001" });

// Read your write in the other service: it waits up to 5 seconds until its copy has this version.
const product = await ok(monolith.POST("/api/v1/product", { body: { name: "Oak desk", product_category: "Desks" } }));
const { id, version } = written(product)!;
await ok(catalog.GET("/catalog/api/v1/products/{product_uuid}", { params: { path: { product_uuid: id }, ...atLeast(version, 5) } }));

// Change the catalog through the monolith. Another service owns it. So the outcome may come later (202).
try {
  const created = await ok(monolith.POST("/api/v1/catalog", {
    body: { product: product.data.id, market: 1 }, headers: idempotencyKey(newIdempotencyKey()),
  }));
  const change = pendingChange(created); // undefined if the entry has been created
  if (change) await awaitCatalogChange(monolith, change, { signal: AbortSignal.timeout(60_000) });
} catch (error) {
  if (isProblem(error, "entry-exists")) console.log("the product already has an entry in this market");
  else throw error; // the time is over: the change is carried out later, so store its address
}
