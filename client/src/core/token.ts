/**
 * Pure: what lets a page into its channel of version 2.0 (V2-ANON-1), and the cookies that keep it (V2-JS-1).
 *
 * `backplane2-channel=<token>:<channel>:<refresh>` is read by servers and by older libraries, and does not say of which bus the channel
 * is. So `backplane2-bus` beside it has a hash of what it was given for; where that is not right the server is asked.
 */

import { isChannelName } from "./channel";
import { valueOf } from "./cookie";
import { hashOf } from "./hash";
import { isObject } from "./json";
import { filtersOf } from "./scope";

export const PASS_COOKIE = "backplane2-channel";
export const MARK_COOKIE = "backplane2-bus";
/** As servers make them (V2-ANON-1). */
const SHORTEST_CHANNEL = 32;

/** The way into one channel, as long as its token is good. */
export interface Pass {
  readonly token: string;
  readonly channel: string;
  /** For a new token; empty where there is none, as in the cookies of the first libraries. */
  readonly refresh: string;
}

/** A pass, and what it is for. */
export interface Grant {
  readonly pass: Pass;
  readonly bus: string;
  readonly filters: string;
}

/** What the token endpoint has answered. Throws if it is no token of a channel. */
export function readGrant(body: unknown): Grant {
  const { access_token: token, refresh_token: refresh = "", scope } = isObject(body) ? body : {};
  const fields = typeof scope === "string" ? scope.split(" ") : [];
  const value = (name: string): string | undefined => fields.find((field) => field.startsWith(name))?.slice(name.length);
  const pass = { token, channel: value("channel:"), refresh };
  const bus = value("bus:");
  if (!isPass(pass) || bus === undefined) throw new SyntaxError("the server's answer is no token of a channel");
  return { pass, bus, filters: filtersOf(fields.join(" ")) };
}

/** The pass in the page's cookies, or in the text that one page gives to another. */
export function passIn(cookies: string): Pass | undefined {
  return passFrom(valueOf(cookies, PASS_COOKIE));
}

export function passFrom(text: string): Pass | undefined {
  const [token, channel, refresh = ""] = text.split(":");
  const pass = { token, channel, refresh };
  return isPass(pass) ? pass : undefined;
}

/** At most 2 180 characters: browsers take 4 096 with a cookie's name. */
export function passText({ token, channel, refresh }: Pass): string {
  return `${token}:${channel}:${refresh}`;
}

/** What the cookie beside it says: of which bus the channel is, and with which filters. */
export function markOf(channel: string, bus: string, filters: string): string {
  return hashOf(`${bus} ${filters} ${channel}`).toString(36);
}

function isPass(pass: { readonly [part in keyof Pass]: unknown }): pass is Pass {
  const { token, channel, refresh } = pass;
  return isToken(token) && (refresh === "" || isToken(refresh)) && isChannelName(channel) && channel.length >= SHORTEST_CHANNEL;
}

/** Pages append them to addresses as they are. */
function isToken(text: unknown): text is string {
  return typeof text === "string" && /^[\w.~-]{20,1024}$/.test(text);
}
