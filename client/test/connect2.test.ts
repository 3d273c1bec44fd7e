/** Version 2.0 through the face of today (V2-JS-1): a token and a channel, headers, and nothing lost when tokens are over. */

import { describe, expect, test } from "vitest";
import { connectAny } from "../src/faces/connect-any";
import type { Connect2Options, Header, HeaderBus, RequestError, State } from "../src/public";
import { BASE2, Server2 } from "./server2";
import { BASE, BUS, Origin, reply, World } from "./world";

interface Page {
  readonly world: World;
  readonly bus: HeaderBus;
  readonly got: string[];
  readonly headers: Header[];
  readonly errors: RequestError[];
  readonly states: State[];
  readonly channels: string[];
}

function connect(world: World, options: Partial<Connect2Options> = {}): Page {
  const bus = connectAny(world, { version: 2, serverBaseURL: BASE2, busName: BUS, ...options });
  const page: Page = { world, bus, got: [], headers: [], errors: [], states: [], channels: [] };
  bus.onAny((header) => {
    page.got.push(header.type);
    page.headers.push(header);
  });
  bus.onGap(({ reason }) => page.got.push(reason));
  bus.onError((error) => page.errors.push(error));
  bus.onState((state) => page.states.push(state));
  bus.onChannel((url) => page.channels.push(url));
  return page;
}

async function open(options: Partial<Connect2Options> = {}, world = new World()): Promise<Page & { server: Server2; name: string }> {
  const server = new Server2(world);
  const page = connect(world, options);
  await world.pass(1);
  return { server, ...page, name: nameOf(page) };
}

function nameOf({ bus }: Page): string {
  return bus.channelId?.split("/").pop() ?? "";
}

function pass({ token, channel, refresh }: { token: string; channel: string; refresh: string }): string {
  return `backplane2-channel=${token}:${channel}:${refresh}`;
}

describe("V2-ANON-1", () => {
  test("a token and a channel, then a read, then a stream that brings headers at once", async () => {
    const { server, world, bus, headers, errors, channels, name } = await open();
    expect(name).toMatch(/^c\d{31}$/);
    expect([bus.channelId, channels]).toEqual([`${BASE2}/bus/${BUS}/channel/${name}`, [bus.channelId]]);
    expect(server.asked).toEqual([
      `token ?bus=${BUS}`,
      "messages ?access_token=",
      `stream ?since=${server.inner.id(0)}.${server.inner.epoch}&access_token=`,
    ]);
    server.post(name, "identity/login");
    await world.settle();
    expect([bus.via, bus.state, errors]).toEqual(["stream", "live", []]);
    expect(headers).toEqual([
      {
        messageURL: `${BASE2}/message/${server.inner.id()}`, source: "http://c", type: "identity/login", bus: BUS, channel: name,
        sticky: false, expire: "2026-06-01T00:00:00Z",
      },
    ]);
  });

  test("by type, and as a loop", async () => {
    const { server, world, bus, name } = await open();
    const logins: string[] = [];
    bus.on("identity/login", ({ messageURL }) => logins.push(messageURL));
    const loop = bus[Symbol.asyncIterator]().next();
    server.post(name, "other", "identity/login");
    await world.settle();
    expect(logins).toEqual([`${BASE2}/message/${server.inner.id()}`]);
    expect((await loop).value).toMatchObject({ type: "other", bus: BUS });
  });

  test("the scope that is asked for is sent in one order, and each filter once", async () => {
    const { server } = await open({ scope: " type:b  sticky:true type:a type:b" });
    expect(server.asked[0]).toBe(`token ?bus=${BUS}&scope=${encodeURIComponent("sticky:true type:a type:b")}`);
  });

  test("a server that cannot be reached is asked again, and nobody is told of a channel before there is one", async () => {
    const world = new World();
    const server = new Server2(world);
    server.refuse = () => {
      throw new TypeError("Failed to fetch");
    };
    const { bus, errors, states } = connect(world);
    await world.pass(30);
    expect([bus.state, bus.channelId, server.asked.every((asked) => asked.startsWith("token"))]).toEqual(["retrying", undefined, true]);
    expect(errors.length).toBe(server.asked.length);
    server.refuse = () => undefined;
    await world.pass(120);
    expect([bus.state, bus.via, states]).toEqual(["live", "stream", ["retrying", "live"]]);
  });

  test("a bus that is not there is told once, as final", async () => {
    const world = new World();
    const server = new Server2(world);
    const { bus, errors } = connect(world, { busName: "nobody.com" });
    await world.pass(3_600);
    expect([errors.length, errors[0]?.final, errors[0]?.status, bus.state, server.asks]).toEqual([1, true, 400, "closed", 1]);
    expect([world.pending, world.listening]).toEqual([0, 0]);
  });

  test.each([
    ["no object", 1],
    ["no channel", { access_token: "t".repeat(20), scope: `bus:${BUS}` }],
    ["a short token", { access_token: "t".repeat(19), scope: `bus:${BUS} channel:${"c".repeat(32)}` }],
    ["a token that would not fit into a cookie", { access_token: "t".repeat(1_025), scope: `bus:${BUS} channel:${"c".repeat(32)}` }],
    ["a token that would end its address", { access_token: `${"t".repeat(20)}&x=`, scope: `bus:${BUS} channel:${"c".repeat(32)}` }],
    ["a short channel", { access_token: "t".repeat(20), scope: `bus:${BUS} channel:${"c".repeat(31)}` }],
    ["another bus", { access_token: "t".repeat(20), scope: `bus:other.com channel:${"c".repeat(32)}` }],
  ])("an answer with %s is refused, told, and nothing of it is kept", async (_what, body) => {
    const world = new World();
    const server = new Server2(world);
    server.refuse = (kind) => (kind === "token" ? reply(body) : undefined);
    const { bus, errors } = connect(world);
    await world.pass(1);
    expect([bus.channelId, world.cookie, errors.length]).toEqual([undefined, "", 1]);
    expect(errors[0]?.message).toMatch(/token/);
  });
});

