/** Messages at once: by streams where they pass, by long polls where they do not, over one connection for all of a site's pages. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { BrowserContext, Page } from "playwright-core";
import type { ConnectOptions } from "../src/public";
import { freshName, message } from "./harness/broker";
import { Proxy } from "./harness/proxy";
import * as pushed from "./harness/pushed";
import { crash, said, via } from "./harness/pushed";
import { testPage, types } from "./harness/visit";
import { BUS, world } from "./harness/world";

const here = world();
let proxy: Proxy;

beforeAll(async () => {
  proxy = await Proxy.before(here.broker.origin);
});
afterEach(() => {
  proxy.mood = "pass";
});
afterAll(() => proxy?.end());

/** What runs on each page: a connection to this channel, through the proxy. */
function script(channelName: string, more: Partial<ConnectOptions> = {}): string {
  return pushed.script({ serverBaseURL: proxy.base, channelName, ...more });
}

/** A page of the site, once messages are pushed to it. */
async function page(context: BrowserContext, channel: string, more: Partial<ConnectOptions> = {}): Promise<Page> {
  const page = await pushed.visit(here, context, script(channel, more));
  await via(page, "stream");
  return page;
}

async function got(page: Page, last: string): Promise<string[]> {
  await page.waitForFunction((last) => received.some(({ type }) => type === last), last);
  return types(await page.evaluate(() => received));
}

describe("a message reaches the page at once", () => {
  test("by a stream, in far less than the second that the fastest polls take", async () => {
    const name = freshName();
    const tab = await page(await here.visitor(), name);
    await tab.evaluate(() => {
      globalThis.came = {};
      bus.on<string>("timed", ({ payload }) => (came[payload] = performance.timeOrigin + performance.now()));
    });
    const waits: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      const from = performance.timeOrigin + performance.now();
      await here.broker.post(here.broker.channel(BUS, name), message("timed", `n${n}`));
      await tab.waitForFunction((n) => `n${n}` in came, n);
      waits.push((await tab.evaluate((n) => came[`n${n}`] ?? NaN, n)) - from);
    }
    waits.sort((one, other) => one - other);
    // A machine under load is late now and then; polls would be late each time.
    expect(waits[10]).toBeLessThan(400);
    expect(proxy.streams).toBe(1);
  });

  test("on pages of 2011 without a change, and without a poll", async () => {
    const tab = await here.tab();
    const channel = await tab.init(here.options({ serverBaseURL: proxy.base }), 0);
    await expect.poll(() => proxy.streams).toBe(1);
    await here.broker.post(here.broker.channel(BUS, channel.split("/").pop() ?? ""), message("a"), message("b"));
    expect(types(await tab.receivedUntil("b"))).toEqual(["a", "b"]);
    // What it asks for needs no preflight.
    expect(tab.polls.map((request) => request.method())).toEqual(["GET", "GET"]);
  });

  test("by a long poll where a proxy keeps what streams bring", async () => {
    proxy.mood = "buffer";
    const name = freshName();
    const tab = await (await here.visitor()).newPage();
    await tab.goto(here.site.serve("/push", testPage(here.broker, script(name))));
    const blocked = tab.waitForRequest(/[?&]block=/);
    await blocked;
    await here.broker.post(here.broker.channel(BUS, name), message("a"));
    expect(await got(tab, "a")).toEqual(["a"]);
    await via(tab, "block");
    await here.broker.post(here.broker.channel(BUS, name), message("b"));
    expect(await got(tab, "b")).toEqual(["a", "b"]);
    expect(await said(tab)).toEqual([[], []]);
  });

  test("by a long poll where a proxy forbids streams", async () => {
    proxy.mood = "forbid";
    const name = freshName();
    const tab = await (await here.visitor()).newPage();
    await tab.goto(here.site.serve("/push", testPage(here.broker, script(name))));
    await tab.waitForRequest(/[?&]block=/);
    await here.broker.post(here.broker.channel(BUS, name), message("a"));
    expect(await got(tab, "a")).toEqual(["a"]);
  });

  test("also after the connection was cut, without a gap", async () => {
    const name = freshName();
    const channel = here.broker.channel(BUS, name);
    const tab = await page(await here.visitor(), name);
    for (let n = 0; n < 5; n += 1) {
      await here.broker.post(channel, message(`before-${n}`));
      proxy.cut();
      await here.broker.post(channel, message(`after-${n}`));
      await got(tab, `after-${n}`);
    }
    expect(await got(tab, "after-4")).toEqual([0, 1, 2, 3, 4].flatMap((n) => [`before-${n}`, `after-${n}`]));
    expect(await tab.evaluate(() => gaps)).toEqual([]);
  });
});

