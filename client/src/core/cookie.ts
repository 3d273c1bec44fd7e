/** Pure: the `backplane-channel` cookie, `<bus>:<channel>|<bus>:<channel>` (1.0 section 5.1, JS-3). */

import { isChannelName } from "./channel";

const NAME = "backplane-channel";

/** Which pages have the cookie, where it is not the default. */
export interface CookieScope {
  readonly domain?: string;
  readonly sameSite?: string;
}

/** The channel that `document.cookie` holds for a bus, if it is a good name. */
export function channelIn(cookies: string, bus: string): string | undefined {
  for (const entry of entries(cookies)) {
    if (busOf(entry) !== bus) continue;
    const channel = decode(entry.slice(entry.indexOf(":") + 1));
    if (isChannelName(channel)) return channel;
  }
  return undefined;
}

/**
 * What to assign to `document.cookie` so that the bus has this channel, or none. Entries of other buses stay as
 * they are. Without `domain` the cookie belongs to the page's full host name.
 */
export function cookieWith(
  cookies: string,
  bus: string,
  channel: string | undefined,
  expires: string,
  secure: boolean,
  scope?: CookieScope,
): string {
  const others = entries(cookies).filter((entry) => busOf(entry) !== bus);
  if (channel !== undefined) others.push(`${encodeURIComponent(bus)}:${channel}`);
  return cookieText(NAME, others.join("|"), expires, secure, scope);
}

/** What to assign to `document.cookie` for a cookie of this value. */
export function cookieText(
  name: string,
  value: string,
  expires: string,
  secure: boolean,
  { domain, sameSite = "Lax" }: CookieScope = {},
): string {
  const end = expires === "" ? "" : `;expires=${expires}`;
  const host = domain === undefined ? "" : `;domain=${domain}`;
  return `${name}=${value}${end};path=/${host};SameSite=${sameSite}${secure ? ";Secure" : ""}`;
}

/** The value of a cookie; empty without one. */
export function valueOf(cookies: string, name: string): string {
  for (const cookie of cookies.split(";")) {
    const [found, value] = split(cookie, "=");
    if (found.trim() === name) return value.trim();
  }
  return "";
}

/** Five years from a moment, in the form of a cookie's date. */
export function inFiveYears(date: Date): string {
  const end = new Date(date);
  end.setUTCFullYear(end.getUTCFullYear() + 5);
  return end.toUTCString();
}

function entries(cookies: string): string[] {
  return valueOf(cookies, NAME).split("|").filter((entry) => entry !== "");
}

function busOf(entry: string): string {
  return decode(split(entry, ":")[0]);
}

function split(text: string, at: string): [string, string] {
  const place = text.indexOf(at);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)];
}

/** Older libraries escaped both names; what is no escape stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