describe("V2-GET-1", () => {
  test("an answer in parts is read to its end before anything is told", async () => {
    const world = new World();
    const server = new Server2(world);
    const kept = server.give();
    world.cookie = pass(kept);
    server.atOnce = 2;
    server.post(kept.channel, "1", "2", "3", "4", "5");
    const { got } = connect(world, { from: "start", transport: "poll" });
    const { got: here } = connect(world, { transport: "poll" });
    await world.pass(1);
    expect([got, here]).toEqual([["1", "2", "3", "4", "5"], []]);
    expect(server.asked.filter((asked) => asked.startsWith("messages"))).toEqual([
      "messages ?access_token=",
      `messages ?since=${server.inner.id(2)}.${server.inner.epoch}&access_token=`,
      `messages ?since=${server.inner.id(4)}.${server.inner.epoch}&access_token=`,
    ]);
    server.post(kept.channel, "6", "7", "8");
    await world.pass(60);
    expect(got.slice(5)).toEqual(["6", "7", "8"]);
  });

  test("a server that says for ever that there is more is not believed", async () => {
    const world = new World();
    const server = new Server2(world);
    server.refuse = (kind) =>
      kind === "messages" ? reply({ nextURL: `${BASE2}/messages?since=1`, messages: [], moreMessages: true }) : undefined;
    const { bus } = connect(world, { transport: "poll" });
    await world.pass(1);
    expect([bus.state, server.asked.length]).toEqual(["live", 3]);
  });

  test("long polls where streams do not pass", async () => {
    const world = new World();
    const server = new Server2(world);
    server.inner.proxy = () => [];
    const page = connect(world);
    await world.pass(10);
    server.post(nameOf(page), "a");
    await world.pass(1);
    expect([page.got, page.bus.via, page.errors]).toEqual([["a"], "block", []]);
    expect(server.asked[server.asked.length - 1]).toMatch(/^messages \?since=\w+\.\w+&block=25&access_token=$/);
  });

  test("JSONP, where errors are bodies (V2-PAD-1)", async () => {
    const { server, world, got, name, errors } = await open({ transport: "jsonp" });
    server.expire(name);
    server.post(name, "a");
    await world.pass(60);
    expect([got, errors, server.asks]).toEqual([["a"], [], 2]);
  });

  test("a gap before an answer in parts is told", async () => {
    const { server, world, got, name } = await open({ transport: "poll" });
    server.inner.capacity = 4;
    server.atOnce = 2;
    server.post(name, "1", "2", "3", "4", "5");
    await world.pass(60);
    expect(got).toEqual(["gap", "2", "3", "4", "5"]);
  });

  test("a gap is told before what was not missed", async () => {
    const { server, world, got, name } = await open();
    server.inner.capacity = 2;
    server.inner.cut();
    server.post(name, "1", "2", "3", "4");
    await world.pass(10);
    expect(got).toEqual(["gap", "3", "4"]);
  });
});

