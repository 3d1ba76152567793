/**
 * Does the work for a request, and gives it up after a limit in milliseconds (0 is none) or when the request is aborted.
 * The timer holds all that it needs: a signal that AbortSignal.any makes of AbortSignal.timeout may be collected as garbage
 * before it fires (nodejs/node#57736), and the request then never ends.
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
    // A fetch of the caller's own may not heed the signal.
    return await Promise.race([work(controller.signal), givenUp]);
  } catch (error) {
    controller.abort(error); // what is left of an answer that was refused is not wanted
    throw error;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener("abort", abort);
  }
}
