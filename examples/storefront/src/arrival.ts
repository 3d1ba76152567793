import { setTimeout } from "node:timers/promises";
import { isProblem, items } from "@monsplit/client";
import type { CatalogClient, Product } from "@monsplit/client/catalog";

/** Milliseconds between two looks. Products come by events, usually within some milliseconds of their creation. */
const pause = 200;

/** The product of this name, once it is known in the catalog; rejects when it is not within the limit. */
export async function arrival(client: CatalogClient, name: string, limit: number): Promise<Product> {
  const signal = AbortSignal.timeout(limit);
  try {
    for (;;) {
      const product = await find(client, name, signal);
      if (product) return product;
      await setTimeout(pause, undefined, { signal });
    }
  } catch (error) {
    if (signal.aborted) throw new Error(`no product named ${JSON.stringify(name)} arrived within ${limit / 1000} s`);
    throw error;
  }
}

/** One look. A service that is away for a moment (503) is asked again after the time that it names. */
async function find(client: CatalogClient, name: string, signal: AbortSignal): Promise<Product | undefined> {
  try {
    for await (const product of items((at) => client.GET("/catalog/api/v1/products", { params: { query: { ...at, search: name } }, signal }))) {
      if (product.name === name) return product;
    }
  } catch (error) {
    if (!isProblem(error, "unavailable")) throw error;
    await setTimeout((error.retryAfter ?? 1) * 1000, undefined, { signal });
  }
  return undefined;
}
