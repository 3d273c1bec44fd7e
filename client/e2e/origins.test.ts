/** Pages on other origins than the broker: CORS, buses that refuse some pages, and script tags where CORS is none. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import type { RequestError } from "../src/public";
import { Broker, freshName, message } from "./harness/broker";
import { Site } from "./harness/site";
import { launch, open, types } from "./harness/visit";

const OPEN = "open.example";
const CLOSED = "closed.example";
let browser: Browser;
let broker: Broker;
/** The site whose pages the closed bus lets in, and one whose pages it does not. */
let friend: Site;
let stranger: Site;

beforeAll(async () => {
  [friend, stranger] = await Promise.all([Site.start(), Site.start()]);
  const closed = { name: CLOSED, settings: [`allowed_origins = ["${friend.origin}"]`] };
  [browser, broker] = await Promise.all([launch(), Broker.start([{ name: OPEN }, closed])]);
});
afterAll(() => Promise.allSettled([browser?.close(), broker?.end(), friend?.end(), stranger?.end()]));

declare global {
  var errors: RequestError[];
}

const tabOn = async (site: Site) => open(site, broker, await browser.newContext());
const options = (busName: string) => ({ serverBaseURL: broker.base, busName, channelName: freshName() });

test("by default pages of every origin may read", async () => {
  for (const site of [friend, stranger]) {
    const tab = await tabOn(site);
    const channel = await tab.init(options(OPEN));
    await broker.post(channel, message("a"));
    expect(types(await tab.receivedUntil("a"))).toEqual(["a"]);
    // What the library asks for needs no preflight, which would double the requests.
    expect(tab.requests.map((request) => request.method())).not.toContain("OPTIONS");
  }
});

describe("a bus with allowed_origins", () => {
  test("lets their pages in", async () => {
    const tab = await tabOn(friend);
    const channel = await tab.init(options(CLOSED));
    await broker.post(channel, message("a"));
    expect(types(await tab.receivedUntil("a"))).toEqual(["a"]);
  });

  test("refuses others, and the library says so", async () => {
    const tab = await tabOn(stranger);
    await tab.page.evaluate((options) => {
      globalThis.errors = [];
      const bus = Backplane.connect(options);
      bus.onAny((message) => void received.push(message));
      bus.onError((error) => void errors.push(error));
      bus.expect(600);
    }, options(CLOSED));
    await tab.page.waitForFunction(() => errors.length >= 2);
    const error = await tab.page.evaluate(() => ({ name: errors[0]?.name, text: errors[0]?.message }));
    // Browsers tell pages no more than this about an answer they may not see.
    expect(error).toEqual({ name: "BackplaneError", text: "Failed to fetch" });
    expect(await tab.page.evaluate(() => received)).toEqual([]);
  });

  test("an unknown bus is an error with status and code", async () => {
    const tab = await tabOn(friend);
    const error = await tab.page.evaluate(
      (options) =>
        new Promise((resolve) => {
          const bus = Backplane.connect(options);
          bus.onError(({ status, code }) => resolve({ status, code }));
        }),
      options("none.example"),
    );
    expect(error).toEqual({ status: 404, code: "unknown_bus" });
  });
});

describe("JSONP", () => {
  test("works as fetch does: name, first read, polls, order", async () => {
    const tab = await tabOn(stranger);
    const { channelName: _, ...rest } = options(OPEN);
    const channel = await tab.init({ ...rest, transport: "jsonp" });
    await broker.post(channel, message("a", "\u2028 </script>"), message("b"));
    await broker.post(channel, message("c"));
    const got = await tab.receivedUntil("c");
    expect(types(got)).toEqual(["a", "b", "c"]);
    expect(got[0]?.payload).toBe("\u2028 </script>");
    expect(new Set(tab.requests.map((request) => request.resourceType()))).toEqual(new Set(["script"]));
    // Scripts and callbacks are cleared away.
    const left = await tab.page.evaluate(() => ({
      scripts: document.head.querySelectorAll("script[src*=callback]").length,
      callbacks: Object.keys(Backplane).filter((key) => key.startsWith("response_")).length,
    }));
    expect(left.scripts).toBeLessThanOrEqual(1);
    expect(left.callbacks).toBeLessThanOrEqual(1);
  });
});
