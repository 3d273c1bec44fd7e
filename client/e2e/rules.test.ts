/** The rules of the library, each seen in a real browser against the real broker. */

import { describe, expect, test } from "vitest";
import type { BackplaneGlobal, Frame } from "../src/public";
import { VERSION } from "../src/version";
import { freshName, message } from "./harness/broker";
import { types } from "./harness/visit";
import { BUS, world } from "./harness/world";

const here = world([{ name: BUS }, { name: "example.org" }]);

describe("JS-1", () => {
  test("loading the script twice keeps the first", async () => {
    const tab = await here.tab();
    const same = await tab.page.evaluate(async (url) => {
      const first = Backplane;
      await new Promise((resolve) => {
        const script = document.createElement("script");
        script.src = `${url}?again`;
        script.onload = resolve;
        document.head.append(script);
      });
      return Backplane === first;
    }, `${here.broker.base}/backplane.js`);
    expect(same).toBe(true);
  });
});

describe("V1-SHOW-1", () => {
  test.each(["/v1", "/v1.1", "/v1.2", "/v1.3"])("the library works below %s", async (version) => {
    const tab = await here.tab();
    const options = here.options({ serverBaseURL: here.broker.base.replace(/\/v1$/, version) });
    const channel = await tab.init(options);
    expect(channel).toBe(here.broker.channel(BUS, options.channelName ?? "").replace("/v1/", `${version}/`));
    // Whichever version its server posts by.
    const posted = here.broker.channel(BUS, options.channelName ?? "");
    await here.broker.post(posted, { ...message("sticky"), sticky: "true" }, message("end"));
    const [sticky, end] = await tab.receivedUntil("end");
    const shows = version > "/v1.1";
    expect([sticky?.["sticky"], end?.["sticky"]]).toEqual(shows ? [true, false] : ["true", undefined]);
    expect(typeof end?.["expire"]).toBe(version === "/v1.3" ? "string" : "undefined");
  });
});

describe("JS-2", () => {
  test("server and bus are required", async () => {
    const tab = await here.tab();
    const results = await tab.page.evaluate(() =>
      [{}, { busName: "b" }, { serverBaseURL: "http://s/v1" }].map((options) =>
        Backplane.init(options as Parameters<BackplaneGlobal["init"]>[0]),
      ),
    );
    expect(results).toEqual([false, false, false]);
    expect(tab.requests).toEqual([]);
  });

  test("a new channel's name comes from the server", async () => {
    const tab = await here.tab();
    const { channelName: _, ...options } = here.options();
    const answer = tab.page.waitForResponse((response) => response.url().endsWith("/channel/new"));
    const channel = await tab.init(options);
    const name = (await (await answer).json()) as string;
    expect(name).toMatch(/^[\w-]{32,}$/);
    expect(channel).toBe(here.broker.channel(BUS, name));
  });

  test("a page whose server cannot be asked makes its own unguessable name", async () => {
    const tab = await here.tab();
    await tab.page.route("**/channel/new", (route) => route.fulfill({ status: 404, body: "{}" }));
    const { channelName: _, ...options } = here.options();
    expect(await tab.init(options)).toMatch(/\/channel\/[\w-]{32}$/);
  });

  test("channelName is used on the first visit, and the cookie before it on later ones", async () => {
    const context = await here.visitor();
    const first = await (await here.tab(context)).init(here.options({ channelName: "first" }));
    const later = await (await here.tab(context)).init(here.options({ channelName: "second" }));
    expect([first, later]).toEqual([here.broker.channel(BUS, "first"), here.broker.channel(BUS, "first")]);
  });
});

describe("JS-3", () => {
  test("the cookie: full host, path /, five years, entries of other buses kept", async () => {
    const context = await here.visitor();
    const url = here.site.origin;
    await context.addCookies([{ name: "backplane-channel", value: "example.org:456", url }]);
    await (await here.tab(context)).init(here.options({ channelName: "123" }));
    const [cookie] = await context.cookies(url);
    expect(cookie).toMatchObject({
      name: "backplane-channel",
      value: `example.org:456|${BUS}:123`,
      domain: "127.0.0.1",
      path: "/",
    });
    // Chromium shortens five years to 400 days.
    expect((cookie?.expires ?? 0) - Date.now() / 1_000).toBeGreaterThan(399 * 86_400);
    const other = await here.tab(context);
    expect(await other.init(here.options({ busName: "example.org" }))).toBe(here.broker.channel("example.org", "456"));
  });
});

describe("JS-4", () => {
  test("the first read is discarded; then polls go on from its last message", async () => {
    const tab = await here.tab();
    const options = here.options();
    const channel = here.broker.channel(BUS, options.channelName ?? "");
    await here.broker.post(channel, message("before-1"), message("before-2"));
    await tab.init(options);
    await here.broker.post(channel, message("after"));
    expect(types(await tab.receivedUntil("after"))).toEqual(["after"]);
    const [first, ...later] = tab.polls.map((request) => new URL(request.url()).searchParams.get("since"));
    expect(first).toBeNull();
    const frames = (await (await fetch(channel)).json()) as Frame[];
    expect(later[0]).toBe(frames[1]?.id);
  });
});

