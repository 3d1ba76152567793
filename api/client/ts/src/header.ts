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
