/** Tokens of pages that are over while messages are pushed, at a broker whose tokens last for as short as may be: a minute. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";
import type { Backplane2Global, Header } from "../src/public";
import { Broker, message } from "./harness/broker";
import { Site } from "./harness/site";
import { launch } from "./harness/visit";

const BUS = "customer.com";
/** A token's minute, and a while on a busy machine. */
const PATIENCE = 150_000;

let broker: Broker;
let site: Site;
let browser: Browser;
let contexts: BrowserContext[] = [];

beforeAll(async () => {
  const more = ["[tokens]", 'page_lifetime = "1m"'];
  [broker, site, browser] = await Promise.all([Broker.start([{ name: BUS }], more), Site.start(), launch()]);
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
});
afterAll(() => Promise.allSettled([browser?.close(), site?.end(), broker?.end()]));

declare global {
  var headers: Header[];
}

interface Global {
  readonly Backplane: Backplane2Global;
}

/** A tab, and the requests that it made for other tokens and for streams. */
interface Tab {
  readonly page: Page;
  readonly refreshes: Request[];
  readonly streams: Request[];
}

async function open(context: BrowserContext): Promise<Tab> {
  const page = await context.newPage();
  const tab: Tab = { page, refreshes: [], streams: [] };
  page.on("request", (request) => {
    if (request.url().includes("refresh_token=")) tab.refreshes.push(request);
    if (request.headers()["accept"] === "text/event-stream") tab.streams.push(request);
  });
  await page.goto(site.serve("/page", `<!doctype html><title>a page of 2.0</title>
<script src="${broker.origin}/backplane2.js"></script>
<script>
  var headers = [];
  Backplane.subscribe(function (message) { headers.push(message); });
  Backplane.init({ serverBaseURL: "${broker.origin}/v2", busName: "${BUS}" });
</script>`));
  await page.waitForFunction(() => (globalThis as unknown as Global).Backplane.getChannelName() !== false);
  return tab;
}

async function visitor(): Promise<BrowserContext> {
  const context = await browser.newContext();
  contexts.push(context);
  return context;
}

function channel({ page }: Tab): Promise<string> {
  return page.evaluate(() => String((globalThis as unknown as Global).Backplane.getChannelName()));
}

/** Has the tabs of a visitor ask for other tokens at once: the first one's question waits for the second one's. */
async function together(context: BrowserContext): Promise<void> {
  const asked: Array<() => void> = [];
  await context.route(/\/v2\/token\?refresh_token=/, async (route) => {
    await new Promise<void>((goOn) => {
      asked.push(goOn);
      if (asked.length > 1) for (const each of asked) each();
    });
    await route.continue();
  });
}

/** Posts numbered messages to these channels until all of this has happened; `posted` gets their types in order. */
async function postUntil(done: () => boolean, channels: readonly string[], posted: string[]): Promise<void> {
  const begun = Date.now();
  while (!done()) {
    if (Date.now() - begun > PATIENCE) throw new Error("no token was over, or nobody noticed");
    const type = `n/${posted.length}`;
    await Promise.all(channels.map((name) => broker.post(broker.channel(BUS, name), message(type))));
    posted.push(type);
    // A pace that windows keep and that leaves no moment long without a message.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Every message once, and in order, also those after the end of the token. */
async function hasAll({ page }: Tab, posted: readonly string[]): Promise<void> {
  await page.waitForFunction((last) => headers.some(({ type }) => type === last), posted[posted.length - 1]);
  expect(await page.evaluate(() => headers.map(({ type }) => type))).toEqual(posted);
}

describe("V2-JS-1", () => {
  const limits = { timeout: PATIENCE + 30_000 };
  test("a token that is over in the middle of a stream is renewed, in one tab and in two at once, and nothing is missed or doubled", limits, async () => {
    const alone = await open(await visitor());
    // Two tabs that share a connection, as tabs do.
    const sharing = await visitor();
    const shared = [await open(sharing), await open(sharing)];
    // Two that do not, as in browsers without Web Locks: both renew the token of their one channel.
    const apart = await visitor();
    await apart.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
    const both = [await open(apart), await open(apart)];
    await together(apart);
    const tabs = [alone, ...shared, ...both];
    const names = await Promise.all(tabs.map(channel));
    expect([names[1], names[3]]).toEqual([names[2], names[4]]);
    expect(new Set(names).size).toBe(3);
    for (const tab of [alone, ...both]) await expect.poll(() => tab.streams.length).toBeGreaterThan(0);

    const renewed = ({ refreshes }: Tab): boolean => refreshes.length > 0;
    // Those that have a stream of their own have opened the next one, after which some more is posted.
    const goesOn = ({ streams }: Tab): boolean => streams.length > 1;
    const over = (): boolean => [alone, ...both].every(renewed) && shared.some(renewed) && [alone, ...both].every(goesOn);
    const [posted, channels]: [string[], string[]] = [[], [...new Set(names)]];
    await postUntil(over, channels, posted);
    const before = posted.length;
    await postUntil(() => posted.length === before + 10, channels, posted);
    for (const tab of tabs) await hasAll(tab, posted);
    // It is the same channel: nobody was thrown out of it.
    expect(await Promise.all(tabs.map(channel))).toEqual(names);
    for (const context of [sharing, apart]) {
      const cookies = await context.cookies(site.origin);
      expect(cookies.find(({ name }) => name === "backplane2-channel")?.value).toContain(`:${names[context === sharing ? 1 : 3]}:`);
    }
  });
});
