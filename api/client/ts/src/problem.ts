import type { components } from "./catalog.gen.js";

type Details = components["schemas"]["Problem"];

/** One fault of the input: where, as a JSON pointer (RFC 6901), `/query/NAME` or `/header/NAME`, and what is wrong. */
export type Fault = components["schemas"]["Fault"];

/**
 * An error answer: problem details (RFC 9457). An answer of 400 and above that has none, as a gateway's own, is a
 * Problem too, of type `about:blank`. docs/problems.md lists the types.
 */
export class Problem extends Error {
  /** An identifier to compare with, not an address; see {@link isProblem}. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What happened, for a person. */
  readonly detail: string | undefined;
  readonly instance: string | undefined;
  /** Names the request in the service's log. */
  readonly requestId: string | undefined;
  /** Every fault of the input. */
  readonly errors: readonly Fault[];
  /** Seconds after which the same request is worth sending again; undefined when the service does not say. */
  readonly retryAfter: number | undefined;

  constructor(response: Response, body: unknown) {
    const details = isDetails(body) ? body : { type: "about:blank" };
    const title = details.title ?? (response.statusText || "Error");
    const errors = Array.isArray(details.errors) ? details.errors : [];
    super(message(response, title, details.detail, errors, details.request_id));
    this.name = "Problem";
    this.type = details.type;
    this.title = title;
    this.status = response.status;
    this.detail = details.detail;
    this.instance = details.instance;
    this.requestId = details.request_id;
    this.errors = errors;
    const seconds = Number(response.headers.get("Retry-After") ?? NaN);
    this.retryAfter = seconds > 0 ? seconds : undefined;
  }
}

/** Whether an error is a problem and, when a name is given, whether its type ends in that name, as in "stale". */
export function isProblem(error: unknown, name?: string): error is Problem {
  return error instanceof Problem && (name === undefined || error.type.endsWith(`/${name}`));
}

function isDetails(body: unknown): body is Partial<Details> & Pick<Details, "type"> {
  return typeof body === "object" && body !== null && "type" in body && typeof body.type === "string";
}

/** One line with everything that a person needs to act on it. */
function message(
  { status, url }: Response, title: string, detail: string | undefined, errors: readonly Fault[], requestId: string | undefined,
): string {
  const faults = errors.map((fault) => `${fault.pointer} ${fault.detail}`).join("; ");
  const said = [detail, faults].filter(Boolean).join(" ");
  return `${url ? `${url}: ` : ""}${status} ${title}${said && `: ${said}`}${requestId ? ` (request ${requestId})` : ""}`;
}
