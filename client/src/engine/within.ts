/** Requests that end in time. */

import { BackplaneError } from "./error";
import type { Environment } from "./environment";

/** A request that takes longer has failed. Milliseconds. */
export const REQUEST_TIMEOUT = 30_000;

/** Runs a request that ends with `over`, or by itself after some time, whether or not it heeds its signal. */
export async function within<T>(
  env: Environment,
  over: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
  timeout = REQUEST_TIMEOUT,
): Promise<T> {
  const request = new AbortController();
  let stop = (_why: BackplaneError): void => undefined;
  const stopped = new Promise<never>((_resolve, reject) => (stop = reject));
  const end = (why: string): void => {
    stop(new BackplaneError(why));
    request.abort();
  };
  const abort = (): void => end("the request was given up");
  const cancel = env.after(timeout, () => end(`no answer within ${timeout / 1_000} seconds`));
  if (over.aborted) abort();
  over.addEventListener("abort", abort);
  try {
    return await Promise.race([stopped, run(request.signal)]);
  } finally {
    cancel();
    over.removeEventListener("abort", abort);
  }
}
