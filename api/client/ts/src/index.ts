/**
 * The parts that the clients of both services share: the conventions of both APIs for errors, lists, conditional requests
 * and repeated requests. The clients themselves are in `@monsplit/client/monolith` and `@monsplit/client/catalog`.
 */
export { changed, ok, type Answer } from "./answer.js";
export type { Options } from "./connect.js";
export { atLeast, etagOf, idempotencyKey, ifMatch, ifNoneMatch, newIdempotencyKey, written } from "./header.js";
export { items, type At } from "./list.js";
export { isProblem, Problem, type Fault, type ProblemName } from "./problem.js";