describe("several connections of a page", () => {
  test("have one channel and one stream", async () => {
    const { server, world, bus } = await open();
    const other = connect(world);
    await world.pass(2);
    expect([other.bus.channelId, other.bus.via]).toEqual([bus.channelId, "stream"]);
    expect(server.asked.filter((asked) => asked.startsWith("stream"))).toHaveLength(1);
  });

  test("of different scopes have different channels", async () => {
    const { server, world, bus, name } = await open();
    const other = connect(world, { scope: "type:a", cookie: false });
    await world.pass(2);
    expect([other.bus.channelId === bus.channelId, server.inner.streams.length]).toEqual([false, 2]);
    expect(world.cookie).toContain(name);
  });
});

describe("a token that is over", () => {
  test("ends the stream, and the next one goes on from the position: nothing missed, nobody told", async () => {
    const { server, world, got, errors, states, bus, name } = await open();
    server.post(name, "1");
    await world.pass(3_600);
    server.expire(name);
    server.post(name, "2");
    await world.pass(1);
    server.post(name, "3");
    await world.settle();
    expect([got, errors, states, bus.via]).toEqual([["1", "2", "3"], [], ["live"], "stream"]);
    // It is known to be over, and is not tried.
    expect(server.asked.slice(3)).toEqual([
      expect.stringMatching(/^token \?refresh_token=r\d{31}$/),
      `stream ?since=${server.inner.id(1)}.${server.inner.epoch}&access_token=`,
    ]);
    expect(world.cookie).toContain(`${server.shown[server.shown.length - 1]}:${name}:`);
  });

  test("is found out by a poll, which is made again with a new one", async () => {
    const { server, world, got, errors, name } = await open({ transport: "poll" });
    server.expire(name);
    server.post(name, "1");
    await world.pass(60);
    expect([got, errors, server.asks]).toEqual([["1"], [], 2]);
  });

  test("is not renewed by another page's that is over as well, but by its own", async () => {
    const { server, world, got, name } = await open({ transport: "poll" });
    const [, other] = [server.expire(name), "o".repeat(32)];
    world.cookie = `${world.cookie.replace(/(backplane2-channel=)[^:]*/, `$1${other}`)}`;
    server.post(name, "1");
    await world.pass(60);
    expect([got, server.asks]).toEqual([["1"], 2]);
    expect(server.shown).toContain(other);
  });

  test("while the server is away is renewed when it is back, and the channel is the same", async () => {
    const { server, world, got, name, bus } = await open({ transport: "poll" });
    server.expire(name);
    server.post(name, "1");
    server.refuse = (kind) => {
      if (kind === "token") throw new TypeError("Failed to fetch");
      return undefined;
    };
    await world.pass(100);
    expect([got, bus.state]).toEqual([[], "retrying"]);
    server.refuse = () => undefined;
    await world.pass(200);
    expect([got, nameOf({ bus } as Page), bus.state]).toEqual([["1"], name, "live"]);
  });

  test.each(["fetch", "poll", "jsonp"] as const)("and cannot be renewed: a new channel, for all connections of the page (%s)", async (transport) => {
    const { server, world, bus, channels, errors, name } = await open({ transport });
    const other = connect(world, { transport });
    await world.pass(1);
    server.revoke(name);
    await world.pass(70);
    expect(channels).toEqual([`${BASE2}/bus/${BUS}/channel/${name}`, bus.channelId]);
    expect([bus.channelId === channels[0], other.bus.channelId, bus.state, errors]).toEqual([false, bus.channelId, "live", []]);
    expect(world.cookie).toContain(`:${nameOf({ bus } as Page)}:`);
    server.post(nameOf({ bus } as Page), "a");
    await world.pass(60);
    expect(other.got).toEqual(["a"]);
  });

  test.each(["tokens", "all"] as const)("as soon as it was given is asked for less and less often, whatever else is denied (%s)", async (denied) => {
    const { server, world, errors, bus } = await open({ transport: "poll" });
    server.denies = denied;
    const asks = server.asks;
    await world.pass(600);
    const soon = server.asks - asks;
    await world.pass(3_000);
    // Two in a try, and a try in one minute on an average.
    expect([soon > 4, server.asks - asks - soon < 2 * 60]).toEqual([true, true]);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["invalid_token"]));
    server.denies = false;
    await world.pass(300);
    server.post(nameOf({ bus } as Page), "a");
    await world.pass(60);
    expect([bus.state, server.shown.length > 0]).toEqual(["live", true]);
  });
});

