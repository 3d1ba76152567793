import { items } from "@monsplit/client";
import type { CatalogClient, Product } from "@monsplit/client/catalog";

/** A product that is offered, and the last day of the offer, or null if the end is open. */
export interface Offer {
  product: Product;
  until: string | null;
}

/**
 * Returns the offers in a market on a day, sorted by name. It reads the entries first, so that all their products exist. If a
 * product is missing, it was deleted between the reads, and its entry is left out.
 */
export async function available(client: CatalogClient, market: string, day: string): Promise<Offer[]> {
  const until = new Map<string, string | null>();
  for await (const entry of items((at) => client.GET("/catalog/api/v1", { params: { query: { ...at, market, available_on: day } } }))) {
    until.set(entry.product, entry.availability_end_date);
  }
  const offers: Offer[] = [];
  for await (const product of items((at) =>
    client.GET("/catalog/api/v1/products", { params: { query: { ...at, include_discontinued: true, sort: "name" } } }),
  )) {
    const end = until.get(product.product_uuid);
    if (end !== undefined) offers.push({ product, until: end });
  }
  return offers;
}

export function table(offers: readonly Offer[]): string {
  const rows = offers.map(({ product, until }) => [printable(product.name), printable(product.product_category), until ?? "open"]);
  const all = [["PRODUCT", "CATEGORY", "UNTIL"], ...rows];
  const width = (column: number) => Math.max(...all.map((row) => [...row[column]!].length));
  const widths = [width(0), width(1)];
  const lines = all.map((row) => row.map((cell, i) => cell + " ".repeat(Math.max(0, (widths[i] ?? 0) - [...cell].length))).join("  "));
  return `${lines.join("\n")}\n${offers.length} available\n`;
}

/** Replaces characters of a name that could move columns or control the terminal. */
function printable(name: string): string {
  return name.replaceAll(/\p{Cc}/gu, "\uFFFD");
}