describe("one connection", () => {
  test("for two connections of a page, of the same channel and of another", async () => {
    const name = freshName();
    const tab = await page(await here.visitor(), name);
    await tab.evaluate(() => {
      globalThis.bus = Backplane.connect({ serverBaseURL: new URL("/v1", bus.channelId).href, busName: "customer.com" });
      bus.onAny(({ type }) => void received.push({ source: "", type: `again ${type}`, payload: null }));
    });
    await tab.waitForFunction(() => bus.state === "live");
    await here.broker.post(here.broker.channel(BUS, name), message("a"));
    expect(await got(tab, "again a")).toEqual(["a", "again a"]);
    const other = freshName();
    const both = tab.waitForRequest(/\/channels\?/);
    await tab.evaluate((other) => {
      const { origin } = new URL(bus.channelId ?? "");
      document.cookie = "backplane-channel=;path=/;max-age=0";
      const more = Backplane.connect({ serverBaseURL: `${origin}/v1`, busName: "customer.com", channelName: other });
      more.onAny((message) => void received.push(message));
    }, other);
    await both;
    await here.broker.post(here.broker.channel(BUS, other), message("b"));
    await here.broker.post(here.broker.channel(BUS, name), message("c"));
    await got(tab, "again c");
    const all = await got(tab, "b");
    // Each channel has its order; one that is new to the stream may still be read when the other is told.
    expect(all.filter((type) => !type.startsWith("again")).sort()).toEqual(["a", "b", "c"]);
    expect(proxy.streams).toBe(1);
    expect(await said(tab)).toEqual([[], []]);
  });

  test("for twenty tabs", { timeout: 120_000 }, async () => {
    const name = freshName();
    const context = await here.visitor();
    const before = proxy.opened;
    const tabs: Page[] = [];
    for (let n = 0; n < 20; n += 1) tabs.push(await page(context, name));
    await here.broker.post(here.broker.channel(BUS, name), message("a"), message("b"));
    for (const tab of tabs) expect(await got(tab, "b")).toEqual(["a", "b"]);
    expect([proxy.streams, proxy.opened - before]).toEqual([1, 1]);
  });

  test("for a page and its frames, on both faces", async () => {
    const name = freshName();
    const context = await here.visitor();
    const inner = here.site.serve("/inner", testPage(here.broker, script(name)));
    const module = `import { connect } from "${here.broker.origin}/backplane.mjs";
      globalThis.received = [];
      globalThis.bus = connect({ serverBaseURL: "${proxy.base}", busName: "${BUS}" });
      bus.onAny((message) => received.push(message));`;
    const html = `<iframe src="${inner}"></iframe><iframe src="${inner}?2"></iframe><script type="module">${module}</script>`;
    const outer = await context.newPage();
    await outer.goto(here.site.serve("/push", `<!doctype html>${html}`));
    const frames = outer.frames();
    for (const frame of frames) await frame.waitForFunction(() => bus.via === "stream");
    await here.broker.post(here.broker.channel(BUS, name), message("a"));
    for (const frame of frames) await frame.waitForFunction(() => received.length === 1);
    expect([frames.length, proxy.streams]).toEqual([3, 1]);
  });
});

test("a frame of another site is kept apart by the browser, goes alone, and misses nothing", async () => {
  const name = freshName();
  const context = await here.visitor();
  const stranger = `http://localhost:${here.site.port}`;
  here.site.serve("/inner", testPage(here.broker, script(name)));
  const top = await context.newPage();
  await top.goto(`${stranger}/inner`);
  await via(top, "stream");
  const outer = await context.newPage();
  await outer.goto(here.site.serve("/outer", `<!doctype html><iframe src="${stranger}/inner"></iframe>`));
  const [, frame] = outer.frames();
  await frame?.waitForFunction(() => bus.via === "stream");
  expect(proxy.streams).toBe(2);
  await here.broker.post(here.broker.channel(BUS, name), message("a"));
  expect(await got(top, "a")).toEqual(["a"]);
  await frame?.waitForFunction(() => received.length === 1);
});

