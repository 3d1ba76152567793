/** The client of the catalog service: its entries and markets, and its copy of the products. */
import type { Client } from "openapi-fetch";
import type { components, paths } from "./catalog.gen.js";
import { connect, type Options } from "./connect.js";

export type { components, paths };
export type Entry = components["schemas"]["Entry"];
export type EntryInput = components["schemas"]["EntryInput"];
export type EntryPatch = components["schemas"]["EntryPatch"];
export type Market = components["schemas"]["Market"];
export type MarketInput = components["schemas"]["MarketInput"];
export type MarketPatch = components["schemas"]["MarketPatch"];
export type Product = components["schemas"]["Product"];

export type CatalogClient = Client<paths>;

export function createCatalogClient(options: Options): CatalogClient {
  return connect<paths>(options);
}
