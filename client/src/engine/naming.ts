/** Finds the page's channel of versions 1.x, and keeps it in the cookie (JS-2, JS-3). */

import { channelNameFrom, isChannelName, newChannelURL, RANDOM_BYTES } from "../core/channel";
import { channelIn, cookieWith, inFiveYears } from "../core/cookie";
import type { DoorHost, Naming } from "./door";
import type { Environment } from "./environment";
import type { Settings } from "./settings";
import { within } from "./within";

/** Fewer characters would not be worth asking the server for (V1-NEW-1). */
const SHORTEST_NEW = 32;

export class Names implements Naming {
  constructor(
    private readonly env: Environment,
    private readonly settings: Settings,
    /** Shared by all of the page, which may have no cookies. */
    private readonly host: DoorHost,
  ) {}

  /** The name in the cookie, else the one in the options, else what the page was given before. */
  known(): string | undefined {
    return this.inCookie() ?? this.settings.channelName ?? this.host.remembered;
  }

  taken(): string | undefined {
    return this.inCookie() ?? this.host.remembered;
  }

  own(): string | undefined {
    return this.settings.askServer ? undefined : this.made();
  }

  find(): Promise<string> {
    return within(this.env, this.host.over.signal, (signal) => this.fresh(signal)).catch(() => this.made());
  }

  keep(channel: string): void {
    this.write(channel);
  }

  leave(): void {
    this.write(undefined);
  }

  private made(): string {
    return channelNameFrom(this.env.randomBytes(RANDOM_BYTES));
  }

  /** A name from the server; of the page's own making if the server has none to give. */
  private async fresh(signal: AbortSignal): Promise<string> {
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
    return this.made();
  }

  private inCookie(): string | undefined {
    return this.settings.cookie ? channelIn(this.env.readCookie(), this.settings.bus) : undefined;
  }

  private write(channel: string | undefined): void {
    this.host.remembered = channel;
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
