/** Raw options of version 2.0, checked once, to what the engine works with. */

import { FILTERS, LONGEST_SCOPE, scopeFrom } from "../core/scope";
import { isObject } from "../core/json";
import { second } from "./second";
import { BEGINNINGS, common, cookieFrom, dateText, known, oneOf, signalFrom, wrong, type RawOptions, type Settings } from "./settings";

const OPTIONS = ["version", "serverBaseURL", "busName", "scope", "transport", "from", "cookie", "signal"];

/** What pages hand over to `Backplane.init`. Throws a `TypeError` as below. */
export function settingsFrom2({ channelExpires: expires, ...options }: RawOptions, page: string): Settings {
  const cookie = { expires: dateText(expires), scope: {} };
  return { ...common2(options, page), cookie, from: "last" };
}

/** The options of `connect`. Throws a `TypeError` that says which one is wrong or unknown and what is allowed. */
export function strictSettings2(options: unknown, page: string): Settings {
  if (!isObject(options)) throw new TypeError("Backplane: connect takes an object of options");
  known("", options, OPTIONS);
  const { from = "here", cookie = {}, signal } = options;
  signalFrom(signal);
  return { ...common2(options, page), cookie: cookieFrom(cookie), from: oneOf("from", from, BEGINNINGS) };
}

function common2({ scope: asked = "", ...options }: RawOptions, page: string): Omit<Settings, "cookie" | "from"> {
  const { base, bus, transport } = common(options, page);
  if (!base.endsWith("/v2")) throw wrong("serverBaseURL", "the server's address up to its version, such as https://backplane.customer.com/v2");
  const scope = scopeFrom(asked);
  if (scope === undefined) {
    throw wrong("scope", `at most ${LONGEST_SCOPE} characters: field:value, of the fields ${FILTERS.join(", ")}, with spaces between them`);
  }
  return { door: second, base, bus, transport, scope, channelName: undefined, askServer: true };
}
