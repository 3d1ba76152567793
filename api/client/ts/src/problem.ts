import type { components } from "./catalog.gen.js";

/** One fault of the input: its place, as a JSON pointer (RFC 6901), `/query/NAME` or `/header/NAME`, and what is wrong. */
export type Fault = components["schemas"]["Fault"];

/** The end of a problem's type: a name from docs/problems.md, or a name that another version of a service may use. */
export type ProblemName =
  | "about:blank"
  | "malformed"
  | "token-missing"
  | "token-invalid"
  | "scope-missing"
  | "cross-origin"
  | "not-found"
  | "change-pending"
  | "change-refused"
  | "method-not-allowed"
  | "not-acceptable"
  | "too-slow"
  | "product-exists"
  | "market-exists"
  | "entry-exists"
  | "market-in-use"
  | "not-the-owner"
  | "change-expired"
  | "change-discarded"
  | "in-progress"
  | "stale"
  | "unsupported-condition"
  | "too-large"
  | "unsupported-media-type"
  | "unknown-host"
  | "invalid"
  | "unknown-reference"
  | "idempotency-key-reused"
  | "too-many-keys"
  | "too-many-requests"
  | "not-yet"
  | "unavailable"
  | "overloaded"
  | "locked"
  | "internal"
  | "uri-too-long"
  | "header-too-large"
  | "bad-gateway"
  | "gateway-timeout"
  | (string & {});

/**
 * An error answer: problem details (RFC 9457). An answer of 400 and above without problem details, such as one from another
 * gateway, is a Problem too, of type `about:blank`. docs/problems.md lists the types.
 */
export class Problem extends Error {
  /** An identifier to compare with, not an address; see {@link isProblem}. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What happened, for a person. */
  readonly detail: string | undefined;
  readonly instance: string | undefined;
  /** The id of the request in the log of the service. */
  readonly requestId: string | undefined;
  /** All faults of the input. */
  readonly errors: readonly Fault[];
  /** The number of seconds to wait before the next try. It is undefined if the service sends no Retry-After. */
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

/** Reports whether an error is a problem and, if a name is given, whether its type ends in that name, such as "stale". */
export function isProblem(error: unknown, name?: ProblemName): error is Problem {
  return error instanceof Problem && (name === undefined || error.type.slice(error.type.lastIndexOf("/") + 1) === name);
}

// A member of another type than described is ignored (RFC 9457, section 3.1). The other members are kept.

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

/** Returns one line with everything that a person needs to act on the problem. */
function message(
  { status, url }: Response, title: string, detail: string | undefined, errors: readonly Fault[], requestId: string | undefined,
): string {
  const faults = errors.map((fault) => `${fault.pointer} ${fault.detail}`.trim()).join("; ");
  const said = [detail, faults].filter(Boolean).join(" ");
  return `${url ? `${url}: ` : ""}${status} ${title}${said && `: ${said}`}${requestId ? ` (request ${requestId})` : ""}`;
}
