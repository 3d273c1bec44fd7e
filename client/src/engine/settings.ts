/** Raw options, checked once, to what the engine works with. */

import { isChannelName, serverBase } from "../core/channel";
import type { From, Transport } from "../public";

export interface Settings {
  /** Without a slash at the end. */
  readonly base: string;
  readonly bus: string;
  readonly channelName: string | undefined;
  /** Whether the server is asked for new names (JS-2). */
  readonly askServer: boolean;
  /** The cookie's `expires`; `undefined` is five years (JS-3), the empty text a session. */
  readonly cookieExpires: string | undefined;
  readonly transport: Transport;
  readonly from: From;
}

/** As pages hand them over: of any type. */
export interface RawOptions {
  readonly serverBaseURL?: unknown;
  readonly busName?: unknown;
  readonly channelName?: unknown;
  readonly serverChannel?: unknown;
  readonly channelExpires?: unknown;
  readonly transport?: unknown;
  readonly from?: unknown;
}

/** Throws a `TypeError` that says which option is wrong and what is allowed. */
export function settingsFrom(options: RawOptions, page: string): Settings {
  const base = serverBase(options.serverBaseURL, page);
  if (base === undefined) throw wrong("serverBaseURL", "an address such as https://backplane.customer.com/v1");
  const { busName: bus, channelName, channelExpires: expires } = options;
  if (typeof bus !== "string" || !/^[\w.-]+$/.test(bus)) throw wrong("busName", "of A-Z a-z 0-9 . - _");
  if (channelName !== undefined && channelName !== null && !isChannelName(channelName)) {
    throw wrong("channelName", "1 to 128 characters of A-Z a-z 0-9 - _, and not new");
  }
  const transport = options.transport ?? "fetch";
  if (transport !== "fetch" && transport !== "poll" && transport !== "jsonp") {
    throw wrong("transport", '"fetch", "poll" or "jsonp"');
  }
  const from = options.from ?? "here";
  if (from !== "here" && from !== "start" && from !== "last") throw wrong("from", '"here", "start" or "last"');
  return {
    base,
    bus,
    channelName: channelName ?? undefined,
    askServer: options.serverChannel !== false,
    cookieExpires: expires instanceof Date ? expires.toUTCString() : typeof expires === "string" ? expires : undefined,
    transport,
    from,
  };
}

function wrong(name: string, allowed: string): TypeError {
  return new TypeError(`Backplane: ${name} must be ${allowed}`);
}
