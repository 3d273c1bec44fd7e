/** Finds the page's channel, and keeps it in the cookie (JS-2, JS-3). */

import { channelNameFrom, isChannelName, newChannelURL, RANDOM_BYTES } from "../core/channel";
import { channelIn, cookieWith, inFiveYears } from "../core/cookie";
import type { Environment } from "./environment";
import type { Settings } from "./settings";

/** Fewer characters would not be worth asking the server for (V1-NEW-1). */
const SHORTEST_NEW = 32;

export class Naming {
  constructor(
    private readonly env: Environment,
    private readonly settings: Settings,
    /** Shared by all of the page, which may have no cookies. */
    private readonly memory: { remembered: string | undefined },
  ) {}

  /** The name in the cookie, else the one in the options, else what the page was given before. */
  known(): string | undefined {
    return this.inCookie() ?? this.settings.channelName ?? this.memory.remembered;
  }

  /** What another connection of the page or another tab has found in the meantime. */
  taken(): string | undefined {
    return this.inCookie() ?? this.memory.remembered;
  }

  /** A name of the page's own making. */
  own(): string {
    return channelNameFrom(this.env.randomBytes(RANDOM_BYTES));
  }

  /** A name from the server; of the page's own making if the server has none to give. */
  async fresh(signal: AbortSignal): Promise<string> {
    const url = newChannelURL(this.settings.base, this.settings.bus);
    if (url !== undefined) {
      try {
        const getter = this.settings.transport === "jsonp" ? this.env.jsonp : this.env.fetch;
        const { body } = await getter.get(url, signal);
        if (isChannelName(body) && body.length >= SHORTEST_NEW) return body;
      } catch {
        // A server of 1.0 alone has no such address, and a page may be offline: both need a channel all the same.
      }
    }
    return this.own();
  }

  private inCookie(): string | undefined {
    return this.settings.cookie ? channelIn(this.env.readCookie(), this.settings.bus) : undefined;
  }

  keep(channel: string | undefined): void {
    this.memory.remembered = channel;
    const { bus, cookie } = this.settings;
    if (!cookie) return;
    const expires = cookie.expires ?? inFiveYears(new Date(this.env.date()));
    const secure = this.env.pageURL().startsWith("https:");
    this.env.writeCookie(cookieWith(this.env.readCookie(), bus, channel, expires, secure, cookie.scope));
    // Browsers write cookies behind the page's back, and another tab that waits for its turn (see `alone`) may look
    // before that is done. Reading waits for what this page has written.
    this.env.readCookie();
  }
}
