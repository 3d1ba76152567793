/**
 * Does the work for a request. It stops after a limit in milliseconds (0 is no limit), or when the request is aborted.
 * It uses its own timer, because a signal from AbortSignal.any of AbortSignal.timeout may be garbage-collected before it
 * fires (nodejs/node#57736). Then the request never ends.
 */
export async function within<T>(request: Request, limit: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  request.signal.throwIfAborted();
  const controller = new AbortController();
  const givenUp = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
  });
  const expire = () =>
    controller.abort(new DOMException(`${request.method} ${request.url}: no whole answer within ${limit} ms`, "TimeoutError"));
  const abort = () => controller.abort(request.signal.reason);
  const timer = limit > 0 ? setTimeout(expire, limit) : undefined;
  request.signal.addEventListener("abort", abort);
  try {
    // A fetch function of the caller may ignore the signal.
    return await Promise.race([work(controller.signal), givenUp]);
  } catch (error) {
    controller.abort(error); // the rest of a refused answer is not needed
    throw error;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener("abort", abort);
  }
}
