/** The face of the library of version 2.0, as its pages call it (V2-JS-1). */

import { afterEach, describe, expect, test, vi } from "vitest";
import { createBackplane2 } from "../src/faces/historical2";
import type { Backplane2Global, Header, Init2Options } from "../src/public";
import { BASE2, Server2 } from "./server2";
import { BASE, BUS, Origin, World } from "./world";

const OPTIONS: Init2Options = { serverBaseURL: BASE2, busName: BUS };

interface Page {
  readonly world: World;
  readonly server: Server2;
  readonly backplane: Backplane2Global;
}

/** A page; with another one's world it is the visitor's next. */
function page(before?: Page): Page {
  const world = new World();
  const server = before?.server ?? new Server2(world);
  if (before) {
    before.world.wake("suspended");
    world.cookie = before.world.cookie;
    world.kept = before.world.kept;
    server.serve(world);
  }
  return { world, server, backplane: createBackplane2(world) };
}

async function open(options: Partial<Init2Options> = {}, before?: Page): Promise<Page & { got: string[]; name: string }> {
  const opened = page(before);
  const got: string[] = [];
  opened.backplane.subscribe(({ type }) => got.push(type));
  opened.backplane.init({ ...OPTIONS, ...options });
  await opened.world.pass(1);
  return { ...opened, got, name: String(opened.backplane.getChannelName()) };
}

describe("JS-1", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  test("whichever script was loaded first stays", async () => {
    vi.stubGlobal("Backplane", undefined);
    const global = globalThis as { Backplane?: { version: string } };
    await import("../src/global2");
    const first = global.Backplane;
    expect(first?.version).toMatch(/^2\.0\.\d$/);
    vi.resetModules();
    await import("../src/global");
    expect(global.Backplane).toBe(first);
  });
});

describe("V2-JS-1 init", () => {
  test("needs a server of version 2 and a bus, and is done once", () => {
    const { world, backplane } = page();
    for (const wrong of [undefined, {}, { serverBaseURL: BASE2 }, { busName: BUS }, { serverBaseURL: BASE, busName: BUS }]) {
      expect(backplane.init(wrong as Init2Options)).toBe(false);
    }
    expect(world.reported).toHaveLength(5);
    expect(backplane.init({ serverBaseURL: ` ${BASE2}/ `, busName: BUS, block: 25 })).toBe(true);
    expect(backplane.init(OPTIONS)).toBe(false);
  });

  test("obtains a token and a channel, and keeps both in the cookie", async () => {
    const { world, server, backplane } = page();
    backplane.init(OPTIONS);
    expect([backplane.getChannelID(), backplane.getChannelName()]).toEqual([false, false]);
    await world.pass(1);
    const name = String(backplane.getChannelName());
    expect(backplane.getChannelID()).toBe(`${BASE2}/bus/${BUS}/channel/${name}`);
    expect(world.cookie).toMatch(new RegExp(`^backplane2-channel=${server.shown[0]}:${name}:r\\d{31};`));
  });

  test("channelExpires is the cookie's", async () => {
    const { world } = await open({ channelExpires: "" });
    expect(world.cookiesWritten[0]).toMatch(/^[^;]*;path=\/;SameSite=Lax;Secure$/);
  });
});

