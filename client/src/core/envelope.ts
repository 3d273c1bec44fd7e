/** Pure: takes a message out of its Magic Envelope (MSG-7). That is not checking signatures; servers do. */

import type { Frame, Message } from "../public";
import { isObject } from "./json";

/**
 * The message in a frame. An object with `data` and `sigs` is an envelope, as in the server.
 *
 * Throws if the envelope holds no message.
 */
export function unwrap(message: Frame["message"]): Message {
  if (!("data" in message && "sigs" in message)) return message as Message;
  const inside: unknown = JSON.parse(fromBase64url(String(message["data"])));
  if (!isObject(inside)) throw new SyntaxError("a Magic Envelope without a message");
  return inside as Message;
}

/** Signers differ about padding, and transports may have put white space anywhere. */
function fromBase64url(data: string): string {
  const bare = data.replace(/[\s=]/g, "").replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(bare), (letter) => letter.charCodeAt(0));
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
