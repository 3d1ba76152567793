import type { Client } from "openapi-fetch";
import { ok } from "./answer.js";
import type { components, paths } from "./monolith.gen.js";
import { isProblem, Problem } from "./problem.js";

export type CatalogChange = components["schemas"]["CatalogChange"];

/**
 * Returns the address of the change if the answer to a write of the catalog leaves the outcome open (202), for
 * {@link awaitCatalogChange}. Otherwise the change was made, and it returns undefined.
 */
export function pendingChange({ response }: { response: Response }): string | undefined {
  return response.status === 202 ? (response.headers.get("Location") ?? undefined) : undefined;
}

/** The pause in seconds between two looks at a change if the service does not name another one. */
const lookAgain = 1;

/**
 * Reads a change of the catalog until it is finished. If it was made, it can be read now. If it was refused, the call is the same
 * {@link Problem} as an immediate answer would have been. A service that is away for a moment, and says when to try again,
 * does not end the wait. An aborted `signal` does. The change is still pursued then: wait again to go on.
 */
export async function awaitCatalogChange(
  client: Client<paths>, location: string, { signal }: { signal?: AbortSignal } = {},
): Promise<CatalogChange> {
  const id = location.slice(location.lastIndexOf("/") + 1);
  for (;;) {
    const { change, again } = await look(client, id, signal);
    if (change?.state === "refused") throw refusal(change);
    if (change?.state === "done") return change;
    await pause(again * 1000, signal);
  }
}

async function look(client: Client<paths>, id: string, signal?: AbortSignal): Promise<{ change?: CatalogChange; again: number }> {
  try {
    const { data, response } = await ok(client.GET("/api/v1/catalog-change/{id}", { params: { path: { id } }, ...(signal && { signal }) }));
    return { change: data, again: Number(response.headers.get("Retry-After")) || lookAgain };
  } catch (error) {
    if (!isProblem(error) || !error.retryAfter) throw error;
    return { again: error.retryAfter };
  }
}

function refusal({ problem }: CatalogChange): Problem {
  return new Problem(new Response(null, { status: problem?.status ?? 409 }), problem);
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    const abort = () => {
      end();
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      end();
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort);
  });
}
