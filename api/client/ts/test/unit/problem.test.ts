import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { isProblem, ok, Problem } from "@monsplit/client";
import type { components as catalog } from "@monsplit/client/catalog";
import type { components as monolith } from "@monsplit/client/monolith";
import { answered, json, problemJSON, product } from "./answered.js";

/** Returns the problem of an answer. */
async function problemOf(answer: Response): Promise<Problem> {
  const error: unknown = await ok(product(answered(answer).client)).catch((reason: unknown) => reason);
  assert.ok(isProblem(error), String(error));
  return error;
}

const refusal = (body: unknown) => new Response(JSON.stringify(body), { status: 422, headers: problemJSON });

test("an error answer is a problem with every fault", async () => {
  const body = {
    type: "https://monsplit.github.io/problems/invalid", title: "Unprocessable Entity", status: 422, detail: "The product is not valid.",
    request_id: "r-1", future: {}, errors: [{ pointer: "/name", detail: "must not be blank" }, { pointer: "/query/limit", detail: "must be at most 200" }],
  };
  const problem = await problemOf(refusal(body));
  assert.equal(isProblem(problem, "stale"), false);
  assert.equal(isProblem(problem, "valid"), false);
  assert.ok(isProblem(problem, "invalid"));
  assert.deepEqual([problem.status, problem.requestId, problem.errors], [422, "r-1", body.errors]);
  const message = "422 Unprocessable Entity: The product is not valid. /name must not be blank; /query/limit must be at most 200 (request r-1)";
  assert.equal(problem.message, message);
  assert.match(problem.stack!, /must be at most 200/);
});

test("an error answer without problem details is a problem too", async () => {
  const answers = {
    gateway: new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway", headers: { "Content-Type": "text/html" } }),
    cut: new Response('{"type": "https://monsp', { status: 500, headers: problemJSON }),
    empty: new Response(null, { status: 401 }),
    none: new Response("null", { status: 400, headers: json }),
    list: new Response('["no"]', { status: 400, headers: json }),
    other: new Response('{"message": "no", "errors": {}}', { status: 403, headers: json }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const problem = await problemOf(answer);
    assert.deepEqual([problem.type, problem.status, problem.errors, problem.detail], ["about:blank", answer.status, [], undefined], name);
    assert.ok(isProblem(problem, "about:blank"), name);
    assert.equal(isProblem(problem, "internal"), false, name);
  }
});

test("members of another type are ignored, and the others are kept", async () => {
  const blank = await problemOf(refusal({ title: "No", detail: "Not today.", errors: [null, "x", 1, {}, { pointer: 1, detail: "y" }, { pointer: "", detail: "z" }] }));
  assert.deepEqual([blank.type, blank.title, blank.detail, blank.errors], ["about:blank", "No", "Not today.", [{ pointer: "", detail: "z" }]]);
  assert.equal(blank.message, "422 No: Not today. z");
  const mistyped = await problemOf(refusal({ type: "https://x.example/stale", title: 7, detail: ["a"], request_id: "r-2", instance: {}, errors: "no" }));
  assert.ok(isProblem(mistyped, "stale"));
  assert.deepEqual([mistyped.title, mistyped.detail, mistyped.instance, mistyped.requestId, mistyped.errors], ["Error", undefined, undefined, "r-2", []]);
});

test("Retry-After is a number of seconds or a date", async () => {
  const moments: Record<string, number | undefined> = {
    "": undefined, "0": undefined, soon: undefined, "-3": undefined, "7": 7,
    "Thu, 26 Nov 2026 08:49:47 GMT": 10, "Thu, 26 Nov 2026 08:49:30 GMT": undefined,
  };
  for (const [value, seconds] of Object.entries(moments)) {
    const headers = { "Retry-After": value, Date: "Thu, 26 Nov 2026 08:49:37 GMT" };
    assert.equal((await problemOf(new Response(null, { status: 503, headers }))).retryAfter, seconds, value);
  }
  const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
  const { retryAfter } = await problemOf(new Response(null, { status: 503, headers: { "Retry-After": inAnHour } }));
  assert.ok(retryAfter! > 3500 && retryAfter! <= 3600, `${retryAfter}`);
});

test("the names are the documented names", async () => {
  const table = await readFile("../../../docs/problems.md", "utf8");
  const source = await readFile("src/problem.ts", "utf8");
  const documented = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  const known = [...source.matchAll(/^  \| "([a-z:-]+)"$/gm)].map(([, name]) => name);
  assert.ok(documented.length > 10);
  assert.deepEqual(known, ["about:blank", ...documented]);
});

/** The compiler checks that both documents have the same problems, so that one class serves both. */
export type SameProblem = [
  monolith["schemas"]["Problem"] extends catalog["schemas"]["Problem"] ? true : never,
  catalog["schemas"]["Problem"] extends monolith["schemas"]["Problem"] ? true : never,
];
export const sameProblem: SameProblem = [true, true];
