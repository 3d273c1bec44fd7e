/** Raw options, checked once, to what the engine works with. */

import { isChannelName, serverBase } from "../core/channel";
import type { CookieScope } from "../core/cookie";
import { isObject } from "../core/json";
import type { From, Transport } from "../public";
import type { DoorMaker } from "./door";
import { first } from "./first";

export interface Settings {
  /** The version of the protocol. */
  readonly door: DoorMaker;
  /** Without a slash at the end. */
  readonly base: string;
  readonly bus: string;
  readonly channelName: string | undefined;
  /** Whether the server is asked for new names (JS-2). */
  readonly askServer: boolean;
  /** `undefined`: the channel is kept in no cookie. */
  readonly cookie: CookieSettings | undefined;
  readonly transport: Transport;
  readonly from: From;
  /** The filters of version 2.0; empty without any. */
  readonly scope: string;
}

export interface CookieSettings {
  /** `undefined` is five years (JS-3), the empty text a session. */
  readonly expires: string | undefined;
  readonly scope: CookieScope;
}

/** As pages hand them over: of any type. */
export type RawOptions = Readonly<Record<string, unknown>>;

const OPTIONS = [
  "serverBaseURL", "busName", "channelName", "serverChannel", "transport", "from", "cookie", "signal",
];
const COOKIE = ["expires", "domain", "sameSite"];
const TRANSPORTS = ["fetch", "poll", "jsonp"] as const;
export const BEGINNINGS = ["here", "start", "last"] as const;
const SAME_SITE = ["lax", "strict", "none"] as const;

/** What pages since 2011 hand over, who are forgiven all that never did harm. Throws a `TypeError` as below. */
export function settingsFrom({ channelExpires: expires, ...options }: RawOptions, page: string): Settings {
  const cookie = { expires: dateText(expires), scope: {} };
  return { ...common(options, page), door: first, askServer: options["serverChannel"] !== false, cookie, from: "here" };
}

/** The options of `connect`. Throws a `TypeError` that says which one is wrong or unknown and what is allowed. */
export function strictSettings(options: unknown, page: string): Settings {
  if (!isObject(options)) throw new TypeError("Backplane: connect takes an object of options");
  known("", options, OPTIONS);
  const { serverChannel = true, from = "here", cookie = {}, signal } = options;
  const settings = common(options, page);
  if (!/\/v1(\.\d+)?$/.test(settings.base)) {
    throw wrong("serverBaseURL", "the server's address up to its version, such as https://backplane.customer.com/v1");
  }
  if (typeof serverChannel !== "boolean") throw wrong("serverChannel", "true or false");
  signalFrom(signal);
  return { ...settings, door: first, askServer: serverChannel, cookie: cookieFrom(cookie), from: oneOf("from", from, BEGINNINGS) };
}

export function common(options: RawOptions, page: string): Pick<Settings, "base" | "bus" | "channelName" | "transport" | "scope"> {
  const { serverBaseURL, busName: bus, channelName, transport } = options;
  const base = serverBase(serverBaseURL, page);
  if (base === undefined) throw wrong("serverBaseURL", "an address such as https://backplane.customer.com/v1");
  if (typeof bus !== "string" || !/^[\w.-]+$/.test(bus)) throw wrong("busName", "of A-Z a-z 0-9 . - _");
  if (channelName !== undefined && channelName !== null && !isChannelName(channelName)) {
    throw wrong("channelName", "1 to 128 characters of A-Z a-z 0-9 - _, and not new");
  }
  const way = oneOf("transport", transport ?? "fetch", TRANSPORTS);
  return { base, bus, channelName: channelName ?? undefined, transport: way, scope: "" };
}

export function signalFrom(signal: unknown): void {
  // One of another frame is no instance of this one's class.
  if (signal !== undefined && !(isObject(signal) && "aborted" in signal)) throw wrong("signal", "an AbortSignal");
}

export function cookieFrom(cookie: unknown): CookieSettings | undefined {
  if (cookie === false) return undefined;
  if (!isObject(cookie)) throw wrong("cookie", "false or an object");
  known("cookie.", cookie, COOKIE);
  const { domain, sameSite = "lax", expires } = cookie;
  if (domain !== undefined && (typeof domain !== "string" || !/^[\w.-]+$/.test(domain))) throw wrong("cookie.domain", "a host name");
  const text = dateText(expires);
  if (expires !== undefined && (text === undefined || /[;,]\s*\w+=/.test(text))) throw wrong("cookie.expires", 'a Date, its text, or ""');
  const scope = { sameSite: oneOf("cookie.sameSite", sameSite, SAME_SITE), ...(domain === undefined ? {} : { domain }) };
  return { expires: text, scope };
}

/** The end of a cookie, as text. */
export function dateText(expires: unknown): string | undefined {
  return expires instanceof Date ? expires.toUTCString() : typeof expires === "string" ? expires : undefined;
}

export function known(where: string, options: RawOptions, names: readonly string[]): void {
  const other = Object.keys(options).find((name) => !names.includes(name));
  if (other !== undefined) throw new TypeError(`Backplane: there is no option ${where}${other}, only ${names.join(", ")}`);
}

export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw wrong(name, allowed.map((one) => `"${one}"`).join(" or "));
  return found;
}

export function wrong(name: string, allowed: string): TypeError {
  return new TypeError(`Backplane: ${name} must be ${allowed}`);
}
