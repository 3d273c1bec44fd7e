/** The face for pages of today. */

import { describe, expect, test } from "vitest";
import { connectFirst as connectIn } from "../src/faces/connect-first";
import { BackplaneError } from "../src/engine/error";
import { QUEUE_LIMIT } from "../src/faces/queue";
import type { Bus, ConnectOptions, Message } from "../src/public";
import { BASE, BUS, Channel, CHANNEL, reply, World } from "./world";

function open(options: Partial<ConnectOptions> = {}): { world: World; channel: Channel; bus: Bus } {
  const world = new World();
  const channel = new Channel();
  world.handler = channel.answer;
  const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, channelName: "chan", ...options });
  return { world, channel, bus };
}

describe("handlers", () => {
  test("are called by type, with message and frame, until they are taken off", async () => {
    const { world, channel, bus } = open();
    const got: unknown[] = [];
    await world.pass(1);
    const stop = bus.on<number>("a", (message, { id }) => got.push([message.payload, id]));
    channel.post("a", 1);
    channel.post("b", 2);
    await world.pass(60);
    stop();
    channel.post("a", 3);
    await world.pass(60);
    expect(got).toEqual([[1, "0000000000001"]]);
  });

  test("JS-5 one that throws keeps nobody from the message and is reported", async () => {
    const { world, channel, bus } = open();
    await world.pass(1);
    const got: string[] = [];
    bus.onAny(() => {
      throw new Error("mine");
    });
    bus.onAny(({ type }) => got.push(type));
    channel.post("a");
    channel.post("b");
    await world.pass(60);
    expect(got).toEqual(["a", "b"]);
    expect(world.reported).toEqual([new Error("mine"), new Error("mine")]);
    expect(bus.state).toBe("live");
  });

  test("the same function may be added twice; one that is taken off meanwhile is not called", async () => {
    const { world, channel, bus } = open();
    await world.pass(1);
    let calls = 0;
    const count = (): void => void (calls += 1);
    bus.onAny(count);
    const stop = bus.onAny(() => second());
    const second = bus.onAny(count);
    channel.post();
    await world.pass(60);
    stop();
    expect(calls).toBe(1);
  });
});

describe("the end", () => {
  test("close ends everything: requests, timers, handlers, loops", async () => {
    const { world, channel, bus } = open();
    const states: string[] = [];
    const got: string[] = [];
    bus.onState((state) => states.push(state));
    await world.pass(1);
    bus.onAny(({ type }) => {
      got.push(type);
      bus.close();
    });
    channel.post("a");
    channel.post("b");
    await world.pass(3_600);
    expect(got).toEqual(["a"]);
    expect(states).toEqual(["live", "closed"]);
    expect([world.pending, world.listening, world.polls().length]).toEqual([0, 0, 2]);
    bus.close();
    bus.expect(10);
    await world.pass(60);
    expect(world.polls()).toHaveLength(2);
  });

  test("a signal closes, and aborts the request under way", async () => {
    const controller = new AbortController();
    const { world, bus } = open({ signal: controller.signal });
    let aborted = false;
    world.handler = (_url, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(new Error("aborted"));
        }),
      );
    const errors: unknown[] = [];
    bus.onError((error) => errors.push(error));
    await world.pass(0);
    controller.abort();
    await world.settle();
    expect([aborted, bus.state, world.pending, errors.length]).toEqual([true, "closed", 0, 0]);
  });

  test("a signal that was aborted before never starts anything", async () => {
    const controller = new AbortController();
    controller.abort();
    const { world, bus } = open({ signal: controller.signal });
    await world.pass(100);
    expect([bus.state, world.requests.length, world.cookiesWritten.length]).toEqual(["closed", 0, 0]);
    await expect(bus.ready).rejects.toThrow("closed");
  });

  test("ready tells the channel's ID, or that there never will be one", async () => {
    const { bus } = open();
    await expect(bus.ready).resolves.toBe(CHANNEL);
    expect(bus.channelId).toBe(CHANNEL);
    const world = new World();
    world.handler = () => new Promise(() => undefined);
    const other = connectIn(world, { serverBaseURL: BASE, busName: BUS });
    expect(other.channelId).toBeUndefined();
    other.close();
    await expect(other.ready).rejects.toThrow("closed");
  });
});

