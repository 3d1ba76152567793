import { ok, type Data, type Result } from "./answer.js";

/** The start and the maximum length of a page, to spread into the query. */
export interface At {
  limit: number;
  cursor?: string;
}

/** The maximum number of items in a page. */
const maxLimit = 200;

type Item<R extends Result> = Data<R> extends readonly (infer T)[] ? T : never;

/**
 * Yields the items of a list. It reads the next page when all items of the page before have been used:
 *
 *     for await (const entry of items((at) => client.GET("/catalog/api/v1", { params: { query: { ...at, market: "DE" } } })))
 */
export async function* items<R extends Result>(page: (at: At) => Promise<R>): AsyncGenerator<Item<R>, void, undefined> {
  const seen = new Set<string>();
  for (let at: At = { limit: maxLimit }; ; ) {
    const { data, response } = await ok(page(at));
    if (!Array.isArray(data)) throw new Error(`${response.url}: the answer is not a list`);
    yield* data as Item<R>[];
    const cursor = nextCursor(response);
    if (cursor === undefined) return;
    if (seen.has(cursor)) throw new Error(`${response.url}: the next page of the list has already been read`);
    seen.add(cursor);
    at = { limit: maxLimit, cursor };
  }
}

/**
 * Returns the cursor in the link to the next page (RFC 8288), or undefined on the last page. The filters come from the
 * request, not from the link: the service refuses a cursor that belongs to other filters.
 */
function nextCursor(response: Response): string | undefined {
  const header = response.headers.get("Link") ?? "";
  const link = new RegExp(member, "y");
  let read = 0;
  for (let match = link.exec(header); match; match = link.exec(header)) {
    read = link.lastIndex;
    const [, target = "", parameters = ""] = match;
    if (!leadsToNext(parameters)) continue;
    const cursor = URL.canParse(target, anywhere) && new URL(target, anywhere).searchParams.get("cursor");
    // If this function returned undefined, a part of the list would look like the whole list. The same holds for the error below.
    if (!cursor) throw new Error(`${response.url}: the link to the next page has no cursor: ${target}`);
    return cursor;
  }
  if (/[^\s,]/.test(header.slice(read))) throw new Error(`${response.url}: the Link header cannot be parsed: ${header}`);
  return undefined;
}

/** The base of relative links. Only the query of a link is used. */
const anywhere = "http://service.invalid";

// Patterns of one link of the header and of one parameter of a link. Each text has at most one match, so matching is fast.
const parameter = String.raw`\s*;(?:\s*([^\s=;,"<]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"<]+))?)?`;
const member = String.raw`[\s,]*<([^>]*)>((?:${parameter})*)\s*(?=,|$)`;

function leadsToNext(parameters: string): boolean {
  for (const [, name = "", value = ""] of parameters.matchAll(new RegExp(parameter, "g"))) {
    if (name.toLowerCase() === "rel") return value.replaceAll('"', "").toLowerCase().split(/\s+/).includes("next");
  }
  return false;
}
