/** The client of the monolith: its products, and the catalog in the shape that old integrations know. */
import type { Client } from "openapi-fetch";
import { connect, type Options } from "./connect.js";
import type { components, paths } from "./monolith.gen.js";

export { awaitCatalogChange, pendingChange, type CatalogChange } from "./change.js";
export type { components, paths };
export type LegacyEntry = components["schemas"]["LegacyEntry"];
export type LegacyMarket = components["schemas"]["LegacyMarket"];
export type Product = components["schemas"]["Product"];
export type ProductInput = components["schemas"]["ProductInput"];
export type ProductPatch = components["schemas"]["ProductPatch"];

export type MonolithClient = Client<paths>;

export function createMonolithClient(options: Options): MonolithClient {
  return connect<paths>(options, changesCatalog);
}

/** Another service owns the catalog. So the outcome of its changes may come later. */
function changesCatalog({ method, url }: Request): boolean {
  return method !== "GET" && new URL(url).pathname.includes("/api/v1/catalog");
}