describe("when the page that holds the connection", () => {
  /** Three pages, the first of which leads; what happens to it while messages are posted. */
  async function without(happens: (leader: Page) => Promise<unknown>): Promise<void> {
    const name = freshName();
    const channel = here.broker.channel(BUS, name);
    const context = await here.visitor();
    const [leader, ...rest] = [await page(context, name), await page(context, name), await page(context, name)];
    await here.broker.post(channel, message("0"));
    for (const tab of rest) await got(tab, "0");
    const happened = happens(leader);
    for (let n = 1; n < 40; n += 1) await here.broker.post(channel, message(String(n)));
    await happened;
    await here.broker.post(channel, message("40"));
    const all = Array.from({ length: 41 }, (_, n) => String(n));
    for (const tab of rest) {
      expect(await got(tab, "40")).toEqual(all);
      expect(await said(tab)).toEqual([[], []]);
    }
    expect(proxy.streams).toBe(1);
  }

  test("is closed, another goes on", () => without((leader) => leader.close()));

  test("goes elsewhere, another goes on", () => without((leader) => leader.goto("about:blank")));

  test("crashes, another goes on", () => without(crash));

  test("is frozen, another goes on", () =>
    without(async (leader) => {
      // What Chromium does before it freezes a page in the background; headless ones are never there.
      await leader.evaluate(() => document.dispatchEvent(new Event("freeze")));
      await expect.poll(() => leader.evaluate(() => bus.via)).toBe("poll");
    }));

  test("hangs and keeps its lock, another takes it away", async () => {
    const name = freshName();
    const channel = here.broker.channel(BUS, name);
    const context = await here.visitor();
    const [leader, other] = [await page(context, name), await page(context, name)];
    // A page that is frozen by force looks like this to the others: it holds the lock and does not answer.
    const hangs = leader.evaluate(() => {
      const until = performance.now() + 25_000;
      while (performance.now() < until);
    });
    await here.broker.post(channel, message("a"), message("b"));
    expect(await got(other, "b")).toEqual(["a", "b"]);
    await hangs;
    await here.broker.post(channel, message("c"));
    for (const tab of [leader, other]) {
      expect(await got(tab, "c")).toEqual(["a", "b", "c"]);
      expect(await tab.evaluate(() => gaps)).toEqual([]);
    }
    await expect.poll(() => proxy.streams).toBe(1);
  });
});

describe("on the way from page to page", () => {
  test('what was posted meanwhile is there with from: "last"', async () => {
    const name = freshName();
    const channel = here.broker.channel(BUS, name);
    const tab = await page(await here.visitor(), name, { from: "last" });
    await here.broker.post(channel, message("before"));
    expect(await got(tab, "before")).toEqual(["before"]);
    // To the identity provider and back.
    await tab.goto(here.site.serve("/sign-in", "<!doctype html><title>sign in</title>"));
    await here.broker.post(channel, message("identity/login"));
    await tab.goto(`${here.site.origin}/push`);
    expect(await got(tab, "identity/login")).toEqual(["identity/login"]);
    await here.broker.post(channel, message("after"));
    expect(await got(tab, "after")).toEqual(["identity/login", "after"]);
    expect(await said(tab)).toEqual([[], []]);
  });

  test('so it is in another tab, once the one before was closed', async () => {
    const name = freshName();
    const channel = here.broker.channel(BUS, name);
    const context = await here.visitor();
    const first = await page(context, name);
    await here.broker.post(channel, message("seen"));
    await got(first, "seen");
    await first.close({ runBeforeUnload: true });
    await here.broker.post(channel, message("between"));
    expect(await got(await page(context, name, { from: "last" }), "between")).toEqual(["between"]);
  });

  test('with from: "here" it is not, and with from: "start" all is that the window has', async () => {
    const name = freshName();
    const channel = here.broker.channel(BUS, name);
    await here.broker.post(channel, message("old"));
    const context = await here.visitor();
    const [now, all] = [await page(context, name), await page(context, name, { from: "start" })];
    await here.broker.post(channel, message("new"));
    expect(await got(now, "new")).toEqual(["new"]);
    expect(await got(all, "new")).toEqual(["old", "new"]);
  });
});

test("reset takes all of the site's pages to a new channel", async () => {
  const name = freshName();
  const context = await here.visitor();
  const [one, other] = [await page(context, name), await page(context, name)];
  const fresh = await one.evaluate(() => bus.reset());
  await other.waitForFunction((fresh) => bus.channelId === fresh, fresh);
  for (const tab of [one, other]) await tab.waitForFunction(() => bus.state === "live");
  await here.broker.post(here.broker.channel(BUS, name), message("old"));
  await here.broker.post(here.broker.channel(BUS, fresh.split("/").pop() ?? ""), message("new"));
  for (const tab of [one, other]) expect(await got(tab, "new")).toEqual(["new"]);
});
