/** Returns the reason of an error in words. fetch hides it in a chain of causes. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return error.errors.map(reason).join(", ");
  return error.cause === undefined ? error.message : `${error.message}: ${reason(error.cause)}`;
}
