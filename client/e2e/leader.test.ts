/** The page that holds the connection for all of its origin's pages, killed and frozen under load: nobody loses anything. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright-core";
import type { From } from "../src/public";
import { freshName } from "./harness/broker";
import { Proxy } from "./harness/proxy";
import { crash, leader, length, live, Numbers, numbers, said, script, via, visit } from "./harness/pushed";
import { withHiddenTabs } from "./harness/visit";
import { BUS, world } from "./harness/world";

// No message may leave the window before a page has read it: a gap would be right then.
const here = world([{ name: BUS, settings: ["window.channel = 100000", "window.bus = 100000"] }]);
let proxy: Proxy;

beforeAll(async () => {
  proxy = await Proxy.before(here.broker.origin);
});
afterAll(() => proxy?.end());

/** A page, and the number of the first message that it must have. */
interface Seat {
  readonly page: Page;
  readonly first: number;
}

const PAGES = 4;
const ENDS: ReadonlyArray<(page: Page) => Promise<unknown>> = [
  (page) => page.close(),
  crash,
  (page) => page.goto("about:blank"),
];

test(
  `killed ${length(10, 100)} times: every page has each message once and in order, and no gap`,
  { timeout: length(60_000, 600_000) },
  async () => {
    const name = freshName();
    const context = await here.visitor();
    const load = new Numbers(here.broker, here.broker.channel(BUS, name));
    const sit = async (from: From): Promise<Seat> => {
      const page = await visit(here, context, script({ serverBaseURL: proxy.base, channelName: name, from }));
      await live(page);
      return { page, first: from === "start" ? 0 : load.posted };
    };
    let seats: Seat[] = [];
    while (seats.length < PAGES) seats.push(await sit("start"));

    for (let kill = 0; kill < length(10, 100); kill += 1) {
      // Now and then the next is killed before it is pushed to, or while it is.
      if (kill % 3 !== 2) await Promise.all(seats.map(({ page }) => via(page, "stream")));
      const posting = load.post(20, 1 + (kill % 5));
      const victim = await leader(seats.map(({ page }) => page));
      const seat = seats.find(({ page }) => page === victim);
      check(await numbers(victim), seat?.first ?? NaN);
      await ENDS[kill % ENDS.length]?.(victim);
      seats = seats.filter((other) => other !== seat);
      if (!victim.isClosed()) await victim.close();
      seats.push(await sit(kill % 2 === 0 ? "start" : "here"));
      await posting;
    }

    await load.post(1);
    for (const { page, first } of seats) {
      await load.arrived(page);
      const got = await numbers(page);
      check(got, first);
      expect(got.at(-1)).toBe(load.posted - 1);
      expect(await said(page)).toEqual([[], []]);
    }
    await expect.poll(() => proxy.streams).toBe(1);
  },
);

/** Consecutive numbers, from this one or one before. */
function check(got: readonly number[], first: number): void {
  const [from = first] = got;
  expect(from).toBeLessThanOrEqual(first);
  expect(got).toEqual(Array.from(got, (_, n) => from + n));
}

test("frozen and restored, again and again: the others go on, and it has everything", { timeout: 120_000 }, () =>
  withHiddenTabs(async (context) => {
    const channelName = freshName();
    const load = new Numbers(here.broker, here.broker.channel(BUS, channelName));
    const pages: Page[] = [];
    for (let n = 0; n < 3; n += 1) {
      const page = await visit(here, context, script({ serverBaseURL: proxy.base, channelName }));
      await via(page, "stream");
      pages.push(page);
    }
    for (let round = 0; round < length(4, 20); round += 1) {
      const frozen = await leader(pages);
      const others = pages.filter((page) => page !== frozen);
      await others[round % 2]?.bringToFront();
      const posting = load.post(20);
      await freeze(frozen, true);
      await posting;
      await load.post(1);
      for (const page of others) await load.complete(page);
      // It is awake enough to be asked, and no more.
      expect(await frozen.evaluate((last) => received.some(({ payload }) => payload === last), load.posted - 1)).toBe(false);
      const more = load.post(20);
      await freeze(frozen, false);
      await more;
      for (const page of pages) await load.complete(page);
      for (const page of pages) await via(page, "stream");
    }
    for (const page of pages) expect(await said(page)).toEqual([[], []]);
    await expect.poll(() => proxy.streams).toBe(1);
  }));

async function freeze(page: Page, frozen: boolean): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: frozen ? "frozen" : "active" });
  await session.detach();
}