describe("iteration", () => {
  test("yields every message from then on, in order, until the connection is closed", async () => {
    const { world, channel, bus } = open();
    await world.pass(1);
    const got: unknown[] = [];
    const loop = (async () => {
      for await (const { payload } of bus) got.push(payload);
    })();
    for (let n = 0; n < 3; n += 1) channel.post("t", n);
    await world.pass(60);
    channel.post("t", 3);
    await world.pass(60);
    bus.close();
    await loop;
    expect(got).toEqual([0, 1, 2, 3]);
  });

  test("two loops each get everything; leaving one leaves the other", async () => {
    const { world, channel, bus } = open();
    await world.pass(1);
    const counts = [0, 0];
    const loops = [1, Infinity].map(async (most, n) => {
      for await (const message of bus) {
        expect(message.type).toBe("t");
        counts[n] = (counts[n] ?? 0) + 1;
        if (counts[n] === most) break;
      }
    });
    channel.post();
    channel.post();
    await world.pass(60);
    bus.close();
    await Promise.all(loops);
    expect(counts).toEqual([1, 2]);
  });

  test("a loop that cannot keep up gets what was queued, then an error", async () => {
    const { world, channel, bus } = open();
    channel.capacity = QUEUE_LIMIT + 50;
    await world.pass(1);
    const iterator = bus[Symbol.asyncIterator]();
    for (let n = 0; n < QUEUE_LIMIT + 1; n += 1) channel.post("t", n);
    await world.pass(60);
    const got: Message[] = [];
    const drain = async (): Promise<void> => {
      for (;;) {
        const { done, value } = await iterator.next();
        if (done === true) return;
        got.push(value);
      }
    };
    await expect(drain()).rejects.toThrow("1000 messages");
    expect(got).toHaveLength(QUEUE_LIMIT);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    bus.close();
  });

  test("of a closed connection ends at once", async () => {
    const { bus } = open();
    bus.close();
    for await (const message of bus) expect(message).toBe("never");
  });
});

