import createClient, { type Client } from "openapi-fetch";
import { within } from "./limit.js";

/** How a client reaches its service. */
export interface Options {
  /** The address before the service's paths, such as `http://127.0.0.1:8000` or `https://shop.example/legacy`. */
  baseUrl: string;
  /** The time limit of a request in milliseconds, from the connection to the last byte of the answer. Default 30,000; 0 is no limit. */
  timeout?: number;
  /** An API token of the service, to send with every request. Use it over https only, and never in a page: every visitor could read it. */
  token?: string;
  /** Headers to send with every request. */
  headers?: Record<string, string>;
  /** Replaces the global fetch. */
  fetch?: (request: Request, init?: RequestInit) => Promise<Response>;
}

/** Connects to a service. `later` tells which changes it may carry out later: it answers them with 202. */
export function connect<Paths extends {}>(options: Options, later: (request: Request) => boolean = () => false): Client<Paths> {
  const { baseUrl, timeout = 30_000, token, headers = {}, fetch = globalThis.fetch } = options;
  checkBaseUrl(baseUrl);
  checkTimeout(timeout);
  const client = createClient<Paths>({
    baseUrl,
    headers: { Accept: "application/json, application/problem+json", ...(token !== undefined && { Authorization: `Bearer ${token}` }), ...headers },
    fetch: (request) => within(request, timeout, async (signal) => whole(request, await fetch(request, { signal }), later(request))),
  });
  // Every PATCH of both services needs a merge patch (RFC 7396), but openapi-fetch would send application/json.
  client.use({
    onRequest({ request }) {
      if (request.method === "PATCH") request.headers.set("Content-Type", "application/merge-patch+json");
      return request;
    },
  });
  return client;
}

function checkBaseUrl(baseUrl: string): void {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  // fetch refuses a URL with a password only at the first request, and its error does not tell where the URL came from.
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password) {
    throw new TypeError(`base URL ${JSON.stringify(url ? redacted(url) : baseUrl)}: want one like http://127.0.0.1:8000`);
  }
}

function redacted(url: URL): string {
  if (url.password) url.password = "xxxxx";
  return url.href;
}

/** The longest time of a timer. With a longer time it would fire at once. */
const maxTimeout = 2 ** 31 - 1;

function checkTimeout(timeout: number): void {
  if (!Number.isInteger(timeout) || timeout < 0 || timeout > maxTimeout) {
    throw new RangeError(`timeout ${timeout}: want whole milliseconds up to ${maxTimeout}, or 0 for no limit`);
  }
}

/** The status of a successful answer, by method. A change that the service may carry out later can have 202, too. */
const success: Record<string, number> = { GET: 200, PUT: 200, PATCH: 200, POST: 201, DELETE: 204 };

/**
 * Returns the answer with its whole body if a service can have sent it. Otherwise it throws. Without this check, a page of a
 * captive portal would fail as broken JSON without a hint at its source, and an undocumented status would count as a success
 * without data.
 */
async function whole(request: Request, response: Response, later: boolean): Promise<Response> {
  const { status, headers, url } = response;
  const empty = status === 204 || (status === 202 && request.method === "DELETE");
  const succeeded = status === success[request.method] || (status === 202 && later);
  const fits = succeeded && (empty || isJSON(headers));
  const unchanged = status === 304 && request.method === "GET" && request.headers.has("If-None-Match");
  const refused = status >= 400 && status <= 599;
  const body = fits || unchanged || refused ? await response.arrayBuffer() : undefined;
  if (!body || (fits && !empty && body.byteLength === 0)) {
    const type = JSON.stringify(headers.get("Content-Type") ?? "");
    throw new Error(
      `${request.method} ${request.url}: answered with status ${status} and content type ${type}${body ? " and no body" : ""}, ` +
        "as the service never does: is the base URL right?",
    );
  }
  return Object.defineProperty(new Response(body.byteLength > 0 ? body : null, response), "url", { value: url });
}

function isJSON(headers: Headers): boolean {
  return /^application\/([^;]+\+)?json\s*(;|$)/i.test(headers.get("Content-Type") ?? "");
}
