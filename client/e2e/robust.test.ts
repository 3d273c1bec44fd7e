/** What goes wrong in practice: no network, a restart, a window that overflows, cookies that are blocked. */

import type { BrowserContext } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { Bus, Gap, State } from "../src/public";
import { message } from "./harness/broker";
import { Tab, testPage, types } from "./harness/visit";
import { BUS, world } from "./harness/world";

const SMALL = "small.example";
const here = world([{ name: BUS }, { name: SMALL, settings: ["window.channel = 5"] }]);

declare global {
  var bus: Bus;
  var gaps: Gap[];
  var states: State[];
}

/** A page that uses `connect`; what it hears is in `received`, `gaps` and `states`. */
async function connected(busName: string = BUS): Promise<{ tab: Tab; channel: string; context: BrowserContext }> {
  const tab = await here.tab();
  const firstRead = tab.firstRead();
  const options = here.options({ busName });
  const channel = await tab.page.evaluate((options) => {
    globalThis.bus = Backplane.connect({
      serverBaseURL: options.serverBaseURL,
      busName: options.busName,
      ...(options.channelName === undefined ? {} : { channelName: options.channelName }),
    });
    globalThis.gaps = [];
    globalThis.states = [bus.state];
    bus.onAny((message) => void received.push(message));
    bus.onGap((gap) => void gaps.push(gap));
    bus.onState((state) => void states.push(state));
    return bus.ready;
  }, options);
  await firstRead;
  return { tab, channel, context: tab.page.context() };
}

function state(tab: Tab, state: State): Promise<unknown> {
  return tab.page.waitForFunction((state) => bus.state === state, state);
}

describe("without a network", () => {
  test("requests pause, and messages come the moment it is back", async () => {
    const { tab, channel, context } = await connected();
    await here.broker.post(channel, message("a"));
    await tab.receivedUntil("a");
    await context.setOffline(true);
    await state(tab, "offline");
    const asked = tab.polls.length;
    await here.broker.post(channel, message("b"), message("c"));
    await context.setOffline(false);
    expect(types(await tab.receivedUntil("c"))).toEqual(["a", "b", "c"]);
    // A read, and a stream.
    expect(tab.polls.length).toBeLessThanOrEqual(asked + 2);
    await state(tab, "live");
    expect(await tab.page.evaluate(() => gaps)).toEqual([]);
  });

  test("what no longer fits the window is told as a gap, the rest is delivered", async () => {
    const { tab, channel, context } = await connected(SMALL);
    await here.broker.post(channel, message("seen"));
    await tab.receivedUntil("seen");
    await context.setOffline(true);
    await state(tab, "offline");
    await here.broker.post(channel, ...[1, 2, 3, 4, 5, 6, 7].map((n) => message(`m${n}`)));
    await context.setOffline(false);
    expect(types(await tab.receivedUntil("m7"))).toEqual(["seen", "m3", "m4", "m5", "m6", "m7"]);
    expect(await tab.page.evaluate(() => gaps)).toEqual([{ reason: "gap" }]);
  });
});

describe("when the broker is restarted", () => {
  test("nothing is lost, doubled or told as a gap", async () => {
    const { tab, channel, context } = await connected();
    await here.broker.post(channel, message("a"));
    await tab.receivedUntil("a");
    await context.setOffline(true);
    await state(tab, "offline");
    await here.broker.post(channel, message("unread"));
    await here.broker.stop();
    await here.broker.startAgain();
    await here.broker.post(channel, message("b"));
    await context.setOffline(false);
    expect(types(await tab.receivedUntil("b"))).toEqual(["a", "unread", "b"]);
    expect(await tab.page.evaluate(() => gaps)).toEqual([]);
  });
});

describe("when the broker is restarted with its log lost", () => {
  test("the page is told, goes on, and gets nothing twice", async () => {
    const { tab, channel } = await connected();
    await here.broker.post(channel, message("a"), message("b"));
    await tab.receivedUntil("b");
    await here.broker.stop();
    here.broker.loseLog();
    await state(tab, "retrying");
    await here.broker.startAgain();
    await state(tab, "live");
    await here.broker.post(channel, message("c"), message("d"));
    expect(types(await tab.receivedUntil("d"))).toEqual(["a", "b", "c", "d"]);
    await here.broker.post(channel, message("e"));
    expect(types(await tab.receivedUntil("e"))).toEqual(["a", "b", "c", "d", "e"]);
    expect(await tab.page.evaluate(() => gaps)).toHaveLength(1);
  });

  test("a message that was lost unread is not passed over in silence", async () => {
    const { tab, channel, context } = await connected();
    await here.broker.post(channel, message("a"));
    await tab.receivedUntil("a");
    await context.setOffline(true);
    await state(tab, "offline");
    await here.broker.post(channel, message("lost"));
    await here.broker.stop();
    here.broker.loseLog();
    await here.broker.startAgain();
    // The new ids are above the page's position, which alone would look as if all was well.
    await here.broker.post(channel, message("b"));
    await context.setOffline(false);
    expect(types(await tab.receivedUntil("b"))).toEqual(["a", "b"]);
    expect(await tab.page.evaluate(() => gaps)).toHaveLength(1);
  });
});

describe("where cookies are blocked", () => {
  test("by the browser: the page has a channel for as long as it lives", async () => {
    const context = await here.visitor();
    const tab = await here.tab(context);
    const session = await context.newCDPSession(tab.page);
    await session.send("Emulation.setDocumentCookieDisabled", { disabled: true });
    const channel = await tab.init(here.options());
    expect(await tab.page.evaluate(() => document.cookie)).toBe("");
    await here.broker.post(channel, message("a"));
    expect(types(await tab.receivedUntil("a"))).toEqual(["a"]);
  });

  test("by a sandbox, where reading them throws", async () => {
    const context = await here.visitor();
    const options = JSON.stringify(here.options());
    const script = `Backplane.init(${options}); Backplane.expectMessagesWithin(600);`;
    const inner = here.site.serve("/inner", testPage(here.broker, script));
    const outer = here.site.serve("/outer", `<!doctype html><iframe sandbox="allow-scripts" src="${inner}"></iframe>`);
    const tab = await Tab.in(context, outer);
    const frame = tab.page.frame({ url: inner });
    expect(frame).not.toBeNull();
    if (frame === null) return;
    await frame.waitForFunction(() => Backplane.getChannelID() !== false);
    await expect.poll(() => tab.polls.length).toBeGreaterThan(1);
    await here.broker.post(String(await frame.evaluate(() => Backplane.getChannelID())), message("a"));
    await frame.waitForFunction(() => received.length === 1);
    await expect(frame.evaluate(() => document.cookie)).rejects.toThrow("sandboxed");
  });
});
