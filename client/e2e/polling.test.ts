/** When a real page polls (JS-7), if it is not pushed to, on a clock that the test moves: a minute takes no minute. */

import { beforeEach, describe, expect, test } from "vitest";
import { message } from "./harness/broker";
import type { Tab } from "./harness/visit";
import { world } from "./harness/world";

const here = world();

/** Notes when the page asks, and whether an answer is still being read. */
const WATCH = `
  var asked = [], underWay = 0, real = fetch;
  fetch = async function (url, options) {
    asked.push(performance.now());
    underWay += 1;
    try {
      const { ok, status, headers, body } = await real(url, options).then(async (answer) => (
        { ok: answer.ok, status: answer.status, headers: answer.headers, body: await answer.text() }
      ));
      return { ok, status, headers, json: async () => JSON.parse(body) };
    } finally {
      underWay -= 1;
    }
  };`;

declare global {
  var asked: number[];
  var underWay: number;
}

let tab: Tab;
let channel: string;

beforeEach(async () => {
  const context = await here.visitor();
  await context.clock.install();
  tab = await here.tab(context, WATCH);
  await context.clock.pauseAt(Date.now() + 60_000);
  channel = await tab.page.evaluate((options) => {
    Backplane.init(options);
    return String(Backplane.getChannelID());
  }, here.options({ transport: "poll" }));
  await tab.page.clock.runFor(1);
  await idle();
  expect(await count()).toBe(1);
});

/** The answer to the last poll has been read and the next one is planned. */
async function idle(): Promise<void> {
  await tab.page.waitForFunction(() => underWay === 0, undefined, { polling: 5 });
}

function count(): Promise<number> {
  return tab.page.evaluate(() => asked.length);
}

/** Lets time pass until the next poll, and says how many seconds it took. */
async function untilNextPoll(most = 400): Promise<number> {
  const before = await count();
  for (let seconds = 1; seconds <= most; seconds += 1) {
    await tab.page.clock.runFor(1_000);
    if ((await count()) > before) {
      await idle();
      return seconds;
    }
  }
  throw new Error(`no poll within ${most} seconds`);
}

async function setHidden(hidden: boolean): Promise<void> {
  // Headless pages are always visible: this is what the browser does when the visitor looks at another tab.
  await tab.page.evaluate((hidden) => {
    const state = hidden ? "hidden" : "visible";
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

describe("JS-7", () => {
  test("once a minute; once a second for as long as messages are expected; then gradually back", async () => {
    expect([await untilNextPoll(), await untilNextPoll()]).toEqual([60, 60]);
    await tab.page.evaluate(() => Backplane.expectMessagesWithin(10));
    const fast = [];
    for (let poll = 0; poll < 10; poll += 1) fast.push(await untilNextPoll());
    expect(fast.every((seconds) => seconds <= 2)).toBe(true);
    const back: number[] = [];
    while (back.at(-1) !== 60) back.push(await untilNextPoll());
    expect(back).toEqual([...back].sort((one, other) => one - other));
    expect(back.length).toBeGreaterThan(4);
  });

  test("fast until each call has one of its types (1.0 section 5.4)", async () => {
    await tab.page.evaluate(() => {
      Backplane.expectMessagesWithin(600, ["type1", "type2"]);
      Backplane.expectMessagesWithin(600, ["type3", "type4"]);
    });
    await here.broker.post(channel, message("type2"), message("type1"));
    const half = [];
    for (let poll = 0; poll < 8; poll += 1) half.push(await untilNextPoll());
    expect(Math.max(...half)).toBe(1);
    await here.broker.post(channel, message("type4"));
    const after = [];
    for (let poll = 0; poll < 8; poll += 1) after.push(await untilNextPoll());
    expect(Math.max(...after)).toBeGreaterThan(3);
  });

  test("a single type may be text", async () => {
    await tab.page.evaluate(() => Backplane.expectMessagesWithin(600, "wanted"));
    await here.broker.post(channel, message("wanted"));
    await untilNextPoll();
    const after = [];
    for (let poll = 0; poll < 8; poll += 1) after.push(await untilNextPoll());
    expect(Math.max(...after)).toBeGreaterThan(3);
  });
});

test("a hidden page polls five times slower, and catches up when it is seen", async () => {
  await setHidden(true);
  expect(await untilNextPoll()).toBe(300);
  await tab.page.clock.runFor(100_000);
  const before = await count();
  await setHidden(false);
  await tab.page.clock.runFor(1);
  expect(await count()).toBe(before + 1);
});

test("Retry-After is obeyed before hints", async () => {
  await tab.page.route(`${channel}*`, (route) =>
    route.fulfill({
      status: 503,
      headers: { "Retry-After": "40", "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" },
      body: "{}",
    }),
  );
  await tab.page.evaluate(() => Backplane.expectMessagesWithin(600));
  await untilNextPoll();
  expect(await untilNextPoll()).toBe(40);
});

