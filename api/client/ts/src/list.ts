import { ok, type Data, type Result } from "./answer.js";

/** Where a page starts and how long it may be, to spread into the query. */
export interface At {
  limit: number;
  cursor?: string;
}

/** The most items that a service puts into a page. */
const maxLimit = 200;

type Item<R extends Result> = Data<R> extends readonly (infer T)[] ? T : never;

/**
 * The items of a list, the next page being read when the one before has been used up:
 *
 *     for await (const entry of items((at) => client.GET("/catalog/api/v1", { params: { query: { ...at, market: "DE" } } })))
 */
export async function* items<R extends Result>(page: (at: At) => Promise<R>): AsyncGenerator<Item<R>, void, undefined> {
  let cursor: string | undefined;
  do {
    const { data, response } = await ok(page(cursor === undefined ? { limit: maxLimit } : { limit: maxLimit, cursor }));
    if (!Array.isArray(data)) throw new Error(`${response.url}: a list was answered with something else`);
    yield* data as Item<R>[];
    const next = nextCursor(response);
    if (next !== undefined && next === cursor) throw new Error(`${response.url}: the next page is the same page again`);
    cursor = next;
  } while (cursor !== undefined);
}

/**
 * The cursor in the link to the next page (RFC 8288), undefined on the last one. The filters are not taken from the
 * link: they are those of the request, and the service refuses a cursor that was made with others.
 */
function nextCursor(response: Response): string | undefined {
  for (const [, target = "", parameters = ""] of (response.headers.get("Link") ?? "").matchAll(/<([^>]*)>((?:[^,"]|"[^"]*")*)/g)) {
    if (!leadsToNext(parameters)) continue;
    const cursor = new URL(target, "http://service.invalid").searchParams.get("cursor");
    // To end here would pass a part of the list off as the whole.
    if (!cursor) throw new Error(`the link to the next page has no cursor: ${target}`);
    return cursor;
  }
  return undefined;
}

function leadsToNext(parameters: string): boolean {
  for (const [, name = "", value = ""] of parameters.matchAll(/;\s*([^=;\s]+)\s*=\s*("[^"]*"|[^;\s]*)/g)) {
    if (name.toLowerCase() === "rel") return value.replaceAll('"', "").toLowerCase().split(/\s+/).includes("next");
  }
  return false;
}
