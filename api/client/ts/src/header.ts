/** The entity tag of a version, for what was read from a list: an {@link Answer} on one entity carries its own. */
export function etagOf(entity: { version: number }): string {
  return `"${entity.version}"`;
}

/**
 * Headers that change or delete an entity only while its ETag is this one; else the call is a problem named "stale".
 * A proxy that compresses makes a tag weak; the version is the same, but a weak one never matches (RFC 9110, section 13.1.1).
 */
export function ifMatch(etag: string): { "If-Match": string } {
  return { "If-Match": etag.replace(/^W\//, "") };
}

/** Headers that read an entity only when its ETag is another by now; see {@link changed}. */
export function ifNoneMatch(etag: string): { "If-None-Match": string } {
  return { "If-None-Match": etag };
}

/** Headers that make a creation safe to send again: the same key with the same body gives the first answer again. */
export function idempotencyKey(key: string): { "Idempotency-Key": string } {
  return { "Idempotency-Key": key };
}

/** A key that is new. Keep it with what is to be created, so that it outlives a crash. */
export function newIdempotencyKey(): string {
  return crypto.randomUUID();
}