describe("subscribers", () => {
  test("get headers, each its own", async () => {
    const { world, server, backplane, name } = await open();
    const headers: Header[] = [];
    backplane.subscribe(() => {
      throw new Error("a widget's mistake");
    });
    const id = backplane.subscribe((header) => headers.push(header));
    server.post(name, "identity/login");
    await world.settle();
    expect(headers).toMatchObject([{ type: "identity/login", bus: BUS, channel: name, messageURL: `${BASE2}/message/${server.inner.id()}` }]);
    expect(headers[0]).not.toHaveProperty("payload");
    expect(backplane.unsubscribe(Number(id))).toBe(true);
    server.post(name, "more");
    await world.settle();
    expect([headers.length, world.reported.length]).toEqual([1, 2]);
    expect(backplane.subscribe(1 as never)).toBe(false);
  });

  test("of a visitor's first page get what is there, those of the next what is new since", async () => {
    const before = page();
    const { token, channel, refresh } = before.server.give();
    before.world.cookie = `backplane2-channel=${token}:${channel}:${refresh}`;
    before.server.post(channel, "old");
    const first = await open({}, before);
    expect([first.name, first.got]).toEqual([channel, ["old"]]);
    const second = page(first);
    first.server.post(channel, "new");
    const got: string[] = [];
    second.backplane.subscribe(({ type }) => got.push(type));
    second.backplane.init(OPTIONS);
    await second.world.pass(1);
    expect([second.backplane.getChannelName(), got]).toEqual([channel, ["new"]]);
  });

  test("that come late get the last messages, ten of them if the page does not say", async () => {
    for (const [options, count] of [[{}, 10], [{ cacheMax: 3 }, 3]] as const) {
      const { world, server, backplane, name } = await open(options);
      server.post(name, ...Array.from({ length: 12 }, (_, n) => String(n)));
      await world.settle();
      const late: string[] = [];
      backplane.subscribe(({ type }) => late.push(type));
      expect(late).toEqual(Array.from({ length: count }, (_, n) => String(12 - count + n)));
    }
  });

  test("that want a replay get at once what earlier pages had", async () => {
    const before = await open();
    before.server.post(before.name, "identity/login");
    await before.world.settle();
    for (const replays of [true, false]) {
      const { world, backplane } = page(before);
      backplane.init({ ...OPTIONS, replayOnPageLoad: replays });
      const got: string[] = [];
      const asked: string[] = [];
      backplane.subscribe(({ type }) => got.push(type));
      backplane.subscribe(({ type }) => asked.push(type), true);
      expect([got, asked]).toEqual([replays ? ["identity/login"] : [], ["identity/login"]]);
      await world.pass(1);
    }
  });

  test("get of the first read what initFrameFilter leaves", async () => {
    const kept = await open();
    kept.server.post(kept.name, "a", "b", "c");
    const { world, server } = page(kept);
    world.kept = new Map();
    const backplane = createBackplane2(world);
    const got: string[] = [];
    backplane.subscribe(({ type }) => got.push(type));
    backplane.init({ ...OPTIONS, initFrameFilter: (headers) => headers.filter(({ type }) => type !== "b") });
    await world.pass(1);
    server.post(kept.name, "d");
    await world.settle();
    expect(got).toEqual(["a", "c", "d"]);
  });
});

describe("getCachedMessages", () => {
  test("has what the visitor's pages have had of the channel, until it expires", async () => {
    const first = await open();
    expect(first.backplane.getCachedMessages()).toEqual([]);
    first.server.post(first.name, "a", "b");
    await first.world.settle();
    const types = ({ backplane }: Page): string[] => backplane.getCachedMessages().map(({ type }) => type);
    expect(types(first)).toEqual(["a", "b"]);
    const second = page(first);
    second.backplane.init(OPTIONS);
    expect(types(second)).toEqual(["a", "b"]);
    // The made-up server's messages expire in June.
    second.world.date = () => Date.UTC(2026, 5, 1);
    expect(types(second)).toEqual([]);
  });

  test("has a hundred at most, and each once", async () => {
    const { world, server, backplane, name } = await open();
    server.post(name, ...Array.from({ length: 120 }, (_, n) => String(n)));
    await world.settle();
    const types = backplane.getCachedMessages().map(({ type }) => type);
    expect([types.length, types[0], types[99]]).toEqual([100, "20", "119"]);
  });

  test("has nothing of a channel that was left, on later pages neither", async () => {
    const first = await open();
    first.server.post(first.name, "secret");
    await first.world.settle();
    first.backplane.resetCookieChannel();
    expect(first.backplane.getCachedMessages()).toEqual([]);
    await first.world.pass(2);
    const second = page(first);
    second.backplane.init(OPTIONS);
    expect(second.backplane.getCachedMessages()).toEqual([]);
    expect(JSON.stringify([...first.world.kept])).not.toContain("secret");
  });
});

