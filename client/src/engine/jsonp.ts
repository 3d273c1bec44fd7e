/** Requests by script tags (V1-PAD-1): for pages and servers that cannot do better, only when asked for. */

import type { Getter } from "./environment";
import { BackplaneError } from "./error";

/** The little of a document that is needed. */
export interface ScriptHost {
  createElement(name: "script"): HTMLScriptElement;
  readonly head: { appendChild(script: HTMLScriptElement): unknown };
}

/** Where callbacks are put: an object, and the global name it goes by. */
export interface CallbackHost {
  readonly name: string;
  readonly object: object;
}

/** `unique` makes names that no other copy of this library on the page uses. */
export function jsonpGetter(document: ScriptHost, callbacks: () => CallbackHost, unique: () => string): Getter {
  return {
    get(url, signal) {
      return new Promise((resolve, reject) => {
        const { name, object } = callbacks();
        const holder = object as Record<string, (body: unknown) => void>;
        const member = `response_${unique()}`;
        const script = document.createElement("script");
        const end = (): void => {
          script.onerror = script.onload = null;
          signal.removeEventListener("abort", abandon);
          script.remove();
        };
        const fail = (message: string): void => {
          end();
          delete holder[member];
          reject(new BackplaneError(message));
        };
        const abandon = (): void => {
          fail("the request was given up");
          // The script may still come and must find something to call.
          holder[member] = () => delete holder[member];
        };
        if (signal.aborted) return fail("the request was given up");
        signal.addEventListener("abort", abandon);
        holder[member] = (body) => {
          end();
          delete holder[member];
          resolve({ body, header: () => null });
        };
        script.onerror = () => fail("the server's script could not be loaded");
        script.onload = () => fail("the server's script brought no answer");
        script.async = true;
        script.src = `${url}${url.includes("?") ? "&" : "?"}callback=${name}.${member}`;
        document.head.appendChild(script);
      });
    },
  };
}
