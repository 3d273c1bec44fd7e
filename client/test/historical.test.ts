/** The face that pages have called since 2011, rule by rule. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { createBackplane } from "../src/faces/historical";
import type { BackplaneGlobal, InitOptions, Message } from "../src/public";
import { VERSION } from "../src/version";
import { BASE, base64url, BUS, Channel, CHANNEL, frame, reply, World } from "./world";

const OPTIONS: InitOptions = { serverBaseURL: BASE, busName: BUS, channelName: "chan" };

function page(world = new World()): { world: World; channel: Channel; backplane: BackplaneGlobal } {
  const channel = new Channel();
  world.handler = channel.answer;
  return { world, channel, backplane: createBackplane(world) };
}

describe("JS-1", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  test("loading the script twice keeps the first", async () => {
    vi.stubGlobal("Backplane", undefined);
    const global = globalThis as { Backplane?: BackplaneGlobal };
    await import("../src/global");
    const first = global.Backplane;
    expect(first?.version).toBe(VERSION);
    vi.resetModules();
    await import("../src/global");
    expect(global.Backplane).toBe(first);
  });
});

describe("JS-2", () => {
  test("required options", () => {
    const { world, backplane } = page();
    expect(backplane.init({} as InitOptions)).toBe(false);
    expect(backplane.init(undefined as unknown as InitOptions)).toBe(false);
    expect(backplane.init({ serverBaseURL: BASE } as InitOptions)).toBe(false);
    expect(backplane.init({ busName: BUS } as InitOptions)).toBe(false);
    expect(world.reported).toHaveLength(4);
    expect(backplane.init(OPTIONS)).toBe(true);
    expect(backplane.init(OPTIONS)).toBe(false);
  });

  test("the cookie's channel comes before channelName", () => {
    const { world, backplane } = page();
    world.cookie = `backplane-channel=other:1|${BUS}:fromcookie`;
    backplane.init(OPTIONS);
    expect(backplane.getChannelName()).toBe("fromcookie");
  });

  test("channelName is used when the cookie has none, or a bad one", () => {
    const { world, backplane } = page();
    world.cookie = `backplane-channel=${BUS}:not%20good`;
    backplane.init(OPTIONS);
    expect(backplane.getChannelName()).toBe("chan");
  });

  test("else the server is asked for one", async () => {
    const { world, backplane } = page();
    const name = "s".repeat(32);
    world.handler = (url) => reply(url.endsWith("/new") ? name : []);
    backplane.init({ serverBaseURL: BASE, busName: BUS });
    expect(backplane.getChannelID()).toBe(false);
    await world.pass(0);
    expect(world.requests.map(({ url }) => url)).toEqual([
      `https://bp.example.com/v1.1/bus/${BUS}/channel/new`,
      `${BASE}/bus/${BUS}/channel/${name}`,
    ]);
    expect(world.cookie).toBe(`backplane-channel=${BUS}:${name}`);
  });

  test.each(["short", "x".repeat(31), "a.b".repeat(20), { name: 1 }, null])(
    "a bad name (%j) from the server is not used: the page makes its own",
    async (answer) => {
      const { world, backplane } = page();
      world.handler = (url) => reply(url.endsWith("/new") ? answer : []);
      backplane.init({ serverBaseURL: BASE, busName: BUS });
      await world.pass(0);
      expect(backplane.getChannelName()).toMatch(/^[\w-]{32}$/);
    },
  );

  test("a server that cannot be asked, or does not answer, is not waited for", async () => {
    const refusing = page();
    refusing.world.handler = () => Promise.reject(new Error("404"));
    refusing.backplane.init({ serverBaseURL: BASE, busName: BUS });
    await refusing.world.settle();
    expect(refusing.backplane.getChannelName()).toMatch(/^[\w-]{32}$/);
    const other = page();
    other.backplane.init({ serverBaseURL: "https://x/api", busName: BUS });
    await other.world.settle();
    expect(other.backplane.getChannelName()).toMatch(/^[\w-]{32}$/);
    const silent = page();
    silent.world.handler = (_url, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    silent.backplane.init({ serverBaseURL: BASE, busName: BUS });
    await silent.world.pass(31);
    expect(silent.backplane.getChannelName()).toMatch(/^[\w-]{32}$/);
  });

  test("JS-9 serverChannel: false gives a channel before init returns", () => {
    const { backplane } = page();
    backplane.init({ serverBaseURL: BASE, busName: BUS, serverChannel: false });
    expect(backplane.getChannelName()).toMatch(/^[\w-]{32}$/);
  });
});

describe("JS-3", () => {
  test("the cookie is written with the page's own host, path / and five years; other buses stay", () => {
    const { world, backplane } = page();
    world.cookie = "backplane-channel=example.org:456";
    backplane.init(OPTIONS);
    expect(world.cookiesWritten).toEqual([
      `backplane-channel=example.org:456|${BUS}:chan;expires=Wed, 01 Jan 2031 00:00:01 GMT;path=/;SameSite=Lax;Secure`,
    ]);
  });

  test("JS-9 channelExpires replaces the five years", () => {
    for (const [channelExpires, text] of [
      ["Thu, 01 Jan 2027 00:00:00 GMT", ";expires=Thu, 01 Jan 2027 00:00:00 GMT;"],
      [new Date(Date.UTC(2027, 0, 1)), ";expires=Fri, 01 Jan 2027 00:00:00 GMT;"],
      ["", "chan;path=/"],
    ] as const) {
      const { world, backplane } = page();
      backplane.init({ ...OPTIONS, channelExpires });
      expect(world.cookiesWritten[0]).toContain(text);
    }
  });

  test("a page without cookies has a channel for as long as it lives", async () => {
    const world = new World();
    world.cookiesBlocked = true;
    const { channel, backplane } = page(world);
    backplane.init({ serverBaseURL: BASE, busName: BUS, serverChannel: false });
    const before = backplane.getChannelID();
    const got: Message[] = [];
    backplane.subscribe((message) => got.push(message));
    await world.pass(1);
    channel.post();
    await world.pass(60);
    expect(got).toHaveLength(1);
    expect(backplane.getChannelID()).toBe(before);
  });
});

describe("JS-4", () => {
  test("subscribers see only what arrives after initialisation", async () => {
    const { world, channel, backplane } = page();
    const got: unknown[] = [];
    backplane.subscribe(({ payload }) => got.push(payload));
    channel.post("t", "before");
    backplane.init(OPTIONS);
    await world.pass(1);
    channel.post("t", "after");
    await world.pass(60);
    expect(got).toEqual(["after"]);
  });

  test("JS-9 initFrameFilter chooses frames of the first read to deliver after all", async () => {
    const { world, channel, backplane } = page();
    const got: unknown[] = [];
    backplane.subscribe(({ payload }) => got.push(payload));
    channel.post("keep", 1);
    channel.post("drop", 2);
    channel.post("keep", 3);
    backplane.init({ ...OPTIONS, initFrameFilter: (frames) => frames.filter(({ message }) => message["type"] === "keep") });
    await world.pass(1);
    expect(got).toEqual([1, 3]);
    channel.post("drop", 4);
    await world.pass(60);
    expect(got).toEqual([1, 3, 4]);
  });

  test("a filter that throws, or is none, discards everything", async () => {
    for (const initFrameFilter of [
      () => {
        throw new Error("mine");
      },
      "filter",
      () => 5,
    ] as unknown[]) {
      const { world, channel, backplane } = page();
      const got: unknown[] = [];
      backplane.subscribe((message) => got.push(message));
      channel.post();
      backplane.init({ ...OPTIONS, initFrameFilter } as InitOptions);
      await world.pass(1);
      expect(got).toEqual([]);
    }
  });
});

describe("JS-5", () => {
  test("subscribe gives ids, unsubscribe ends them", async () => {
    const { world, channel, backplane } = page();
    const got: string[] = [];
    const one = backplane.subscribe(() => got.push("one"));
    const two = backplane.subscribe(() => got.push("two"));
    expect(one).not.toBe(two);
    backplane.init(OPTIONS);
    await world.pass(1);
    expect(backplane.unsubscribe(one as number)).toBe(true);
    expect(backplane.unsubscribe(one as number)).toBe(false);
    channel.post();
    await world.pass(60);
    expect(got).toEqual(["two"]);
    expect(backplane.subscribe("x" as unknown as () => void)).toBe(false);
  });

  test("a subscriber that throws does not keep others from their message", async () => {
    const { world, channel, backplane } = page();
    const got: string[] = [];
    backplane.subscribe(() => {
      throw new Error("mine");
    });
    backplane.subscribe(({ type }) => got.push(type));
    backplane.init(OPTIONS);
    await world.pass(1);
    channel.post("a");
    channel.post("b");
    await world.pass(60);
    expect(got).toEqual(["a", "b"]);
    expect(world.reported).toHaveLength(2);
  });
});

describe("JS-6", () => {
  test("getChannelID is false before there is a channel, then its URL", () => {
    const { backplane } = page();
    expect([backplane.getChannelID(), backplane.getChannelName()]).toEqual([false, false]);
    backplane.init(OPTIONS);
    expect(backplane.getChannelID()).toBe(CHANNEL);
  });
});

describe("JS-7", () => {
  test("hints before init, or without a time, are none", () => {
    const { backplane } = page();
    expect(backplane.expectMessagesWithin(10)).toBe(false);
    backplane.init(OPTIONS);
    for (const bad of [0, -1, NaN, "x" as unknown as number]) expect(backplane.expectMessagesWithin(bad)).toBe(false);
    expect(backplane.expectMessagesWithin("10" as unknown as number)).toBe(true);
  });

  test("the example of 1.0 section 5.4: (type1 or type2) and (type3 or type4)", async () => {
    const { world, channel, backplane } = page();
    backplane.init(OPTIONS);
    await world.pass(1);
    backplane.expectMessagesWithin(600, ["type1", "type2"]);
    backplane.expectMessagesWithin(600, ["type3", "type4"]);
    channel.post("type2");
    await world.pass(20);
    const half = world.polls().length;
    expect(half).toBeGreaterThanOrEqual(20);
    channel.post("type3");
    await world.pass(300);
    expect(world.polls().length - half).toBeLessThan(20);
  });

  test("JS-9 expectMessages waits up to a minute", async () => {
    const { world, backplane } = page();
    backplane.init(OPTIONS);
    await world.pass(1);
    expect(backplane.expectMessages("identity/login")).toBe(true);
    await world.pass(60);
    const fast = world.polls().length;
    expect(fast).toBeGreaterThanOrEqual(60);
    await world.pass(600);
    expect(world.polls().length - fast).toBeLessThan(25);
  });
});

describe("JS-8", () => {
  test("subscribers receive the message, out of its envelope, not the frame", async () => {
    const { world, channel, backplane } = page();
    const got: Message[] = [];
    backplane.subscribe((message) => got.push(message));
    backplane.init(OPTIONS);
    await world.pass(1);
    const bare = { source: "http://client.com", type: "t", payload: [1], more: true };
    const data = base64url(JSON.stringify(bare));
    channel.frames.push(
      { ...frame("0000000000001"), message: bare },
      { ...frame("0000000000002"), message: { data, data_type: "application/json", sigs: [{ value: "c2ln" }] } },
    );
    await world.pass(60);
    expect(got).toEqual([bare, bare]);
  });
});

describe("JS-9", () => {
  test("Backplane(fn) runs each function once, as soon as there is a channel", async () => {
    const { world, backplane } = page();
    const ran: string[] = [];
    backplane(() => ran.push("first"));
    backplane(() => {
      throw new Error("mine");
    });
    backplane(() => ran.push(String(backplane.getChannelID())));
    backplane.init(OPTIONS);
    expect(ran).toEqual(["first", CHANNEL]);
    backplane(() => ran.push("late"));
    expect(ran).toEqual(["first", CHANNEL, "late"]);
    await world.pass(100);
    expect(ran).toHaveLength(3);
    expect(world.reported).toEqual([new Error("mine")]);
  });

  test("resetCookieChannel leaves the channel at once and goes on with a new one", async () => {
    const { world, channel, backplane } = page();
    world.cookie = "backplane-channel=example.org:456";
    const got: unknown[] = [];
    backplane.subscribe(({ payload }) => got.push(payload));
    backplane.resetCookieChannel();
    backplane.init(OPTIONS);
    await world.pass(1);
    channel.post("t", "old");
    const name = "n".repeat(32);
    world.handler = (url, signal) => (url.endsWith("/new") ? reply(name) : channel.answer(url, signal));
    backplane.resetCookieChannel();
    expect(backplane.getChannelID()).toBe(false);
    expect(world.cookie).toBe("backplane-channel=example.org:456");
    let ready = 0;
    backplane(() => void (ready += 1));
    await world.pass(1);
    expect(backplane.getChannelName()).toBe(name);
    expect(world.cookie).toBe(`backplane-channel=example.org:456|${BUS}:${name}`);
    expect(ready).toBe(1);
    channel.post("t", "new");
    await world.pass(60);
    expect(got).toEqual(["new"]);
  });

  test("after a reset nothing of the old channel is left: functions, cached messages, the rest of an answer", async () => {
    const { world, channel, backplane } = page();
    let ran = 0;
    backplane(() => void (ran += 1));
    backplane.init({ ...OPTIONS, serverChannel: false, cacheMax: 5 });
    await world.pass(1);
    const got: string[] = [];
    backplane.subscribe(({ type }) => {
      got.push(type);
      if (type === "logout") backplane.resetCookieChannel();
    });
    for (const type of ["login", "logout", "late"]) channel.post(type);
    await world.pass(60);
    expect(got).toEqual(["login", "logout"]);
    const late: string[] = [];
    backplane.subscribe(({ type }) => late.push(type));
    expect([late, ran]).toEqual([[], 1]);
  });

  test("what the old channel still answers after a reset is dropped", async () => {
    const { world, channel, backplane } = page();
    const got: unknown[] = [];
    backplane.subscribe((message) => got.push(message));
    backplane.init({ ...OPTIONS, serverChannel: false });
    await world.pass(1);
    let late: (() => void) | undefined;
    world.handler = (url) => new Promise((resolve) => (late ??= () => resolve(reply([frame("9")], { url }))));
    await world.pass(60);
    backplane.resetCookieChannel();
    world.handler = channel.answer;
    late?.();
    await world.pass(60);
    expect(got).toEqual([]);
  });

  test("cacheMax calls late subscribers with the last messages", async () => {
    const { world, channel, backplane } = page();
    backplane.init({ ...OPTIONS, cacheMax: 2 });
    await world.pass(1);
    for (let n = 1; n <= 3; n += 1) channel.post("t", n);
    await world.pass(60);
    const got: unknown[] = [];
    backplane.subscribe(({ payload }) => got.push(payload));
    expect(got).toEqual([2, 3]);
    const none = page();
    none.backplane.init(OPTIONS);
    await none.world.pass(1);
    none.channel.post();
    await none.world.pass(60);
    none.backplane.subscribe(() => got.push("never"));
    expect(got).toEqual([2, 3]);
  });

  test("version is the package's, and connect is the API of today", async () => {
    const { backplane } = page();
    expect(backplane.version).toMatch(/^\d+\.\d+\.\d+$/);
    const bus = backplane.connect(OPTIONS);
    expect(await bus.ready).toBe(CHANNEL);
  });
});
