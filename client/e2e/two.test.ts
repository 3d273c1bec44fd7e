/** Version 2.0 in a real browser: tokens, cookies, several tabs. The server is the tests' own where it says so, else the broker. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BrowserContext, Page } from "playwright-core";
import type { Backplane2Global, Header } from "../src/public";
import { message } from "./harness/broker";
import { Two } from "./harness/two";
import { BUS, world } from "./harness/world";

const here = world();
let two: Two;

beforeAll(async () => {
  two = await Two.start();
});
afterAll(() => two?.end());

declare global {
  var headers: Header[];
}

/** What the pages call, which is not the global of versions 1.x. */
interface Global {
  readonly Backplane: Backplane2Global;
}

/** A page as Janrain's documentation had it. */
async function visit(context: BrowserContext, { origin, base }: { origin: string; base: string } = two): Promise<Page> {
  const page = await context.newPage();
  await page.goto(here.site.serve("/two", `<!doctype html><title>a page of 2.0</title>
<script src="${origin}/backplane2.js"></script>
<script>
  var headers = [];
  Backplane(function () {
    Backplane.subscribe(function (message) { headers.push(message); });
  });
  Backplane.init({ serverBaseURL: "${base}", busName: "${BUS}", block: 25 });
</script>`));
  return page;
}

/** The channel's name, once it is known, and is not this one. */
async function channel(page: Page, before = ""): Promise<string> {
  const named = await page.waitForFunction((before) => {
    const name = (globalThis as unknown as Global).Backplane.getChannelName();
    return name !== before && name;
  }, before);
  return String(await named.jsonValue());
}

async function got(page: Page, last: string): Promise<string[]> {
  await page.waitForFunction((last) => headers.some(({ type }) => type === last), last);
  return page.evaluate(() => headers.map(({ type }) => type));
}

async function cookie(context: BrowserContext, name = "backplane2-channel"): Promise<string> {
  const cookies = await context.cookies(here.site.origin);
  return cookies.find((cookie) => cookie.name === name)?.value ?? "";
}

describe("V2-JS-1", () => {
  test("init obtains a token and a channel, keeps them in the cookie, and delivers headers", async () => {
    const before = two.asked.length;
    const context = await here.visitor();
    const page = await visit(context);
    const name = await channel(page);
    expect(await cookie(context)).toMatch(new RegExp(`^[\\w-]{32}:${name}:[\\w-]{32}$`));
    two.post(name, "identity/login");
    expect(await got(page, "identity/login")).toEqual(["identity/login"]);
    const [header] = await page.evaluate(() => headers);
    expect(header).toMatchObject({ bus: BUS, channel: name, messageURL: expect.stringContaining(`${two.base}/message/`) as string });
    // What it asks for needs no preflight: there was nothing but these.
    await expect.poll(() => two.asked.slice(before)).toEqual(["token", "poll", "stream"]);
  });

  test("a token that is over is renewed, and nothing is missed", async () => {
    const context = await here.visitor();
    const page = await visit(context);
    const name = await channel(page);
    two.post(name, "one");
    await got(page, "one");
    const before = await cookie(context);
    two.expire(name);
    two.post(name, "two");
    await got(page, "two");
    two.post(name, "three");
    expect(await got(page, "three")).toEqual(["one", "two", "three"]);
    const after = await cookie(context);
    expect([after.split(":")[1], after === before]).toEqual([name, false]);
  });

  test("a channel that is lost is followed by another, and its functions are called again", async () => {
    const context = await here.visitor();
    const page = await visit(context);
    const name = await channel(page);
    two.post(name, "old");
    await got(page, "old");
    two.revoke(name);
    const fresh = await channel(page, name);
    two.post(fresh, "new");
    expect(await got(page, "new")).toEqual(["old", "new"]);
    expect((await cookie(context)).split(":")[1]).toBe(fresh);
  });

  test("the visitor's next page knows what the one before had, and goes on from there", async () => {
    const context = await here.visitor();
    const page = await visit(context);
    const name = await channel(page);
    two.post(name, "identity/login");
    await got(page, "identity/login");
    await page.goto(here.site.serve("/away", "<!doctype html><title>away</title>"));
    two.post(name, "meanwhile");
    const asks = two.asked.filter((asked) => asked === "token" || asked === "refresh").length;
    const later = await visit(context);
    expect(await channel(later)).toBe(name);
    expect(await got(later, "meanwhile")).toEqual(["meanwhile"]);
    const cached = await later.evaluate(() => (globalThis as unknown as Global).Backplane.getCachedMessages().map(({ type }) => type));
    expect(cached).toEqual(["identity/login", "meanwhile"]);
    expect(two.asked.filter((asked) => asked === "token" || asked === "refresh")).toHaveLength(asks);
  });

  test("tabs share a channel and a connection, also over the end of a token", async () => {
    const context = await here.visitor();
    const tabs = [await visit(context), await visit(context), await visit(context)];
    const names = await Promise.all(tabs.map((tab) => channel(tab)));
    expect(new Set(names).size).toBe(1);
    const [name = ""] = names;
    two.post(name, "a");
    for (const tab of tabs) await got(tab, "a");
    const open = two.open;
    two.expire(name);
    two.post(name, "b");
    for (const tab of tabs) expect((await got(tab, "b")).slice(-1)).toEqual(["b"]);
    await expect.poll(() => two.open).toBe(open);
    for (const tab of tabs.slice(1)) await tab.close();
    expect(await channel(tabs[0] as Page)).toBe(name);
  });
});

describe("V2-ANON-1", () => {
  test("the broker lets a page into a channel, and pushes to it what a server posts by version 1", async () => {
    const context = await here.visitor();
    const stream = context.waitForEvent("request", (request) => request.headers()["accept"] === "text/event-stream");
    const page = await visit(context, { origin: here.broker.origin, base: `${here.broker.origin}/v2` });
    const name = await channel(page);
    expect(name).toMatch(/^[\w-]{32,}$/);
    expect(await cookie(context)).toContain(`:${name}:`);
    expect((await (await stream).response())?.status()).toBe(200);
    await here.broker.post(here.broker.channel(BUS, name), message("identity/login", { secret: 1 }), message("last"));
    expect(await got(page, "last")).toEqual(["identity/login", "last"]);
    const headers = await page.evaluate(() => JSON.stringify(globalThis.headers));
    expect(headers).toContain(`${here.broker.origin}/v2/message/`);
    expect(headers).not.toContain("secret");
  });
});
