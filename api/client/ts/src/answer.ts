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
  /** The version of the entity, for {@link ifMatch} and {@link ifNoneMatch}; undefined where there is none, as on lists. */
  etag: string | undefined;
  response: Response;
}

/** The answer of a call that has to succeed; otherwise it rejects, with a {@link Problem} where the service refused. */
export async function ok<R extends Result>(call: Promise<R>): Promise<Answer<Data<R>>> {
  const answer = await changed(call);
  if (!answer) throw new Error("answered with status 304; read it with changed()");
  return answer;
}

/** As {@link ok}, and undefined when the entity still has the ETag in `If-None-Match` (304). */
export async function changed<R extends Result>(call: Promise<R>): Promise<Answer<Data<R>> | undefined> {
  const { data, error, response } = await call;
  if (response.status === 304) return undefined;
  if (!response.ok) throw new Problem(response, error);
  return { data: data as Data<R>, etag: response.headers.get("ETag") ?? undefined, response };
}
