import type { components } from "./catalog.gen.js";

/** One fault of the input: where, as a JSON pointer (RFC 6901), `/query/NAME` or `/header/NAME`, and what is wrong. */
export type Fault = components["schemas"]["Fault"];

/** What the type of a problem ends in: the names of docs/problems.md, and any that another version may have. */
export type ProblemName =
  | "about:blank"
  | "malformed"
  | "not-found"
  | "method-not-allowed"
  | "not-acceptable"
  | "product-exists"
  | "market-exists"
  | "entry-exists"
  | "market-in-use"
  | "not-the-owner"
  | "in-progress"
  | "stale"
  | "too-large"
  | "unsupported-media-type"
  | "invalid"
  | "unknown-reference"
  | "idempotency-key-reused"
  | "unavailable"
  | "internal"
  | "uri-too-long"
  | "too-many-requests"
  | "header-too-large"
  | "bad-gateway"
  | "gateway-timeout"
  | (string & {});

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
    const details = members(body);
    const title = text(details["title"]) ?? (response.statusText || "Error");
    const detail = text(details["detail"]);
    const requestId = text(details["request_id"]);
    const errors = Array.isArray(details["errors"]) ? details["errors"].flatMap(fault) : [];
    super(message(response, title, detail, errors, requestId));
    this.name = "Problem";
    this.type = text(details["type"]) ?? "about:blank";
    this.title = title;
    this.status = response.status;
    this.detail = detail;
    this.instance = text(details["instance"]);
    this.requestId = requestId;
    this.errors = errors;
    this.retryAfter = retryAfter(response.headers);
  }
}

/** Whether an error is a problem and, when a name is given, whether its type ends in that name, as in "stale". */
export function isProblem(error: unknown, name?: ProblemName): error is Problem {
  return error instanceof Problem && (name === undefined || error.type.slice(error.type.lastIndexOf("/") + 1) === name);
}

// A member that is not as described is passed over, as RFC 9457, section 3.1 has it, and the others are kept.

function members(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function fault(value: unknown): Fault[] {
  const { pointer, detail } = members(value);
  return typeof pointer === "string" && typeof detail === "string" ? [{ pointer, detail }] : [];
}

/** Retry-After is a number of seconds or, from some gateways, a date (RFC 9110, section 10.2.3). */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("Retry-After") ?? "";
  const now = Date.parse(headers.get("Date") ?? "") || Date.now();
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - now) / 1000);
  return seconds > 0 ? seconds : undefined;
}

/** One line with everything that a person needs to act on it. */
function message(
  { status, url }: Response, title: string, detail: string | undefined, errors: readonly Fault[], requestId: string | undefined,
): string {
  const faults = errors.map((fault) => `${fault.pointer} ${fault.detail}`.trim()).join("; ");
  const said = [detail, faults].filter(Boolean).join(" ");
  return `${url ? `${url}: ` : ""}${status} ${title}${said && `: ${said}`}${requestId ? ` (request ${requestId})` : ""}`;
}
