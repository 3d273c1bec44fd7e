/** Between the broker and the browser something loses, doubles, reorders and damages what streams bring: it is noticed, and mended. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { BrowserContext, Page } from "playwright-core";
import { dice } from "../test/world";
import { freshName } from "./harness/broker";
import { Faults, type Fault } from "./harness/faults";
import { Proxy } from "./harness/proxy";
import { length, Numbers, script, via, visit } from "./harness/pushed";
import { BUS, world } from "./harness/world";

const here = world([{ name: BUS, settings: ["window.channel = 100000", "window.bus = 100000"] }]);
let proxy: Proxy;

beforeAll(async () => {
  proxy = await Proxy.before(here.broker.origin);
});
afterEach(() => {
  proxy.tamper = undefined;
});
afterAll(() => proxy?.end());

interface Reader {
  readonly page: Page;
  /** How often it has read its channel, beside the stream. */
  reads: number;
}

async function reader(context: BrowserContext, channelName: string): Promise<Reader> {
  const page = await visit(here, context, script({ serverBaseURL: proxy.base, channelName }));
  await via(page, "stream");
  const reader: Reader = { page, reads: 0 };
  page.on("request", (request) => {
    if (request.headers()["accept"] !== "text/event-stream") reader.reads += 1;
  });
  return reader;
}

/** The codes of the errors that a page was told of. No gap was: all that was lost could be read again. */
async function codes(page: Page): Promise<Array<string | undefined>> {
  expect(await page.evaluate(() => gaps)).toEqual([]);
  return page.evaluate(() => errors.map(({ code }) => code));
}

describe("one message that is", () => {
  /** What each fault takes: rounds, and of each a word to the page, a read, and another stream. */
  test.each([
    ["drop", 10, 1, 1, 0],
    ["swap", 10, 1, 1, 0],
    ["replace", 10, 1, 1, 0],
    ["double", 10, 0, 0, 0],
    ["delay", 10, 0, 0, 0],
    ["damage", 2, 1, 1, 1],
    ["cut", 3, 0, 0, 1],
  ] as ReadonlyArray<[Fault, number, number, number, number]>)("%s", async (fault, rounds, told, reads, streams) => {
    let due = false;
    const faults = new Faults(() => {
      const now = due;
      due = false;
      return now ? fault : undefined;
    });
    proxy.tamper = faults.tamper;
    const name = freshName();
    const load = new Numbers(here.broker, here.broker.channel(BUS, name));
    const { opened } = proxy;
    const one = await reader(await here.visitor(), name);
    for (let round = 1; round <= rounds; round += 1) {
      await load.post(1, 5);
      await load.complete(one.page);
      due = true;
      // What ends the stream waits until that is good.
      await expect.poll(async () => {
        await load.post(1, 5);
        return faults.made.get(fault) ?? 0;
      }, { interval: 100 }).toBe(round);
      await load.complete(one.page);
      await expect.poll(() => codes(one.page)).toEqual(Array(told * round).fill("break"));
      await via(one.page, "stream");
    }
    expect([one.reads, proxy.opened - opened]).toEqual([reads * rounds, 1 + streams * rounds]);
  });
});

describe("one message in twenty", () => {
  const frames = length(2_000, 10_000);

  test(`of ${frames} is as it should be: nothing is noticed`, { timeout: length(60_000, 300_000) }, async () => {
    const faults = new Faults(() => undefined);
    proxy.tamper = faults.tamper;
    const { pages, load } = await crowd();
    while (load.posted < frames) {
      await load.post(1, 20);
      await load.arrived(pages[0].page);
    }
    for (const { page, reads } of pages) {
      await load.complete(page);
      expect([await codes(page), reads]).toEqual([[], 0]);
    }
    expect([proxy.streams, faults.seen]).toEqual([1, load.posted]);
  });

  test.each([1, 2])(`of ${frames} is lost, doubled, reordered, replaced, late, damaged or cut (%i)`, { timeout: length(120_000, 600_000) }, async (seed) => {
    const roll = dice(seed);
    const common: readonly Fault[] = ["drop", "double", "swap", "replace", "delay"];
    const ends = length(3, 15);
    const faults: Faults = new Faults(() => {
      if (roll(20) > 0) return undefined;
      const chosen = common[roll(common.length + 1)];
      if (chosen !== undefined) return chosen;
      const end = roll(2) === 0 ? "damage" : "cut";
      return (faults.made.get(end) ?? 0) < ends ? end : undefined;
    });
    proxy.tamper = faults.tamper;
    const { pages, load } = await crowd();
    while (load.posted < frames || (faults.made.get("cut") ?? 0) < ends || (faults.made.get("damage") ?? 0) < ends) {
      const before = load.posted - 1;
      await load.post(1, 20);
      // The last may be lost on the way; the next tell of that.
      for (const { page } of pages) await load.arrived(page, before);
    }
    proxy.tamper = undefined;
    proxy.cut();
    await load.post(1);
    const harmful = ["drop", "swap", "replace", "damage"] as const;
    const most = harmful.reduce((sum, fault) => sum + (faults.made.get(fault) ?? 0), 0);
    for (const { page } of pages) {
      await load.complete(page);
      const told = (await codes(page)).filter((code) => code === "break").length;
      expect(told).toBeGreaterThan(0);
      expect(told).toBeLessThanOrEqual(most);
    }
    expect([...faults.made.keys()].sort()).toEqual([...common, "damage", "cut"].sort());
  });

  /** Three pages of an origin that share a stream. */
  async function crowd(): Promise<{ pages: readonly [Reader, ...Reader[]]; load: Numbers }> {
    const name = freshName();
    const context = await here.visitor();
    const load = new Numbers(here.broker, here.broker.channel(BUS, name));
    const pages = [await reader(context, name), await reader(context, name), await reader(context, name)] as const;
    return { pages: [...pages], load };
  }
});
