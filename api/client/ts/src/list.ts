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
  const seen = new Set<string>();
  for (let at: At = { limit: maxLimit }; ; ) {
    const { data, response } = await ok(page(at));
    if (!Array.isArray(data)) throw new Error(`${response.url}: a list was answered with something else`);
    yield* data as Item<R>[];
    const cursor = nextCursor(response);
    if (cursor === undefined) return;
    if (seen.has(cursor)) throw new Error(`${response.url}: the next page of a list is one that was read before`);
    seen.add(cursor);
    at = { limit: maxLimit, cursor };
  }
}

/**
 * The cursor in the link to the next page (RFC 8288), undefined on the last one. The filters are not taken from the
 * link: they are those of the request, and the service refuses a cursor that was made with others.
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
    // To end here would pass a part of the list off as the whole; and so below, where the link that is looked for may be.
    if (!cursor) throw new Error(`${response.url}: the link to the next page has no cursor: ${target}`);
    return cursor;
  }
  if (/[^\s,]/.test(header.slice(read))) throw new Error(`${response.url}: is there a next page? The Link header cannot be read: ${header}`);
  return undefined;
}

/** The base of links, of which only the query is looked at. */
const anywhere = "http://service.invalid";

// One link of the header, and one parameter of a link. Each text is matched in one way at most, so that none takes long.
const parameter = String.raw`\s*;(?:\s*([^\s=;,"<]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"<]+))?)?`;
const member = String.raw`[\s,]*<([^>]*)>((?:${parameter})*)\s*(?=,|$)`;

function leadsToNext(parameters: string): boolean {
  for (const [, name = "", value = ""] of parameters.matchAll(new RegExp(parameter, "g"))) {
    if (name.toLowerCase() === "rel") return value.replaceAll('"', "").toLowerCase().split(/\s+/).includes("next");
  }
  return false;
}
