/** Returns the entity tag of an entity that was read from a list. An {@link Answer} about one entity has its own tag. */
export function etagOf(entity: { version: number }): string {
  return `"${entity.version}"`;
}

/**
 * Headers to change or delete an entity only if it still has this ETag. Otherwise the call is a problem named "stale".
 * A proxy that compresses answers makes a tag weak. A weak tag never matches (RFC 9110, section 13.1.1), so the mark is removed.
 */
export function ifMatch(etag: string): { "If-Match": string } {
  return { "If-Match": etag.replace(/^W\//, "") };
}

/** Headers to read an entity only if it has another ETag now; see {@link changed}. */
export function ifNoneMatch(etag: string): { "If-None-Match": string } {
  return { "If-None-Match": etag };
}

/** Headers that make it safe to send a creation again: the same key with the same body returns the first answer again. */
export function idempotencyKey(key: string): { "Idempotency-Key": string } {
  return { "Idempotency-Key": key };
}

/** Returns a new key. Store it with the entity to create, so that it survives a crash. */
export function newIdempotencyKey(): string {
  return crypto.randomUUID();
}

/**
 * Returns the id that the changed entity has in all services, and its version after the change, from the answer to a write.
 * It returns undefined if the answer does not tell. Pass the version to {@link atLeast}, to read the change in another service.
 */
export function written({ response }: { response: Response }): { id: string; version: number } | undefined {
  const id = response.headers.get("Aggregate-Id");
  const version = Number(response.headers.get("Aggregate-Version"));
  return id && Number.isSafeInteger(version) && version > 0 ? { id, version } : undefined;
}

/**
 * Parameters to read a copy only if it has this version or a later one, to spread into `params`. The service waits for the
 * version as long as `wait` says, in seconds, and at most 10 s unless its operator has set another limit. Without the version
 * the call is a problem named "not-yet". The time-out of the client must be longer than the wait.
 *
 *     catalog.GET("/catalog/api/v1/products/{product_uuid}", { params: { path: { product_uuid }, ...atLeast(version, 5) } })
 */
export function atLeast(version: number, wait = 0): { query: { min_version: number }; header: { Prefer?: string } } {
  const seconds = Math.ceil(wait);
  return { query: { min_version: version }, header: seconds > 0 ? { Prefer: `wait=${seconds}` } : {} };
}
