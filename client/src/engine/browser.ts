/** The environment of a real page; works, without its comforts, where there is no page. */

import type { Cancel, Environment, Tabs, Wake } from "./environment";
import { fetchGetter, fetchStreamer } from "./fetch";
import { jsonpGetter, type CallbackHost } from "./jsonp";

/** Callbacks hang on the global `Backplane` if the classic script is there, else on an object of their own. */
function callbacks(): CallbackHost {
  const page = globalThis as { Backplane?: object; BackplaneCallbacks?: object };
  if (page.Backplane) return { name: "Backplane", object: page.Backplane };
  return { name: "BackplaneCallbacks", object: (page.BackplaneCallbacks ??= {}) };
}

export function browserEnvironment(): Environment {
  const page = typeof document === "undefined" ? undefined : document;
  const date = (): number => Date.now();
  // Looked up at each call: pages put their own in its place.
  const request: typeof fetch = (url, init) => fetch(url, init);
  const randomBytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
  const unique = (): string => Array.from(randomBytes(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    now: () => performance.now(),
    date,
    after(wait, run) {
      const timer = setTimeout(run, wait);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    randomBytes,
    // Reading and writing throws in sandboxed frames.
    readCookie() {
      try {
        return page?.cookie ?? "";
      } catch {
        return "";
      }
    },
    writeCookie(cookie) {
      try {
        if (page) page.cookie = cookie;
      } catch {
        // The engine remembers the channel for as long as the page lives.
      }
    },
    recall: (key) => stored("sessionStorage", key) || stored("localStorage", key) || "",
    keep(key, text, beyond) {
      stored("sessionStorage", key, text);
      if (beyond) stored("localStorage", key, text);
    },
    async alone(run) {
      try {
        await navigator.locks.request("backplane-channel", run);
      } catch {
        // Old browsers, insecure pages and sandboxed frames have no locks.
        run();
      }
    },
    pageURL: () => page?.baseURI ?? "http://localhost/",
    isOnline: () => typeof navigator === "undefined" || navigator.onLine !== false,
    isHidden: () => page?.visibilityState === "hidden",
    onWake: (listener) => (page ? listen(page, listener) : () => undefined),
    report(error) {
      if (typeof reportError === "function") reportError(error);
      else setTimeout(() => { throw error; });
    },
    fetch: fetchGetter(request, date),
    stream: typeof ReadableStream === "undefined" ? undefined : fetchStreamer(request, date),
    tabs: typeof BroadcastChannel === "undefined" || !page ? undefined : TABS,
    get jsonp() {
      if (!page) throw new TypeError('transport "jsonp" needs a document');
      return jsonpGetter(page, callbacks, unique);
    },
  };
}

/** Reads a storage, or writes it if there is a text. Either may be full or forbidden: then there is nothing to go on from. */
function stored(name: "sessionStorage" | "localStorage", key: string, text?: string): string | null {
  try {
    if (text !== undefined) globalThis[name].setItem(key, text);
    return globalThis[name].getItem(key);
  } catch {
    return null;
  }
}

/** Browsers keep embedded frames of other sites apart, each with its site: such a frame finds nobody, and is alone. */
const TABS: Tabs = {
  connect(name, hear) {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => hear(data);
    return { post: (word) => channel.postMessage(word), close: () => channel.close() };
  },
  async lead(name, steal, signal, held) {
    const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    let got = false;
    const hold = (): Promise<void> => {
      got = true;
      held();
      return over;
    };
    try {
      // `steal` and `signal` do not go together.
      await navigator.locks.request(name, steal ? { steal } : { signal }, hold);
    } catch (error) {
      if (!got && !signal.aborted) throw error;
    }
  },
};

function listen(page: Document, listener: (wake: Wake) => void): Cancel {
  const events: ReadonlyArray<[EventTarget, string, Wake]> = [
    [page, "visibilitychange", "visibility"],
    [window, "online", "online"],
    [window, "offline", "offline"],
    // Into and out of the back-forward cache or the freezer, where timers stand still.
    [window, "pagehide", "suspended"],
    [window, "pageshow", "restored"],
    [page, "freeze", "suspended"],
    [page, "resume", "restored"],
  ];
  const ends = events.map(([target, name, wake]) => {
    const handler = (event: Event): void => {
      // The first showing of a page is none after the cache.
      if (name !== "pageshow" || (event as PageTransitionEvent).persisted) listener(wake);
    };
    target.addEventListener(name, handler);
    return () => target.removeEventListener(name, handler);
  });
  return () => ends.forEach((end) => end());
}