describe("what is wrong is told", () => {
  const world = new World();
  const good = { serverBaseURL: BASE, busName: BUS };
  const wrong = (change: object) => () => connectIn(world, { ...good, ...change } as ConnectOptions);

  test.each([
    [{ serverBaseURL: "" }, /serverBaseURL must be an address/],
    [{ serverBaseURL: "https://bp.example.com" }, /serverBaseURL must be the server's address up to its version/],
    [{ serverBaseURL: "https://bp.example.com/v2" }, /up to its version/],
    [{ busName: "a b" }, /busName must be of/],
    [{ busname: "a" }, /there is no option busname, only serverBaseURL, busName/],
    [{ channelName: "a.b" }, /channelName must be 1 to 128/],
    [{ serverChannel: "no" }, /serverChannel must be true or false/],
    [{ transport: "carrier pigeon" }, /transport must be "fetch" or "poll" or "jsonp"/],
    [{ from: "now" }, /from must be "here" or "start" or "last"/],
    [{ signal: 1 }, /signal must be an AbortSignal/],
    [{ cookie: true }, /cookie must be false or an object/],
    [{ cookie: { path: "/" } }, /there is no option cookie.path, only expires/],
    [{ cookie: { domain: "a;b" } }, /cookie.domain must be/],
    [{ cookie: { sameSite: "Lax" } }, /cookie.sameSite must be "lax" or/],
    [{ cookie: { expires: 5 } }, /cookie.expires must be/],
    [{ cookie: { expires: "x; domain=b" } }, /cookie.expires must be/],
  ])("of %j", (change, text) => {
    expect(wrong(change)).toThrow(text);
    expect(wrong(change)).toThrow(TypeError);
    expect([world.pending, world.listening, world.requests.length]).toEqual([0, 0, 0]);
  });

  test("no options at all", () => {
    for (const none of [undefined, null, "x", []]) {
      expect(() => connectIn(world, none as unknown as ConnectOptions)).toThrow("connect takes an object of options");
    }
  });

  test("of handlers and expectations", () => {
    const bus = connectIn(world, good);
    const none = undefined as never;
    expect(() => bus.on("type", none)).toThrow("on takes a message type and a function");
    expect(() => bus.on(none, () => undefined)).toThrow("on takes");
    for (const name of ["onAny", "onChannel", "onGap", "onState", "onError"] as const) {
      expect(() => bus[name](none)).toThrow(`${name} takes a function`);
    }
    for (const seconds of [0, -1, NaN]) expect(() => bus.expect(seconds)).toThrow(TypeError);
    expect(() => bus.expect(1, { type: "x" } as never)).toThrow("message types");
    bus.close();
  });

  test("a bus that is not there is told as final, once, and not asked for again", async () => {
    const { world, bus } = open();
    const errors: unknown[] = [];
    bus.onError((error) => errors.push(error));
    world.handler = () => Promise.reject(new BackplaneError("no", { status: 404, code: "unknown_bus", final: true }));
    await world.pass(3_600);
    expect(errors).toMatchObject([{ code: "unknown_bus", final: true }]);
    expect([bus.state, world.polls().length, world.pending, world.listening]).toEqual(["closed", 1, 0, 0]);
    const again = connectIn(world, { ...good, channelName: "chan" });
    world.handler = new Channel().answer;
    await world.pass(1);
    expect(again.state).toBe("live");
  });
});

describe("cookie options", () => {
  test("say for how long, for which host, and for which pages", () => {
    const world = new World();
    connectIn(world, {
      serverBaseURL: BASE, busName: BUS, channelName: "chan", cookie: { expires: "", domain: "customer.com", sameSite: "none" },
    });
    expect(world.cookiesWritten).toEqual([`backplane-channel=${BUS}:chan;path=/;domain=customer.com;SameSite=none;Secure`]);
  });

  test("false keeps the channel in the page alone", () => {
    const { world, bus } = open({ cookie: false, channelName: undefined as never, serverChannel: false });
    expect(world.cookiesWritten).toEqual([]);
    const other = connectIn(world, { serverBaseURL: BASE, busName: BUS, cookie: false });
    expect(other.channelId).toBe(bus.channelId);
  });
});

describe("reset", () => {
  test("leaves the channel for a new one, with all connections that are there", async () => {
    const { world, channel, bus } = open();
    const other = connectIn(world, { serverBaseURL: BASE, busName: BUS });
    const urls: string[] = [];
    const got: string[] = [];
    other.onChannel((url) => urls.push(url));
    other.onAny(({ type }) => got.push(type));
    await world.pass(1);
    world.handler = (url, signal) => (url.endsWith("/new") ? reply("n".repeat(32)) : channel.answer(url, signal));
    const fresh = bus.reset();
    expect([bus.channelId, bus.state]).toEqual([undefined, "connecting"]);
    const url = `${BASE}/bus/${BUS}/channel/${"n".repeat(32)}`;
    expect(await fresh).toBe(url);
    expect([await bus.ready, other.channelId, await other.ready, urls]).toEqual([url, url, url, [url]]);
    expect(world.cookie).toBe(`backplane-channel=${BUS}:${"n".repeat(32)}`);
    channel.post("old");
    await world.pass(1);
    channel.post("new");
    await world.pass(60);
    expect([got, other.state]).toEqual([["new"], "live"]);
    bus.close();
    await expect(bus.reset()).rejects.toThrow("closed");
  });
});

describe("from", () => {
  const at = (world: World, from: ConnectOptions["from"]) => {
    const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, channelName: "chan", from: from ?? "here" });
    const got: string[] = [];
    bus.onAny(({ type }) => got.push(type));
    bus.onGap(({ reason }) => got.push(reason));
    return { bus, got };
  };

  test("start: all that the window has, then the rest", async () => {
    const world = new World();
    const channel = new Channel();
    world.handler = channel.answer;
    channel.post("a");
    const { got } = at(world, "start");
    await world.pass(1);
    channel.post("b");
    await world.pass(60);
    expect(got).toEqual(["a", "b"]);
  });

  test("last: what came while the visitor was on the way to this page", async () => {
    const before = new World();
    const channel = new Channel();
    before.handler = channel.answer;
    const first = at(before, "last");
    channel.post("seen");
    await before.pass(60);
    channel.post("b");
    await before.pass(60);
    first.bus.close();
    expect(first.got).toEqual(["b"]);
    channel.post("on the way");
    const after = new World();
    after.handler = channel.answer;
    after.kept = before.kept;
    const here = at(after, "here");
    const last = at(after, "last");
    await after.pass(1);
    channel.post("c");
    await after.pass(60);
    expect([here.got, last.got]).toEqual([["c"], ["on the way", "c"]]);
  });

  test("last: what was lost on the way is told", async () => {
    const world = new World();
    const channel = new Channel();
    channel.capacity = 2;
    world.handler = channel.answer;
    const first = at(world, "here");
    channel.post("seen");
    await world.pass(60);
    first.bus.close();
    for (const type of ["a", "b", "c"]) channel.post(type);
    const { got } = at(world, "last");
    await world.pass(1);
    expect(got).toEqual(["gap", "b", "c"]);
  });

  test("last: whatever else is kept there", async () => {
    for (const text of ["", "{", "null", "[1,[2],[\"chan\"]]", '{"chan":1}']) {
      const world = new World();
      const channel = new Channel();
      channel.post("before");
      world.handler = channel.answer;
      world.recall = () => text;
      const { got, bus } = at(world, "last");
      await world.pass(1);
      expect([got, bus.state], text).toEqual([[], "live"]);
    }
  });
});
