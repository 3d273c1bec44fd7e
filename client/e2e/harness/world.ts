/** What most test files need: a broker, a site and a browser, started once for the file. */

import { afterAll, afterEach, beforeAll } from "vitest";
import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import type { InitOptions } from "../../src/public";
import { Broker, freshName, type BusOptions } from "./broker";
import { Site } from "./site";
import { launch, open, Tab } from "./visit";

export const BUS = "customer.com";

export class World {
  broker!: Broker;
  site!: Site;
  browser!: Browser;
  private contexts: BrowserContext[] = [];

  /** A visitor without cookies, gone after the test. */
  async visitor(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext(options);
    this.contexts.push(context);
    return context;
  }

  /** A tab with the test page; `script` runs after the subscriber is there. */
  async tab(context?: BrowserContext, script = ""): Promise<Tab> {
    return open(this.site, this.broker, context ?? (await this.visitor()), script);
  }

  /** Options for a channel that no other test uses. */
  options(more: Partial<InitOptions> = {}): InitOptions {
    return { serverBaseURL: this.broker.base, busName: BUS, channelName: freshName(), ...more };
  }

  async leave(): Promise<void> {
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
  }
}

/** Starts it all before the file's first test, and ends it after the last. */
export function world(buses: readonly BusOptions[] = [{ name: BUS }]): World {
  const world = new World();
  beforeAll(async () => {
    [world.broker, world.site, world.browser] = await Promise.all([Broker.start(buses), Site.start(), launch()]);
  });
  afterEach(() => world.leave());
  afterAll(() => Promise.allSettled([world.browser?.close(), world.site?.end(), world.broker?.end()]));
  return world;
}
