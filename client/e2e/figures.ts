/**
 * Figures for the documentation, not a test: `npm run figures`. Takes about five minutes.
 *
 * - From POST to callback where messages are pushed: as below.
 * - From POST to callback in polling while messages are hinted: messages at random moments, each timed in this process from before
 *   its POST to the subscriber's call. Both clocks are this machine's.
 * - The same in slow polling: connections that were made at moments spread over a minute poll each minute, so each has
 *   its own wait for every message.
 * - Requests per minute: counted, idle over real minutes.
 */

import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
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
  await tab.page.waitForFunction((name) => name in came, name, { timeout: 100_000, polling: 100 });
  return (await tab.page.evaluate((name) => came[name] ?? NaN, name)) - start;
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
  await tab.page.waitForRequest(/[?&]since=/);
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
  const tab = await here.tab();
  const channel = await tab.init(here.options({ transport: "poll" }), 0);
  await tab.page.evaluate(
    ([options, count]) => {
      globalThis.came = {};
      for (let page = 0; page < count; page += 1) {
        setTimeout(() => {
          const bus = Backplane.connect(options);
          bus.onAny(({ payload }) => (came[`${payload} ${page}`] = performance.timeOrigin + performance.now()));
        }, (page / count) * 60_000);
      }
    },
    [{ serverBaseURL: here.broker.base, busName: BUS, transport: "poll" }, SLOW_PAGES] as const,
  );
  await expect.poll(() => tab.polls.length, { timeout: 100_000 }).toBeGreaterThan(SLOW_PAGES);
  const [from, before] = [now(), tab.polls.length];
  const waits: number[] = [];
  for (let round = 0; round < SLOW_ROUNDS; round += 1) {
    await pause(randomInt(20_000));
    const start = now();
    await here.broker.post(channel, message("timed", String(round)));
    const all = (round + 1) * SLOW_PAGES;
    await tab.page.waitForFunction((all) => Object.keys(came).length === all, all, { timeout: 100_000, polling: 100 });
    const times = await tab.page.evaluate(() => came);
    waits.push(...Object.keys(times).filter((key) => key.startsWith(`${round} `)).map((key) => (times[key] ?? NaN) - start));
  }
  say("POST to callback, slow", waits);
  // The tab's own instance polls, too.
  const asked = (tab.polls.length - before) / (SLOW_PAGES + 1);
  console.log(`requests per minute, idle: ${(asked / ((now() - from) / 60_000)).toFixed(2)}`);
  expect(waits).toHaveLength(SLOW_PAGES * SLOW_ROUNDS);
});
