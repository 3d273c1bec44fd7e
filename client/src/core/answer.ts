/** Pure: reads the answer to a retrieval. */

import type { Frame } from "../public";
import { isObject } from "./json";

/** Whether something was missed, in the words of `Backplane-Resume`. */
export type Resume = "complete" | "gap" | "reset";

export interface Answer {
  readonly frames: readonly Frame[];
  /** The position to go on from; only servers that say so. */
  readonly next: string | undefined;
  /** `undefined`: the server does not say, or the transport has no headers. */
  readonly resume: Resume | undefined;
}

/** An answer with its headers; throws if the body is no list. */
export function readAnswer(body: unknown, header: (name: string) => string | null): Answer {
  if (!Array.isArray(body)) throw new SyntaxError("the server's answer is no list of frames");
  const resume = header("Backplane-Resume");
  return {
    frames: framesIn(body),
    next: nextIn(header("Link") ?? ""),
    resume: resume === "complete" || resume === "gap" || resume === "reset" ? resume : undefined,
  };
}

/** The frames in a list; what is none is passed over: without an id nothing can be said about it. */
export function framesIn(list: readonly unknown[]): Frame[] {
  return list.filter(
    (frame): frame is Frame & Readonly<Record<string, unknown>> =>
      isObject(frame) && typeof frame["id"] === "string" && isObject(frame["message"]),
  );
}

/** The `since` of a `Link` with `rel="next"`. */
function nextIn(link: string): string | undefined {
  const [, since] = /<[^>]*[?&]since=([^&>]+)[^>]*>\s*;[^,]*\brel="?next\b/.exec(link) ?? [];
  return since === undefined ? undefined : decodeURIComponent(since);
}
