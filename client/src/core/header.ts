/** Pure: reads the answers of version 2.0 (V2-GET-1, V2-GET-2). A message has no payload there, and its URL instead of an id. */

import { nextFrom, resumeIn, type Answer, type Next } from "./answer";
import { isObject } from "./json";
import type { Frame } from "../public";

type Raw = Readonly<Record<string, unknown>>;

export interface Page extends Answer {
  /** There is more behind it already. */
  readonly more: boolean;
}

/** An answer with its headers; throws if the body holds no list. */
export function readPage(body: unknown, header: (name: string) => string | null): Page {
  const messages = isObject(body) ? body["messages"] : undefined;
  if (!isObject(body) || !Array.isArray(messages)) throw new SyntaxError("the server's answer has no list of messages");
  return {
    frames: messages.flatMap((message) => framed({ message }) ?? []),
    next: nextIn(body["nextURL"]),
    resume: resumeIn(header),
    more: body["moreMessages"] === true,
  };
}

/** What a stream says of a message, as a frame of 1.x says it. */
export function withId(said: Raw): Raw {
  const { message, id = idOf(message) } = said;
  return { ...said, id };
}

/** What is no message is passed over: without an id nothing can be said about it. */
function framed({ message }: Raw): Frame | undefined {
  const id = idOf(message);
  return isObject(message) && id !== undefined ? { message, id } : undefined;
}

function idOf(message: unknown): string | undefined {
  const url = isObject(message) ? message["messageURL"] : undefined;
  const [, id] = typeof url === "string" ? (/\/message\/([^/?#]+)$/.exec(url) ?? []) : [];
  return id;
}

/** The position in the URL that is to be asked next: an id, a position of this server, or what others have there. */
function nextIn(url: unknown): Next | undefined {
  const query = typeof url === "string" ? url.slice(url.indexOf("?") + 1) : "";
  const parameters = new URLSearchParams(query);
  const since = parameters.get("since");
  if (!since) return undefined;
  // Historical servers have ids with dots in them, and no epochs.
  if (/^[0-9A-Z]{13}\.[0-9A-Z]{13}$/.test(since)) return nextFrom(since);
  return { since, epoch: parameters.get("epoch") ?? undefined };
}
