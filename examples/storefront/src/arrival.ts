import { setTimeout } from "node:timers/promises";
import { isProblem, items } from "@monsplit/client";
import type { CatalogClient, Product } from "@monsplit/client/catalog";
import { reason } from "./reason.js";

/** Milliseconds between two tries. Products arrive by events, usually some milliseconds after their creation. */
const pause = 200;

/**
 * Resolves to the product with this name as soon as the catalog service knows it. It rejects if the product does not arrive
 * within the limit in milliseconds. It also waits while the catalog service is unreachable, and reports each new reason once.
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

/** One try. */
async function find(client: CatalogClient, name: string, signal: AbortSignal): Promise<Product | undefined> {
  for await (const product of items((at) => client.GET("/catalog/api/v1/products", { params: { query: { ...at, search: name } }, signal }))) {
    if (product.name === name) return product;
  }
  return undefined;
}

/** Reports whether an error may be temporary: no server answers, or not in time, or a gateway reports that. */
function passing(error: unknown): boolean {
  if (isProblem(error)) return [502, 503, 504].includes(error.status);
  if (error instanceof DOMException) return error.name === "TimeoutError";
  return error instanceof TypeError && error.cause !== undefined; // fetch reports a missing or lost connection in this way
}
