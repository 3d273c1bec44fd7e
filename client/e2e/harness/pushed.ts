/** Pages to which channels are pushed, and what they tell of it. */

import { expect } from "vitest";
import type { BrowserContext, Page } from "playwright-core";
import type { Bus, ConnectOptions, Gap, RequestError } from "../../src/public";
import { message, type Broker } from "./broker";
import { testPage } from "./visit";
import { BUS, type World } from "./world";

declare global {
  var bus: Bus;
  var gaps: Gap[];
  var errors: RequestError[];
}

/** What runs on each page: a connection that writes down what it hears. */
export function script(options: Partial<ConnectOptions> & Pick<ConnectOptions, "serverBaseURL">): string {
  return `
    var gaps = [], errors = [], bus = Backplane.connect(${JSON.stringify({ busName: BUS, ...options })});
    bus.onAny(function (message) { received.push(message); });
    bus.onGap(function (gap) { gaps.push(gap); });
    bus.onError(function (error) { errors.push(error); });`;
}

/** A page of the site with that script; what is posted once it has connected is delivered. */
export async function visit(here: World, context: BrowserContext, script: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(here.site.serve("/push", testPage(here.broker, script)));
  return page;
}

/** How often a page that may be hidden is asked: it draws no frames then. */
const ASKED = { polling: 50 };

export function via(page: Page, way: Bus["via"]): Promise<unknown> {
  return page.waitForFunction((way) => bus.via === way, way, ASKED);
}

export function live(page: Page): Promise<unknown> {
  return page.waitForFunction(() => bus.state === "live", undefined, ASKED);
}

/** The gaps and errors that a page was told of. */
export function said(page: Page): Promise<[Gap[], RequestError[]]> {
  return page.evaluate(() => [gaps, errors]);
}

/** How long the long versions of tests are made, where both have a length. */
export function length(ordinary: number, full: number): number {
  return process.env["BACKPLANE_E2E"] === "full" ? full : ordinary;
}

/** Messages that are numbered from 0, posted to one channel, and where they have come. */
export class Numbers {
  posted = 0;

  constructor(
    private readonly broker: Broker,
    readonly channel: string,
  ) {}

  /** One POST after the other, each answered before the next, of so many messages. */
  async post(posts: number, each = 1): Promise<void> {
    for (let post = 0; post < posts; post += 1) {
      const messages = Array.from({ length: each }, (_, n) => message("n", this.posted + n));
      await this.broker.post(this.channel, ...messages);
      this.posted += each;
    }
  }

  /** The same where the broker may be away: each is sent again until it is answered, and stored once. */
  async insist(posts: number): Promise<void> {
    for (let post = 0; post < posts; post += 1) {
      const [text, key] = [message("n", this.posted), `${this.channel.slice(-24)}-${this.posted}`];
      const answered = (): Promise<boolean> => this.broker.offer(this.channel, key, text).catch(() => false);
      while (!(await answered())) await new Promise((resolve) => setTimeout(resolve, 20));
      this.posted += 1;
    }
  }

  /** Waits until so many were posted. */
  async reached(count: number): Promise<void> {
    await expect.poll(() => this.posted, { interval: 1 }).toBeGreaterThanOrEqual(count);
  }

  /** Waits for the last one on a page, or for another. */
  async arrived(page: Page, last = this.posted - 1): Promise<void> {
    await page.waitForFunction((last) => last < 0 || received.some(({ payload }) => payload === last), last, ASKED);
  }

  /** Waits for the last one; all must have come, from a certain one on, once and in order. */
  async complete(page: Page, from = 0): Promise<void> {
    await this.arrived(page);
    const all = Array.from({ length: this.posted - from }, (_, n) => from + n);
    expect(await numbers(page)).toEqual(all);
  }
}

/** What a page has received, in order. */
export function numbers(page: Page): Promise<number[]> {
  return page.evaluate(() => received.map(({ payload }) => Number(payload)));
}

/** Whether a page holds the lock that makes it the leader of the origin's pages. */
export function leads(page: Page): Promise<boolean> {
  return page.evaluate(async () => {
    const own = `who is this? ${Math.random()}`;
    return navigator.locks.request(own, async () => {
      const { held = [] } = await navigator.locks.query();
      const holder = (name: string) => held.find((lock) => lock.name?.startsWith(name))?.clientId;
      return holder("backplane 1 ") === holder(own);
    });
  });
}

/** The one of these pages that leads, once there is one. */
export async function leader(pages: readonly Page[]): Promise<Page> {
  let found: Page | undefined;
  await expect.poll(async () => {
    const all = await Promise.all(pages.map(leads));
    found = pages[all.indexOf(true)];
    return found !== undefined;
  }, { interval: 20 }).toBe(true);
  if (found === undefined) throw new Error("no page leads");
  return found;
}

export async function crash(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = new Promise((resolve) => page.once("crash", resolve));
  session.send("Page.crash").catch(() => undefined);
  await crashed;
}
