import { Problem } from "./problem.js";

/** What a method of openapi-fetch resolves to. */
export interface Result {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** The body of a successful result. */
export type Data<R extends Result> = R extends { data: infer T; error?: never } ? T : never;

/** A successful answer. */
export interface Answer<T> {
  data: T;
  /** The version of the entity, for {@link ifMatch} and {@link ifNoneMatch}. It is undefined if there is none, as for lists. */
  etag: string | undefined;
  response: Response;
}

/** Returns the answer of a call that must succeed. Otherwise it rejects, with a {@link Problem} if the service refused. */
export async function ok<R extends Result>(call: Promise<R>): Promise<Answer<Data<R>>> {
  const answer = await changed(call);
  if (!answer) throw new Error("answered with status 304; read it with changed()");
  return answer;
}

/** Like {@link ok}, but returns undefined if the entity still has the ETag in `If-None-Match` (304). */
export async function changed<R extends Result>(call: Promise<R>): Promise<Answer<Data<R>> | undefined> {
  const { data, error, response } = await call;
  if (response.status === 304) return undefined;
  if (!response.ok) throw new Problem(response, error);
  return { data: data as Data<R>, etag: response.headers.get("ETag") ?? undefined, response };
}