test("a page that is taken along to a new channel takes nothing from what others keep of that", async () => {
  const origin = new Origin();
  const [one, other] = [new World(origin), new World(origin)];
  const server = new Server2(one);
  const wiped: boolean[] = [];
  const begin = async (world: World): Promise<Backplane2Global> => {
    world.tabs = origin.seen(world);
    server.serve(world);
    const backplane = createBackplane2(world);
    backplane.init(OPTIONS);
    await world.pass(2);
    return backplane;
  };
  const first = await begin(one);
  other.cookie = one.cookie;
  const second = await begin(other);
  const name = first.getChannelName();
  expect(second.getChannelName()).toBe(name);
  other.keep = (_key: string, text: string, beyond = true) => void (text === "" && wiped.push(beyond));
  first.resetCookieChannel();
  await one.pass(2);
  expect([second.getChannelName(), first.getChannelName() === name, wiped]).toEqual([first.getChannelName(), false, [false]]);
});

describe("Backplane(fn)", () => {
  test("is called once there is a channel, at once if there is, and again with each new one", async () => {
    const { world, backplane } = page();
    const called: Array<[string, string | false]> = [];
    backplane(() => called.push(["early", backplane.getChannelID()]));
    backplane.init(OPTIONS);
    await world.pass(1);
    backplane(() => called.push(["late", backplane.getChannelID()]));
    const one = backplane.getChannelID();
    expect(called).toEqual([["early", one], ["late", one]]);
    backplane.resetCookieChannel();
    expect(backplane.getChannelID()).toBe(false);
    await world.pass(2);
    const other = backplane.getChannelID();
    expect(one === other).toBe(false);
    expect(called.slice(2)).toEqual([["early", other], ["late", other]]);
  });

  test("that subscribes each time hears each message once; one that does so only the first time goes on hearing", async () => {
    const { world, server, backplane } = page();
    const heard: string[] = [];
    let once = true;
    backplane(() => backplane.subscribe(({ type }) => heard.push(`each ${type}`)));
    backplane(() => {
      if (once) backplane.subscribe(({ type }) => heard.push(`once ${type}`));
      once = false;
    });
    backplane.init(OPTIONS);
    await world.pass(1);
    backplane.subscribe(({ type }) => heard.push(`outside ${type}`));
    backplane.resetCookieChannel();
    await world.pass(2);
    server.post(String(backplane.getChannelName()), "a");
    await world.settle();
    expect(heard.sort()).toEqual(["each a", "once a", "outside a"]);
  });
});

describe("hints", () => {
  test("JS-7 do nothing before init and without a time, and poll fast where nothing is pushed", async () => {
    const { backplane: early } = page();
    expect([early.expectMessages("a"), early.expectMessagesWithin(10, "a")]).toEqual([false, false]);
    const { world, server, backplane } = await open({ transport: "jsonp" });
    expect(backplane.expectMessagesWithin(0)).toBe(false);
    const before = server.asked.length;
    expect(backplane.expectMessagesWithin(30, ["identity/login"])).toBe(true);
    await world.pass(20);
    expect(server.asked.length - before).toBeGreaterThan(10);
  });
});

test("connect is there for both versions", async () => {
  const { world, server, backplane } = page();
  const two = backplane.connect({ version: 2, ...OPTIONS });
  await world.pass(1);
  expect([two.state, server.asks]).toEqual(["live", 1]);
  expect(backplane.connect({ serverBaseURL: BASE, busName: BUS, channelName: "a" }).channelId).toBe(`${BASE}/bus/${BUS}/channel/a`);
});
