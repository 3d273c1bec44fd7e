/** Requests by `fetch`. */

import { retryAfter } from "../core/backoff";
import { isObject } from "../core/json";
import type { Getter, Streamer } from "./environment";
import { BackplaneError } from "./error";

/** Without cookies: whoever knows a channel's name may read it, and nothing else counts. */
const PLAIN: RequestInit = { credentials: "omit", cache: "no-store" };

export function fetchGetter(fetch: typeof globalThis.fetch, date: () => number): Getter {
  return {
    async get(url, signal) {
      const response = await fetch(url, { ...PLAIN, signal });
      if (!response.ok) throw await refusal(response, date());
      return { body: (await response.json()) as unknown, header: (name) => response.headers.get(name) };
    },
  };
}

/** Server-sent events by `fetch`: unlike `EventSource` it tells why a server refuses, and when a proxy holds back. */
export function fetchStreamer(fetch: typeof globalThis.fetch, date: () => number): Streamer {
  return {
    async open(url, signal, sink) {
      // This header, in this form, needs no preflight.
      const response = await fetch(url, { ...PLAIN, headers: { Accept: "text/event-stream" }, signal });
      if (!response.ok) throw await refusal(response, date());
      const { body } = response;
      if (!body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        await body?.cancel();
        return false;
      }
      sink.head();
      const reader = body.getReader();
      const decoder = new TextDecoder();
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return true;
          sink.text(decoder.decode(value, { stream: true }));
        }
      } finally {
        // Lets go of the connection, if it was the sink that failed.
        reader.cancel().catch(() => undefined);
      }
    },
  };
}

async function refusal(response: Response, date: number): Promise<BackplaneError> {
  const { status } = response;
  const wait = retryAfter(response.headers.get("Retry-After"), date);
  const body: unknown = await response.json().catch(() => undefined);
  const code = isObject(body) && typeof body["error"] === "string" ? body["error"] : undefined;
  const description = isObject(body) ? body["error_description"] : undefined;
  const message = `the server answered ${status}${code ? ` (${code})` : ""}${description ? `: ${description}` : ""}`;
  // A bus that is not there will not be there in a minute either.
  const final = status === 404 && code === "unknown_bus";
  return new BackplaneError(message, { status, code, description, retryAfter: wait, final });
}
