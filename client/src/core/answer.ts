/** Pure: reads the answer to a retrieval. */

import type { Frame } from "../public";
import { isFrame } from "./json";

/** Whether something was missed, in the words of `Backplane-Resume`. */
export type Resume = "complete" | "gap" | "reset";

/** The position to go on from, as the server says it. */
export interface Next {
  readonly since: string;
  /** The server's history that the position belongs to; only servers that say so. */
  readonly epoch: string | undefined;
}

export interface Answer {
  readonly frames: readonly Frame[];
  /** Only servers that say so, and transports with headers. */
  readonly next: Next | undefined;
  /** `undefined`: the server does not say, or the transport has no headers. */
  readonly resume: Resume | undefined;
}

/** An answer with its headers; throws if the body is no list. */
export function readAnswer(body: unknown, header: (name: string) => string | null): Answer {
  if (!Array.isArray(body)) throw new SyntaxError("the server's answer is no list of frames");
  return {
    frames: framesIn(body),
    next: nextIn(header("Link") ?? ""),
    resume: resumeIn(header),
  };
}

export function resumeIn(header: (name: string) => string | null): Resume | undefined {
  const resume = header("Backplane-Resume");
  return resume === "complete" || resume === "gap" || resume === "reset" ? resume : undefined;
}

/** The frames in a list. */
export function framesIn(list: readonly unknown[]): Frame[] {
  return list.filter(isFrame);
}

/** A position's text, `<id>.<epoch>`, as streams give it. */
export function nextFrom(text: string): Next {
  const [since = "", epoch] = text.split(".");
  return { since, epoch };
}

/** A position as a query with its question mark, or nothing without one. */
export function queryFor(next: Next | undefined): string {
  if (next === undefined) return "";
  const since = `?since=${encodeURIComponent(next.since)}`;
  return next.epoch === undefined ? since : `${since}&epoch=${encodeURIComponent(next.epoch)}`;
}

/** The parameters of a `Link` with `rel="next"`. */
function nextIn(link: string): Next | undefined {
  const [, query = ""] = /<[^>?]*\?([^>]*)>\s*;[^,]*\brel="?next\b/.exec(link) ?? [];
  const parameters = new URLSearchParams(query);
  const since = parameters.get("since");
  return since === null ? undefined : { since, epoch: parameters.get("epoch") ?? undefined };
}
