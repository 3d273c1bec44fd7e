/** The face for pages of today. */

import { describe, expect, test } from "vitest";
import { connectIn } from "../src/faces/connect";
import { QUEUE_LIMIT } from "../src/faces/queue";
import type { Bus, ConnectOptions, Message } from "../src/public";
import { BASE, BUS, Channel, CHANNEL, World } from "./world";

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

test("wrong options are told, with what is allowed", () => {
  const world = new World();
  const good = { serverBaseURL: BASE, busName: BUS };
  const wrong = (change: object) => () => connectIn(world, { ...good, ...change } as ConnectOptions);
  expect(wrong({ serverBaseURL: "" })).toThrow(/serverBaseURL must be an address/);
  expect(wrong({ busName: "a b" })).toThrow(/busName must be of/);
  expect(wrong({ channelName: "a.b" })).toThrow(/channelName must be 1 to 128/);
  expect(wrong({ transport: "carrier pigeon" })).toThrow(/transport must be/);
  const bus = connectIn(world, good);
  for (const seconds of [0, -1, NaN]) expect(() => bus.expect(seconds)).toThrow(TypeError);
});
