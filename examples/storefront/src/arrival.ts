import { setTimeout } from "node:timers/promises";
import { isProblem, items } from "@monsplit/client";
import type { CatalogClient, Product } from "@monsplit/client/catalog";
import { reason } from "./reason.js";

/** Milliseconds between two looks. Products come by events, usually within some milliseconds of their creation. */
const pause = 200;

/**
 * The product of this name, once it is known in the catalog; rejects when it is not within the limit in milliseconds. A
 * catalog that is away is waited for as well, and whenever the reason for that is another one it is reported.
 */
export async function arrival(client: CatalogClient, name: string, limit: number, report: (trouble: string) => void): Promise<Product> {
  const signal = AbortSignal.timeout(limit);
  let trouble: string | undefined = "the catalog has not answered yet";
  for (;;) {
    let wait = pause;
    try {
      const product = await find(client, name, signal);
      if (product) return product;
      trouble = undefined;
    } catch (error) {
      if (!signal.aborted) {
        if (!passing(error)) throw error;
        if (trouble !== reason(error)) report((trouble = reason(error)));
        if (isProblem(error) && error.retryAfter) wait = Math.min(error.retryAfter * 1000, limit);
      }
    }
    await setTimeout(wait, undefined, { signal }).catch(() => {
      throw new Error(`no product named ${JSON.stringify(name)} arrived within ${limit / 1000} s${trouble ? `: ${trouble}` : ""}`);
    });
  }
}

/** One look. */
async function find(client: CatalogClient, name: string, signal: AbortSignal): Promise<Product | undefined> {
  for await (const product of items((at) => client.GET("/catalog/api/v1/products", { params: { query: { ...at, search: name } }, signal }))) {
    if (product.name === name) return product;
  }
  return undefined;
}

/** Whether an error may be gone at the next look: nobody answers, or not in time, or a gateway says so. */
function passing(error: unknown): boolean {
  if (isProblem(error)) return [502, 503, 504].includes(error.status);
  if (error instanceof DOMException) return error.name === "TimeoutError";
  return error instanceof TypeError && error.cause !== undefined; // thus fetch says that there is no connection, or no longer
}