describe("JS-5", () => {
  test("subscribe, unsubscribe, and a subscriber that throws", async () => {
    const script = `
      var log = [];
      Backplane.subscribe(function () { throw new Error("a vendor's mistake"); });
      var id = Backplane.subscribe(function (message) { log.push("one " + message.type); });
      Backplane.subscribe(function (message) {
        log.push("two " + message.type);
        if (message.type === "a") Backplane.unsubscribe(id);
      });`;
    const tab = await here.tab(undefined, script);
    const errors: string[] = [];
    tab.page.on("pageerror", (error) => errors.push(error.message));
    const channel = await tab.init(here.options());
    await here.broker.post(channel, message("a"), message("b"));
    expect(types(await tab.receivedUntil("b"))).toEqual(["a", "b"]);
    expect(await tab.page.evaluate("log")).toEqual(["one a", "two a", "two b"]);
    await expect.poll(() => errors).toEqual(["a vendor's mistake", "a vendor's mistake"]);
  });
});

describe("JS-6", () => {
  test("getChannelID is false, then the channel's URL", async () => {
    const tab = await here.tab();
    expect(await tab.page.evaluate(() => Backplane.getChannelID())).toBe(false);
    const options = here.options();
    const id = await tab.page.evaluate((options) => {
      Backplane.init(options);
      return Backplane.getChannelID();
    }, options);
    expect(id).toBe(here.broker.channel(BUS, options.channelName ?? ""));
  });
});

describe("JS-8 MSG-7", () => {
  test("subscribers get the message, out of its envelope, not the frame", async () => {
    const tab = await here.tab();
    const channel = await tab.init(here.options());
    const bare = { source: "http://client.example", type: "t", payload: { text: "ä \u2028 🙂" }, own: [1] };
    const data = Buffer.from(JSON.stringify(bare)).toString("base64url");
    const envelope = {
      data, data_type: "application/json", encoding: "base64url", alg: "RSA-SHA256", sigs: [{ value: "c2ln" }],
    };
    await here.broker.post(channel, bare, envelope, message("end"));
    expect((await tab.receivedUntil("end")).slice(0, 2)).toEqual([bare, bare]);
  });
});

describe("JS-9", () => {
  test("Backplane(fn), version, channelExpires, serverChannel", async () => {
    const context = await here.visitor();
    const tab = await here.tab(context);
    const { channelName: _, ...options } = here.options({ channelExpires: "", serverChannel: false });
    const [ids, version] = await tab.page.evaluate((options) => {
      const ids: unknown[] = [];
      Backplane(() => ids.push(Backplane.getChannelID()));
      Backplane.init(options);
      Backplane(() => ids.push(Backplane.getChannelID()));
      return [ids, Backplane.version] as const;
    }, options);
    // The page made the name itself, so that it was there in the line after `init`.
    expect(ids[0]).toMatch(/\/channel\/[\w-]{32}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(version).toBe(VERSION);
    expect((await context.cookies(here.site.origin))[0]?.expires).toBe(-1);
  });

  test("initFrameFilter, cacheMax and expectMessages", async () => {
    const options = here.options();
    const channel = here.broker.channel(BUS, options.channelName ?? "");
    await here.broker.post(channel, message("old"), message("identity/login"), message("old"));
    const tab = await here.tab();
    await tab.page.evaluate((options) => {
      const initFrameFilter = (frames: Frame[]): Frame[] =>
        frames.filter((frame) => frame.message["type"] === "identity/login");
      Backplane.init({ ...options, initFrameFilter, cacheMax: 2 });
    }, options);
    await tab.receivedUntil("identity/login");
    await tab.page.evaluate(() => Backplane.expectMessages("end"));
    await here.broker.post(channel, message("middle"), message("end"));
    expect(types(await tab.receivedUntil("end"))).toEqual(["identity/login", "middle", "end"]);
    const late = await tab.page.evaluate(() => {
      const late: string[] = [];
      Backplane.subscribe((message) => void late.push(message.type));
      return late;
    });
    expect(late).toEqual(["middle", "end"]);
  });

  test("resetCookieChannel leaves the channel for a new one", async () => {
    const context = await here.visitor();
    const tab = await here.tab(context);
    const old = await tab.init(here.options({ channelName: freshName() }));
    const firstRead = tab.firstRead();
    await tab.page.evaluate(() => Backplane.resetCookieChannel());
    await firstRead;
    const fresh = await tab.channelID();
    expect(fresh).not.toBe(old);
    await here.broker.post(old, message("old"));
    await here.broker.post(fresh, message("fresh"));
    expect(types(await tab.receivedUntil("fresh"))).toEqual(["fresh"]);
    const name = fresh.slice(fresh.lastIndexOf("/") + 1);
    expect((await context.cookies(here.site.origin))[0]?.value).toBe(`${BUS}:${name}`);
  });
});