describe("V2-JS-1 the cookie", () => {
  test("is `backplane2-channel=<token>:<channel>:<refresh>`, for the page's host, for five years", async () => {
    const { world, server, name } = await open();
    const [cookie] = world.cookiesWritten;
    expect(cookie).toMatch(/^backplane2-channel=[^:;]+:[^:;]+:[^:;]+;expires=\w{3}, \d\d \w{3} 2031 [\d:]+ GMT;path=\/;SameSite=lax;Secure$/);
    expect(cookie).toContain(`=${server.shown[0]}:${name}:r`);
  });

  test("of an earlier page is used as it is, and nothing but messages is asked for", async () => {
    const world = new World();
    const first = await open({}, world);
    const later = new World();
    later.cookie = world.cookie;
    first.server.serve(later);
    const { bus } = connect(later);
    expect(bus.channelId).toBe(first.bus.channelId);
    await later.pass(1);
    expect(first.server.asks).toBe(1);
  });

  test("whose token is over is used, and renewed", async () => {
    const world = new World();
    const first = await open({ transport: "poll" }, world);
    first.bus.close();
    first.server.expire(first.name);
    const later = new World();
    later.cookie = world.cookie;
    first.server.serve(later);
    const { bus } = connect(later, { transport: "poll" });
    await later.pass(1);
    expect([bus.channelId, bus.state, first.server.asks]).toEqual([first.bus.channelId, "live", 2]);
  });

  test("of an older library does not say of which bus it is: the server is asked", async () => {
    const world = new World();
    const server = new Server2(world);
    const kept = server.give();
    world.cookie = pass(kept);
    const page = connect(world);
    await world.pass(1);
    expect([nameOf(page), server.asked[0]]).toEqual([kept.channel, `token ?refresh_token=${kept.refresh}`]);
  });

  test.each([
    ["another bus", (server: Server2) => pass(server.give("other.com"))],
    ["another scope", (server: Server2) => pass(server.give(BUS, "type:a"))],
    ["a refresh token that is over", () => pass({ token: "t".repeat(32), channel: "c".repeat(32), refresh: "r".repeat(32) })],
    ["no refresh token", (server: Server2) => pass({ ...server.give(), refresh: "" })],
    ["nothing but words", () => "backplane2-channel=null:null:null"],
    ["a channel of few letters", (server: Server2) => pass({ ...server.give(), channel: "c" })],
  ])("with %s is not used, and another takes its place", async (_what, cookie) => {
    const world = new World();
    const server = new Server2(world);
    world.cookie = cookie(server);
    const page = connect(world);
    await world.pass(1);
    expect(server.asked.filter((asked) => asked.startsWith("token ?bus"))).toHaveLength(1);
    expect(world.cookie).toContain(`:${nameOf(page)}:`);
  });

  test("is as short as browsers want it, whatever the server's tokens are", async () => {
    const world = new World();
    const server = new Server2(world);
    const longest = { access_token: "t".repeat(1_024), refresh_token: "r".repeat(1_024), scope: `bus:${BUS} channel:${"c".repeat(128)}` };
    server.refuse = (kind) => (kind === "token" ? reply(longest) : reply({ nextURL: `${BASE2}/messages?since=1`, messages: [] }));
    connect(world, { transport: "poll" });
    await world.pass(1);
    expect(world.cookiesWritten[0]?.split(";")[0]?.length).toBe("backplane2-channel=".length + 1_024 + 1 + 128 + 1 + 1_024);
    expect(world.cookiesWritten[0]?.length).toBeLessThan(4_096);
  });

  test("is the page's to refuse, and its options are kept when the token is another", async () => {
    const none = await open({ cookie: false, transport: "poll" });
    expect(none.world.cookiesWritten).toEqual([]);
    none.server.expire(none.name);
    await none.world.pass(60);
    expect([none.world.cookiesWritten, none.bus.state]).toEqual([[], "live"]);
    const some = await open({ cookie: { expires: "", domain: "customer.com", sameSite: "none" }, transport: "poll" });
    some.server.expire(some.name);
    await some.world.pass(60);
    const written = some.world.cookiesWritten.filter((cookie) => cookie.startsWith("backplane2-channel="));
    expect(written).toHaveLength(2);
    for (const cookie of written) expect(cookie).toMatch(/=[^;]*;path=\/;domain=customer.com;SameSite=none;Secure$/);
  });

  test("that is blocked leaves the page with a channel for as long as it lives", async () => {
    const world = new World();
    world.cookiesBlocked = true;
    const { server, bus, name } = await open({}, world);
    const other = connect(world);
    await world.pass(1);
    server.expire(name);
    await world.pass(1);
    expect([bus.channelId === other.bus.channelId, bus.via, nameOf({ bus } as Page), server.asks]).toEqual([true, "stream", name, 2]);
  });

  test("in which another page has put another channel is left to that", async () => {
    const { world, server, bus } = await open();
    const cookie = pass(server.give());
    world.cookie = cookie;
    const other = connect(world);
    await world.pass(1);
    expect([other.bus.channelId, world.cookie]).toEqual([bus.channelId, cookie]);
  });

  test("of versions 1.x is another one", async () => {
    const world = new World();
    const server = new Server2(world);
    world.cookie = `backplane-channel=${BUS}:old`;
    await connect(world).bus;
    await world.pass(1);
    expect(world.cookie).toMatch(/^backplane-channel=customer.com:old; backplane2-channel=/);
    expect(server.asked[0]).toBe(`token ?bus=${BUS}`);
  });
});

