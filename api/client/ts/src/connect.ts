import createClient, { type Client } from "openapi-fetch";

/** How a client reaches its service. */
export interface Options {
  /** Where the service's paths begin, as in `http://127.0.0.1:8000` or `https://shop.example/legacy`. */
  baseUrl: string;
  /** Milliseconds for a request, from the connection to the last byte of the answer; 30,000 when left out. */
  timeout?: number;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** In place of the global one. */
  fetch?: (request: Request, init?: RequestInit) => Promise<Response>;
}

export function connect<Paths extends {}>(options: Options): Client<Paths> {
  const { baseUrl, timeout = 30_000, headers = {}, fetch = globalThis.fetch } = options;
  const client = createClient<Paths>({
    baseUrl: checked(baseUrl),
    headers: { Accept: "application/json, application/problem+json", ...headers },
    fetch: async (request) => {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]);
      return expected(request, await fetch(request, { signal }));
    },
  });
  // Every PATCH of both services takes a merge patch (RFC 7396), which openapi-fetch would send as application/json.
  client.use({
    onRequest({ request }) {
      if (request.method === "PATCH") request.headers.set("Content-Type", "application/merge-patch+json");
      return request;
    },
  });
  return client;
}

function checked(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new TypeError(`base URL "${baseUrl}": want one like http://127.0.0.1:8000`);
  }
  return baseUrl;
}

/**
 * Refuses what no service of ours answers. A page that some portal puts in between would otherwise fail as broken JSON,
 * without a word on where it came from.
 */
function expected(request: Request, response: Response): Response {
  const { status } = response;
  if (status >= 400 || status === 204 || status === 304 || (response.ok && isJSON(response))) return response;
  const type = response.headers.get("Content-Type");
  throw new Error(
    `${request.method} ${request.url}: answered with status ${status} and content type ${type}, ` +
      "as the service never does: is the base URL right?",
  );
}

function isJSON(response: Response): boolean {
  return /^application\/([^;]+\+)?json\s*(;|$)/i.test(response.headers.get("Content-Type") ?? "");
}
