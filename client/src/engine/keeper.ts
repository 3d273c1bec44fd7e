/** Keeps where a page is in its channels, for the pages that come after it. */

import type { Next } from "../core/answer";
import { lastIn, lastWith } from "../core/last";
import type { Environment } from "./environment";

export class Keeper {
  private readonly key: string;
  /** What was there when this page began. */
  private readonly before: string;
  private readonly fresh = new Map<string, Next>();

  constructor(
    private readonly env: Environment,
    bus: string,
  ) {
    this.key = `backplane ${bus}`;
    this.before = env.recall(this.key);
  }

  /** Where this visitor's last page stopped in a channel. */
  last(channel: string): Next | undefined {
    return lastIn(this.before, channel);
  }

  /** The page has seen everything up to here. What comes together is written once. */
  moved(channel: string, to: Next): void {
    if (this.fresh.size === 0) void Promise.resolve().then(() => this.write(false));
    this.fresh.set(channel, to);
  }

  /** This may be the last that the page does. */
  keep(): void {
    this.write(true);
  }

  private write(beyond: boolean): void {
    const { env, key, fresh } = this;
    let text = env.recall(key);
    for (const [channel, to] of fresh) text = lastWith(text, channel, to);
    if (text !== "" && (beyond || fresh.size > 0)) env.keep(key, text, beyond);
    fresh.clear();
  }
}
