/** Pure: what the events of a stream say. */

import type { Frame } from "../public";
import type { Resume } from "./answer";
import { isFrame, isObject } from "./json";
import type { ServerEvent } from "./sse";

/** A message, and the id of the one before it on the stream. */
export interface Pushed {
  readonly kind: "frame";
  readonly frame: Frame;
  readonly prev: string;
}

type Raw = Readonly<Record<string, unknown>>;

export type Fact =
  | {
      readonly kind: "resume";
      readonly resume: Resume;
      readonly cursor: string;
      /** Of several channels, those for which it is not complete. */
      readonly channels: readonly string[];
      /** Milliseconds between signs of life, which is said at the beginning of a stream. */
      readonly heartbeat: number | undefined;
    }
  /** `prev`: the id of the last message of the stream; empty without one. */
  | { readonly kind: "cursor"; readonly cursor: string; readonly prev: string }
  /** Without `retry` (milliseconds) the server does not want to be asked again. */
  | { readonly kind: "end"; readonly reason: string; readonly retry: number | undefined };

/**
 * `undefined` for what a later server may say. Throws for what no server says: it was damaged on the way. `shape` makes a frame of what
 * other versions say of a message.
 */
export function readEvent({ event, data }: ServerEvent, shape = (said: Raw): Raw => said): Fact | Pushed | undefined {
  if (event !== "message" && event !== "backplane") return undefined;
  const said: unknown = JSON.parse(data);
  if (!isObject(said)) throw new SyntaxError("an event that is no object");
  return event === "message" ? pushed(shape(said)) : fact(said);
}

function pushed({ prev, ...frame }: Raw): Pushed {
  if (!isFrame(frame) || typeof prev !== "string") throw new SyntaxError("a frame without message, id or prev");
  return { kind: "frame", frame, prev };
}

function fact({ resume, cursor, prev, channels, heartbeat, end, retry }: Raw): Fact | undefined {
  if (typeof end === "string") return { kind: "end", reason: end, retry: milliseconds(retry) };
  if (typeof cursor !== "string") return undefined;
  if (resume === undefined) return { kind: "cursor", cursor, prev: typeof prev === "string" ? prev : "" };
  return {
    kind: "resume",
    // A word that is not known says at least that it is not complete.
    resume: resume === "complete" || resume === "reset" ? resume : "gap",
    cursor,
    channels: isObject(channels) ? Object.keys(channels) : [],
    heartbeat: milliseconds(heartbeat),
  };
}

function milliseconds(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 ? value : undefined;
}