describe("leaving a channel", () => {
  test("takes a new one for all of the page, and its cookie", async () => {
    const { world, server, bus, name } = await open();
    const other = connect(world);
    await world.pass(1);
    const fresh = await Promise.race([bus.reset(), world.pass(5).then(() => "late")]);
    expect(fresh).toMatch(/\/channel\/c\d{31}$/);
    expect([fresh.endsWith(name), other.bus.channelId, server.asks]).toEqual([false, fresh, 2]);
    expect(world.cookie).toContain(fresh.split("/").pop());
    await world.pass(1);
    server.post(name, "old");
    server.post(fresh.split("/").pop() ?? "", "new");
    await world.settle();
    expect([other.got, server.inner.streams.length]).toEqual([["new"], 1]);
  });

  test("goes on although the cookie cannot be taken away", async () => {
    const world = new World();
    const { bus, name } = await open({}, world);
    world.cookiesBlocked = true;
    void bus.reset();
    await world.pass(5);
    expect([bus.state, nameOf({ bus } as Page) === name]).toEqual(["live", false]);
  });
});

describe("several pages of a site", () => {
  class Site {
    readonly origin = new Origin();
    readonly clock = new World(this.origin);
    readonly server = new Server2(this.clock);
    /** One cookie jar for all. */
    private jar = "";

    tab(options: Partial<Connect2Options> = {}): Page {
      const world = new World(this.origin);
      Object.defineProperty(world, "cookie", { get: () => this.jar, set: (jar: string) => (this.jar = jar) });
      world.tabs = this.origin.seen(world);
      this.server.serve(world);
      return connect(world, options);
    }

    async tabs(count: number): Promise<Page[]> {
      const tabs = Array.from({ length: count }, () => this.tab());
      await this.clock.pass(2);
      return tabs;
    }
  }

  test("that begin together have one channel and one connection", async () => {
    const site = new Site();
    const tabs = await site.tabs(20);
    expect(new Set(tabs.map(({ bus }) => bus.channelId)).size).toBe(1);
    expect(site.server.inner.streams).toHaveLength(1);
    site.server.post(nameOf(tabs[0] as Page), "a", "b");
    await site.clock.settle();
    for (const { got, bus } of tabs) expect([got, bus.via]).toEqual([["a", "b"], "stream"]);
  });

  test("renew together without losing the channel, whoever reads when it ends", async () => {
    const site = new Site();
    const tabs = await site.tabs(3);
    const name = nameOf(tabs[0] as Page);
    site.server.expire(name);
    // All of them have something to read at this moment.
    for (const { world } of tabs) world.wake("online");
    site.server.post(name, "a");
    await site.clock.pass(10);
    expect(tabs.map(nameOf)).toEqual([name, name, name]);
    for (const { got, errors } of tabs) expect([got, errors]).toEqual([["a"], []]);
  });

  test("whose channel is lost have one new channel", async () => {
    const site = new Site();
    const tabs = await site.tabs(3);
    const name = nameOf(tabs[0] as Page);
    site.server.revoke(name);
    for (const { world } of tabs) world.wake("online");
    await site.clock.pass(10);
    const names = new Set(tabs.map(nameOf));
    expect([names.size, names.has(name)]).toEqual([1, false]);
    expect(site.server.inner.streams).toHaveLength(1);
  });

  test("go along when one leaves the channel", async () => {
    const site = new Site();
    const [one, other] = await site.tabs(2);
    void one?.bus.reset();
    await site.clock.pass(2);
    expect(one?.bus.channelId).toBe(other?.bus.channelId);
    site.server.post(nameOf(one as Page), "new");
    await site.clock.settle();
    expect([one?.got, other?.got, site.server.inner.streams.length]).toEqual([["new"], ["new"], 1]);
  });

  test("of different channels share nothing", async () => {
    const site = new Site();
    const tabs = [site.tab({ cookie: false }), site.tab({ cookie: false })];
    await site.clock.pass(2);
    expect(site.server.inner.streams).toHaveLength(2);
    for (const tab of tabs) site.server.post(nameOf(tab), nameOf(tab));
    await site.clock.settle();
    expect(tabs.map(({ got }) => got)).toEqual(tabs.map((tab) => [nameOf(tab)]));
  });
});

describe("what is wrong is told", () => {
  const good = { version: 2, serverBaseURL: BASE2, busName: BUS };
  test.each([
    ["version", { version: 3 }, /version must be 2, or left out/],
    ["serverBaseURL", { serverBaseURL: BASE }, /serverBaseURL must be .*\/v2/],
    ["busName", { busName: "a b" }, /busName must be/],
    ["scope with a bus", { scope: "bus:other.com" }, /scope must be/],
    ["scope with a channel", { scope: "type:a channel:b" }, /scope must be/],
    ["scope without a value", { scope: "type:" }, /scope must be/],
    ["scope of another type", { scope: 1 }, /scope must be/],
    ["a long scope", { scope: `type:${"a".repeat(1_020)}` }, /at most 1024 characters/],
    ["from", { from: "now" }, /from must be/],
    ["signal", { signal: 1 }, /signal must be/],
    ["channelName", { channelName: "a" }, /there is no option channelName, only version, /],
  ])("%s", (_name, options, message) => {
    expect(() => connectAny(new World(), { ...good, ...options } as never)).toThrow(message);
  });
});
