/** Requests by `fetch`. */

import { retryAfter } from "../core/backoff";
import { isObject } from "../core/json";
import type { Getter } from "./environment";
import { BackplaneError } from "./error";

/** Without cookies: whoever knows a channel's name may read it, and nothing else counts. */
export function fetchGetter(fetch: typeof globalThis.fetch, date: () => number): Getter {
  return {
    async get(url, signal) {
      const response = await fetch(url, { credentials: "omit", cache: "no-store", signal });
      if (!response.ok) throw await refusal(response, date());
      return { body: (await response.json()) as unknown, header: (name) => response.headers.get(name) };
    },
  };
}

async function refusal(response: Response, date: number): Promise<BackplaneError> {
  const { status } = response;
  const wait = retryAfter(response.headers.get("Retry-After"), date);
  const body: unknown = await response.json().catch(() => undefined);
  const code = isObject(body) && typeof body["error"] === "string" ? body["error"] : undefined;
  const text = isObject(body) ? body["error_description"] : undefined;
  const message = `the server answered ${status}${code ? ` (${code})` : ""}${text ? `: ${String(text)}` : ""}`;
  return new BackplaneError(message, { status, retryAfter: wait, ...(code === undefined ? {} : { code }) });
}
