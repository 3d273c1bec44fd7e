/** While messages are streamed to several pages: networks go and come, the broker is restarted, and clocks jump. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BrowserContext, Page } from "playwright-core";
import { freshName } from "./harness/broker";
import { Proxy } from "./harness/proxy";
import { length, live, Numbers, said, script, via, visit } from "./harness/pushed";
import { BUS, world } from "./harness/world";

const here = world([{ name: BUS, settings: ["window.channel = 10000"] }]);
let proxy: Proxy;

beforeAll(async () => {
  proxy = await Proxy.before(here.broker.origin);
});
afterAll(() => proxy?.end());

declare global {
  /** What the page's clock is wrong by, in milliseconds. */
  var wrong: number;
}

/** A clock that can be set, as by a visitor or by a time server. */
const CLOCK = `
  var wrong = 0, RealDate = Date;
  Date = class extends RealDate {
    constructor(...parts) { if (parts.length > 0) super(...parts); else super(RealDate.now() + wrong); }
    static now() { return RealDate.now() + wrong; }
  };`;

interface Crowd {
  readonly context: BrowserContext;
  readonly pages: readonly Page[];
  readonly load: Numbers;
}

/** Three pages to which one channel is streamed. */
async function crowd(before = ""): Promise<Crowd> {
  const [context, channelName, pages] = [await here.visitor(), freshName(), [] as Page[]];
  for (let n = 0; n < 3; n += 1) {
    const page = await visit(here, context, before + script({ serverBaseURL: proxy.base, channelName }));
    await via(page, "stream");
    pages.push(page);
  }
  return { context, pages, load: new Numbers(here.broker, here.broker.channel(BUS, channelName)) };
}

async function complete({ pages, load }: Crowd): Promise<void> {
  for (const page of pages) {
    await load.complete(page);
    expect(await page.evaluate(() => gaps)).toEqual([]);
  }
}

test("the network goes and comes, again and again", { timeout: 120_000 }, async () => {
  const all = await crowd();
  const { context, pages, load } = all;
  for (let round = 0; round < length(4, 20); round += 1) {
    const posting = load.post(40);
    await context.setOffline(true);
    for (const page of pages) await page.waitForFunction(() => !navigator.onLine);
    await posting;
    await load.post(1);
    await context.setOffline(false);
    for (const page of pages) await live(page);
    await complete(all);
  }
  for (const page of pages) await via(page, "stream");
  await expect.poll(() => proxy.streams).toBe(1);
});

describe("the broker is restarted in the midst of streams", () => {
  test.each([
    ["in order", () => here.broker.stop()],
    ["after a crash", () => here.broker.kill()],
  ])("%s: nothing is lost, doubled, reordered or told as a gap", { timeout: 180_000 }, async (_how, end) => {
    const all = await crowd();
    const { pages, load } = all;
    for (let round = 0; round < length(2, 10); round += 1) {
      const posting = load.insist(60);
      await load.reached(load.posted + 20);
      await end();
      await here.broker.startAgain();
      await posting;
      await complete(all);
      // Streams that are cut twice in their first moments give way to long polls.
      for (const page of pages) await page.waitForFunction(() => bus.via !== "poll");
    }
    await expect.poll(() => proxy.streams).toBeLessThanOrEqual(1);
  });
});

test("a page's clock jumps by hours, forth and back: nothing changes", async () => {
  const all = await crowd(CLOCK);
  const { context, pages, load } = all;
  const polling = await visit(here, context, CLOCK + script({ serverBaseURL: proxy.base, transport: "poll" }));
  await live(polling);
  await polling.evaluate(() => bus.expect(600));
  const { opened } = proxy;
  let requests = 0;
  for (const page of pages) page.on("request", () => (requests += 1));
  for (const hours of [5, -5, 48, -48, 24 * 365, -24 * 365, 0]) {
    const posting = load.post(20);
    for (const page of [...pages, polling]) await page.evaluate((wrong) => (globalThis.wrong = wrong), hours * 3_600_000);
    await posting;
    await load.post(1);
    await complete({ ...all, pages: [...pages, polling] });
  }
  for (const page of pages) expect([await said(page), await page.evaluate(() => bus.via)]).toEqual([[[], []], "stream"]);
  expect([requests, proxy.opened - opened, proxy.streams]).toEqual([0, 0, 1]);
});
