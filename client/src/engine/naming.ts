/** Finds the page's channel, and keeps it in the cookie (JS-2, JS-3). */

import { channelNameFrom, isChannelName, newChannelURL, RANDOM_BYTES } from "../core/channel";
import { channelIn, cookieWith, inFiveYears } from "../core/cookie";
import type { Environment, Getter } from "./environment";
import type { Settings } from "./settings";

/** Fewer characters would not be worth asking the server for (V1-NEW-1). */
const SHORTEST_NEW = 32;

export class Naming {
  constructor(
    private readonly env: Environment,
    private readonly settings: Settings,
  ) {}

  /** The name in the cookie, else the one in the options. */
  known(): string | undefined {
    return this.inCookie() ?? this.settings.channelName;
  }

  /** A name of the page's own making. */
  own(): string {
    return channelNameFrom(this.env.randomBytes(RANDOM_BYTES));
  }

  /** A name from the server; of the page's own making if the server has none to give. */
  async fresh(getter: Getter, signal: AbortSignal): Promise<string> {
    const url = newChannelURL(this.settings.base, this.settings.bus);
    if (url !== undefined) {
      try {
        const { body } = await getter.get(url, signal);
        if (isChannelName(body) && body.length >= SHORTEST_NEW) return body;
      } catch {
        // A server of 1.0 alone has no such address, and a page may be offline: both need a channel all the same.
      }
    }
    return this.own();
  }

  /** What another tab has put into the cookie in the meantime. */
  inCookie(): string | undefined {
    return channelIn(this.env.readCookie(), this.settings.bus);
  }

  keep(channel: string | undefined): void {
    const expires = this.settings.cookieExpires ?? inFiveYears(new Date(this.env.date()));
    const secure = this.env.pageURL().startsWith("https:");
    this.env.writeCookie(cookieWith(this.env.readCookie(), this.settings.bus, channel, expires, secure));
    // Browsers write cookies behind the page's back, and another tab that waits for its turn (see `alone`) may look
    // before that is done. Reading waits for what this page has written.
    this.env.readCookie();
  }
}
