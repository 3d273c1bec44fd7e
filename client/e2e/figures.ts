/**
 * Figures for the documentation, not a test: `npm run figures`. Takes about five minutes.
 *
 * - From POST to callback where messages are pushed: as below.
 * - From POST to callback in polling while messages are hinted: messages at random moments, each timed in this process from before
 *   its POST to the subscriber's call. Both clocks are this machine's.
 * - The same in slow polling: pages that were opened at moments spread over a minute poll each minute, so each has
 *   its own wait for every message.
 * - Requests per minute: counted, idle over real minutes.
 */

import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { message } from "./harness/broker";
import type { Tab } from "./harness/visit";
import { BUS, world } from "./harness/world";

const here = world();
const HINTED = 240;
const SLOW_PAGES = 20;
const SLOW_ROUNDS = 3;

/** Writes down when each message came, in milliseconds since 1970. */
const TIMED = "var came = {}; Backplane.subscribe(function (m) { came[m.payload] = performance.timeOrigin + performance.now(); });";

declare global {
  var came: Record<string, number>;
}

const now = (): number => performance.timeOrigin + performance.now();
const pause = (wait: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, wait));

/** Posts one message, and says how long it took to its subscriber. */
async function time(tab: Tab, channel: string, name: string): Promise<number> {
  const start = now();
  await here.broker.post(channel, message("timed", name));
  return (await came(tab.page, name)) - start;
}

/** When a message came to a page. */
async function came(page: Page, name: string): Promise<number> {
  await page.waitForFunction((name) => name in globalThis.came, name, { timeout: 100_000, polling: 100 });
  return page.evaluate((name) => globalThis.came[name] ?? NaN, name);
}

function say(what: string, waits: readonly number[], unit: "s" | "ms" = "s"): void {
  const sorted = [...waits].sort((one, other) => one - other);
  const scale = unit === "s" ? 1_000 : 1;
  const at = (part: number): string => `${((sorted[Math.ceil(part * sorted.length) - 1] ?? NaN) / scale).toFixed(2)} ${unit}`;
  console.log(`${what}: p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}, of ${sorted.length}`);
}

test("pushed", { timeout: 600_000 }, async () => {
  const tab = await here.tab(undefined, TIMED);
  const channel = await tab.init(here.options(), 0);
  // A read, and a stream.
  await expect.poll(() => tab.polls.length).toBe(2);
  // The password of the first POST is hashed, which takes longer than all the rest.
  await time(tab, channel, "first");
  const waits = [];
  for (let count = 0; count < HINTED; count += 1) {
    await pause(randomInt(50));
    waits.push(await time(tab, channel, `pushed-${count}`));
  }
  say("POST to callback, pushed", waits, "ms");
  expect(tab.polls.length).toBe(2);
});

test("hinted", { timeout: 600_000 }, async () => {
  const tabs = await Promise.all(Array.from({ length: 4 }, () => here.tab(undefined, TIMED)));
  const channels = await Promise.all(tabs.map((tab) => tab.init(here.options({ transport: "poll" }))));
  const start = now();
  const polls = tabs.map((tab) => tab.polls.length);
  const runs = tabs.map(async (tab, n) => {
    const waits = [];
    for (let count = 0; count < HINTED / tabs.length; count += 1) {
      await pause(randomInt(1_000));
      waits.push(await time(tab, channels[n] ?? "", `${n}-${count}`));
    }
    return waits;
  });
  const waits = (await Promise.all(runs)).flat();
  const minutes = (now() - start) / 60_000;
  say("POST to callback, hinted", waits);
  const asked = tabs.map((tab, n) => tab.polls.length - (polls[n] ?? 0)).reduce((sum, count) => sum + count, 0);
  console.log(`requests per minute, hinted: ${(asked / tabs.length / minutes).toFixed(1)}`);
  expect(waits).toHaveLength(HINTED);
});

test("slow", { timeout: 600_000 }, async () => {
  const context = await here.visitor();
  // What polls does so for its own page alone.
  const tabs = await Promise.all(Array.from({ length: SLOW_PAGES }, () => here.tab(context, TIMED)));
  const options = here.options({ transport: "poll" });
  const channel = here.broker.channel(BUS, String(options.channelName));
  await Promise.all(tabs.map(async (tab, n) => {
    await pause((n / SLOW_PAGES) * 60_000);
    await tab.init(options, 0);
  }));
  const polls = (): number => tabs.reduce((sum, tab) => sum + tab.polls.length, 0);
  const [from, before] = [now(), polls()];
  const waits: number[] = [];
  for (let round = 0; round < SLOW_ROUNDS; round += 1) {
    await pause(randomInt(20_000));
    const name = String(round);
    const start = now();
    await here.broker.post(channel, message("timed", name));
    waits.push(...(await Promise.all(tabs.map(({ page }) => came(page, name)))).map((at) => at - start));
  }
  say("POST to callback, slow", waits);
  console.log(`requests per minute, idle: ${((polls() - before) / SLOW_PAGES / ((now() - from) / 60_000)).toFixed(2)}`);
  expect(waits).toHaveLength(SLOW_PAGES * SLOW_ROUNDS);
});
