/** Pushes, seen through the face of today: at once, by whatever way works, and nothing lost, doubled or passed over. */

import { describe, expect, test } from "vitest";
import { connectFirst as connectIn } from "../src/faces/connect-first";
import type { Bus, ConnectOptions, Gap, RequestError, State } from "../src/public";
import { Server } from "./server";
import { BASE, BUS, dice, refusal, reply, World } from "./world";

interface Page {
  readonly bus: Bus;
  readonly got: string[];
  readonly gaps: Gap[];
  readonly errors: RequestError[];
  readonly states: State[];
}

function connect(world: World, options: Partial<ConnectOptions> = {}): Page {
  const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, channelName: "a", ...options });
  const page: Page = { bus, got: [], gaps: [], errors: [], states: [] };
  bus.onAny(({ type }) => page.got.push(type));
  bus.onGap((gap) => page.gaps.push(gap));
  bus.onError((error) => page.errors.push(error));
  bus.onState((state) => page.states.push(state));
  return page;
}

async function open(options: Partial<ConnectOptions> = {}): Promise<Page & { world: World; server: Server }> {
  const world = new World();
  const server = new Server(world);
  const page = connect(world, options);
  await world.pass(1);
  return { world, server, ...page };
}

describe("a stream", () => {
  test("is opened after the first read, from its position, and brings messages at once", async () => {
    const { world, server, bus, got } = await open();
    expect(server.asked).toEqual(["poll /channel/a", `stream /channel/a?since=${server.id(0)}&epoch=${server.epoch}`]);
    expect(bus.via).toBe("stream");
    server.post("a", "one", "two");
    await world.settle();
    expect(got).toEqual(["one", "two"]);
    await world.pass(600);
    expect(server.asked).toHaveLength(2);
  });

  test("JS-4 what was there before is not delivered", async () => {
    const world = new World();
    const server = new Server(world);
    server.post("a", "before");
    const { got } = connect(world);
    await world.pass(1);
    server.post("a", "after");
    await world.settle();
    expect(got).toEqual(["after"]);
  });

  test("JS-7 a hint does nothing while there is one, and polls fast while there is none", async () => {
    const { world, server, bus } = await open();
    bus.expect(3_600);
    await world.pass(600);
    expect(server.asked).toHaveLength(2);
    server.refuse = (kind) => {
      if (kind !== "poll") throw refusal(404);
      return undefined;
    };
    server.cut();
    await world.pass(20);
    expect(server.asked.filter((asked) => asked.startsWith("poll")).length).toBeGreaterThan(10);
  });

  test("that was cut goes on from its position, after a moment that is not everybody's", async () => {
    const { world, server, got, gaps } = await open();
    await world.pass(30);
    server.post("a", "one");
    server.cut();
    server.post("a", "two");
    world.chance = 0.9;
    await world.pass(1);
    expect(server.streams).toEqual([]);
    await world.pass(4);
    expect(got).toEqual(["one", "two"]);
    expect(server.asked[server.asked.length - 1]).toBe(`stream /channel/a?since=${server.id(1)}&epoch=${server.epoch}`);
    expect(gaps).toEqual([]);
  });

  test("that dies without a word is left after two heartbeats, and the next is a stream again", async () => {
    const { world, server, bus, got } = await open();
    await world.pass(60);
    server.proxy = () => [];
    server.post("a", "one");
    await world.pass(29);
    expect([got, server.streams.length]).toEqual([[], 1]);
    server.proxy = (piece) => [piece];
    server.heartbeat = 1e9;
    await world.pass(6);
    expect([got, bus.via]).toEqual([["one"], "stream"]);
  });

  test.each(["online", "restored"] as const)("is made anew at once when the page is %s", async (wake) => {
    const { world, server, got, bus } = await open();
    await world.pass(60);
    // As if it was dead and nobody knew.
    const [dead] = server.streams.splice(0);
    server.post("a", "one");
    world.wake(wake);
    await world.pass(0.1);
    server.post("a", "two");
    await world.settle();
    expect([got, bus.via, server.streams.length]).toEqual([["one", "two"], "stream", 1]);
    expect(server.streams[0]).not.toBe(dead);
  });

  test("obeys the server's retry", async () => {
    const { world, server, bus } = await open();
    server.end("drain", 20_000);
    await world.pass(19);
    expect([server.asked.length, bus.via]).toEqual([2, "poll"]);
    await world.pass(5);
    expect([server.asked.length, bus.via]).toEqual([3, "stream"]);
  });

  test("without a retry it is over: told as final, then nothing", async () => {
    const { world, server, bus, errors } = await open();
    server.end("closed");
    await world.pass(3_600);
    expect(server.asked).toHaveLength(2);
    expect(errors).toMatchObject([{ code: "closed", final: true }]);
    expect([bus.state, world.pending, world.listening]).toEqual(["closed", 0, 0]);
  });

  test("a gap is told before the messages that were not missed", async () => {
    const { world, server, got, gaps, bus } = await open();
    server.capacity = 2;
    bus.onGap(() => got.push("gap"));
    server.cut();
    server.post("a", "1", "2", "3", "4");
    await world.pass(10);
    expect(got).toEqual(["gap", "3", "4"]);
    expect(gaps).toEqual([{ reason: "gap" }]);
  });

  test("after a lost log lower ids are new", async () => {
    const { world, server, got, gaps } = await open();
    for (let n = 0; n < 50; n += 1) server.pass();
    server.post("a", "high");
    server.loseLog(3);
    server.post("a", "low");
    await world.pass(10);
    server.post("a", "lower");
    await world.pass(1);
    expect([got, gaps]).toEqual([["high", "low", "lower"], [{ reason: "gap" }]]);
  });

  test("closing leaves nothing behind", async () => {
    const { world, server, bus } = await open();
    bus.close();
    await world.pass(100);
    expect([server.streams.length, world.pending, world.listening, bus.state]).toEqual([0, 0, 0, "closed"]);
  });
});

describe("what a proxy does", () => {
  test("that holds back what is sent: long polls instead, and messages come at once", async () => {
    const world = new World();
    const server = new Server(world);
    server.proxy = () => [];
    const { got, bus } = connect(world);
    await world.pass(10);
    expect(server.asked.map((asked) => asked.split(" ")[0])).toEqual(["poll", "stream", "block"]);
    server.post("a", "one");
    await world.pass(1);
    expect([got, bus.via]).toEqual([["one"], "block"]);
  });

  test("a stream is tried again later, less and less often, and taken when it works", async () => {
    const world = new World();
    const server = new Server(world);
    server.proxy = () => [];
    const { bus } = connect(world);
    const tries = (): number => server.asked.filter((asked) => asked.startsWith("stream")).length;
    await world.pass(600);
    expect(tries()).toBeGreaterThan(2);
    const soon = tries();
    await world.pass(6_000);
    expect(tries() - soon).toBeLessThan(5);
    server.proxy = (piece) => [piece];
    await world.pass(6_000);
    expect(bus.via).toBe("stream");
  });

  test("that lets the beginning pass and then holds back", async () => {
    const world = new World();
    const server = new Server(world);
    let pieces = 0;
    server.proxy = (piece) => ((pieces += 1) > 1 ? [] : [piece]);
    const { bus } = connect(world);
    await world.pass(29);
    expect(bus.via).toBe("stream");
    await world.pass(3);
    server.post("a", "one");
    await world.pass(1);
    expect(bus.via).toBe("block");
  });

  test("that lets go of what fills its buffer and keeps the rest", async () => {
    const world = new World();
    const server = new Server(world);
    let kept = "";
    server.proxy = (piece) => {
      kept += piece;
      const full = kept.length - (kept.length % 4_096);
      const out = kept.slice(0, full);
      kept = kept.slice(full);
      return out === "" ? [] : [out];
    };
    const { bus, got, errors } = connect(world);
    await world.pass(1);
    const all: string[] = [];
    for (let n = 0; n < 100; n += 1) all.push(`${n}${"x".repeat(100)}`);
    server.post("a", ...all);
    await world.pass(10);
    expect([bus.via, got, errors]).toEqual(["block", all, []]);
  });

  test("that holds back even the head: long polls too, after one try and a read", async () => {
    const world = new World();
    const server = new Server(world);
    server.headless = true;
    const { bus, got, errors } = connect(world);
    await world.pass(8);
    expect(server.asked.map((asked) => asked.split(" ")[0])).toEqual(["poll", "stream", "poll", "block"]);
    server.post("a", "one");
    await world.pass(1);
    expect([got, bus.via, errors]).toEqual([["one"], "block", []]);
  });

  test("is not blamed if the server cannot be read either", async () => {
    const world = new World();
    const server = new Server(world);
    server.headless = true;
    const { bus } = connect(world);
    await world.pass(1);
    server.refuse = (kind) => {
      if (kind !== "stream") throw new TypeError("Failed to fetch");
      return undefined;
    };
    await world.pass(30);
    const tries = (): number => server.asked.filter((asked) => asked.startsWith("stream")).length;
    const before = tries();
    expect(before).toBeGreaterThan(1);
    // The server is back between two tries.
    server.headless = false;
    while (tries() === before) await world.pass(1);
    server.refuse = () => undefined;
    await world.pass(20);
    expect([bus.via, bus.state]).toEqual(["stream", "live"]);
  });

  test("or an older server that knows neither: polls, as ever", async () => {
    const world = new World();
    const server = new Server(world);
    server.refuse = (kind) => {
      if (kind === "poll") return undefined;
      return reply([], { "Backplane-Resume": "complete", Link: `</x?since=${server.id()}&epoch=${server.epoch}>; rel="next"` });
    };
    const { bus, got, errors } = connect(world);
    await world.pass(10);
    server.post("a", "one");
    await world.pass(60);
    expect([bus.via, got, errors]).toEqual(["poll", ["one"], []]);
  });

  test("or a server with too many streams: told, and not asked again before its time", async () => {
    const world = new World();
    const server = new Server(world);
    server.refuse = (kind) => {
      if (kind !== "poll") throw refusal(429, 300_000);
      return undefined;
    };
    const { bus, errors } = connect(world);
    await world.pass(290);
    expect(server.asked.filter((asked) => !asked.startsWith("poll"))).toHaveLength(2);
    expect(errors.map(({ status }) => status)).toEqual([429, 429]);
    expect([bus.via, bus.state]).toEqual(["poll", "live"]);
  });

  test("no proxy is blamed for a server that is away", async () => {
    const { world, server, bus } = await open();
    await world.pass(60);
    server.refuse = () => {
      throw new TypeError("Failed to fetch");
    };
    server.cut();
    await world.pass(300);
    expect(bus.state).toBe("retrying");
    server.refuse = () => undefined;
    await world.pass(130);
    expect([bus.via, bus.state]).toEqual(["stream", "live"]);
  });
});

describe("a frame that is", () => {
  /** Spoils one frame of a stream. */
  async function spoil(proxy: (piece: string) => readonly string[]): Promise<Page> {
    const { world, server, ...page } = await open();
    await world.pass(60);
    server.post("a", "one");
    server.proxy = (piece) => (piece.includes('"two"') ? proxy(piece) : [piece]);
    server.post("a", "two", "three", "four");
    await world.pass(30);
    expect(page.got).toEqual(["one", "two", "three", "four"]);
    expect(page.gaps).toEqual([]);
    return page;
  }

  test("dropped is read again, and told", async () => {
    const { errors } = await spoil(() => []);
    expect(errors).toMatchObject([{ code: "break" }]);
  });

  test("doubled comes once", async () => {
    expect((await spoil((piece) => [piece, piece])).errors).toEqual([]);
  });

  test("cut to pieces is put together", async () => {
    expect((await spoil((piece) => piece.split(""))).errors).toEqual([]);
  });

  test("damaged is read again, and told", async () => {
    const { errors } = await spoil((piece) => [piece.replace('"id"', '"di"')]);
    expect(errors[0]).toMatchObject({ code: "break" });
  });

  test("of a made-up predecessor is read again, once", async () => {
    const { errors } = await spoil((piece) => [piece.replace(/"prev":"\d+"/, '"prev":"zzz"')]);
    expect(errors).toHaveLength(1);
  });

  test("delayed behind others comes once and in order", async () => {
    const { world, server, got, errors } = await open();
    const late: string[] = [];
    server.proxy = (piece) => {
      if (piece.includes('"one"')) late.push(piece);
      return piece.includes('"one"') ? [] : piece.includes('"two"') ? [piece, ...late] : [piece];
    };
    server.post("a", "one", "two", "three");
    await world.pass(1);
    expect(got).toEqual(["one", "two", "three"]);
    expect(errors).toMatchObject([{ code: "break" }]);
  });

  test("dropped before the server's word that the position moved on is missed by that", async () => {
    const { world, server, got, errors } = await open();
    server.post("a", "one");
    server.proxy = (piece) => (piece.includes('"two"') ? [] : [piece]);
    server.post("a", "two");
    server.pass();
    server.cursor();
    await world.pass(1);
    expect([got, errors]).toMatchObject([["one", "two"], [{ code: "break" }]]);
    server.post("a", "three");
    await world.pass(1);
    expect(got).toEqual(["one", "two", "three"]);
    expect(server.asked).toHaveLength(3);
  });

  test("dropped before one of another channel is missed by that, and told to whom it belongs", async () => {
    const world = new World();
    const server = new Server(world);
    const [a, b] = ["a", "b"].map((channelName) => {
      world.cookie = "";
      return connect(world, { channelName });
    });
    await world.pass(1);
    server.post("b", "b1");
    server.proxy = (piece) => (piece.includes('"a1"') ? [] : [piece]);
    server.post("a", "a1");
    server.post("b", "b2");
    await world.pass(1);
    expect([a?.got, b?.got]).toEqual([["a1"], ["b1", "b2"]]);
    expect([a?.errors, b?.errors]).toMatchObject([[{ code: "break" }], []]);
  });

  test("dropped before a gap of another channel is read", async () => {
    const world = new World();
    const server = new Server(world);
    const [a, b] = ["a", "b"].map((channelName) => {
      world.cookie = "";
      return connect(world, { channelName });
    });
    await world.pass(1);
    server.proxy = (piece) => (piece.includes('"a1"') ? [] : [piece]);
    server.post("a", "a1");
    server.overtake("b");
    await world.pass(1);
    expect([a?.got, a?.gaps, b?.gaps]).toEqual([["a1"], [], [{ reason: "gap" }]]);
  });

  test("dropped before a long poll takes over is read", async () => {
    const { world, server, got } = await open();
    server.post("a", "one");
    server.proxy = (piece) => (piece.includes('"two"') ? [] : [piece]);
    server.post("a", "two");
    server.pass();
    server.cursor();
    server.refuse = (kind) => {
      if (kind === "stream") throw refusal(404);
      return undefined;
    };
    server.cut();
    await world.pass(10);
    server.post("a", "three");
    await world.pass(1);
    expect(got).toEqual(["one", "two", "three"]);
  });
});

describe("several connections of a page", () => {
  test("share one stream and each read, and each hears every message", async () => {
    const world = new World();
    const server = new Server(world);
    const [one, other] = [connect(world), connect(world)];
    await world.pass(1);
    server.post("a", "x");
    await world.pass(60);
    expect([one.got, other.got, server.asked.length]).toEqual([["x"], ["x"], 2]);
    one.bus.close();
    server.post("a", "y");
    await world.pass(1);
    expect([one.got, other.got, server.streams.length]).toEqual([["x"], ["x", "y"], 1]);
  });

  test("of several channels share one stream", async () => {
    const world = new World();
    const server = new Server(world);
    const names = ["a", "b", "c"];
    const pages = names.map((channelName) => {
      world.cookie = "";
      return connect(world, { channelName });
    });
    await world.pass(1);
    expect(server.streams).toHaveLength(1);
    expect(server.streams[0]?.channels).toEqual(names);
    await world.pass(30);
    const asked = server.asked.length;
    for (const at of ["1", "2"]) for (const name of names) server.post(name, name + at);
    server.pass();
    server.cursor();
    await world.pass(60);
    expect(pages.map(({ got }) => got)).toEqual([["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]);
    expect([server.asked.length, ...pages.map(({ errors }) => errors.length)]).toEqual([asked, 0, 0, 0]);
    pages[1]?.bus.close();
    await world.pass(1);
    expect(server.streams.map(({ channels }) => channels)).toEqual([["a", "c"]]);
    server.post("c", "c3");
    await world.settle();
    expect(pages[2]?.got).toEqual(["c1", "c2", "c3"]);
  });

  test("one that comes later begins there, and one from the start has what the window has", async () => {
    const { world, server, got } = await open();
    server.post("a", "one");
    const [late, all] = [connect(world), connect(world, { from: "start" })];
    server.post("a", "two");
    await world.pass(1);
    server.post("a", "three");
    await world.pass(1);
    expect(got).toEqual(["one", "two", "three"]);
    expect(late.got).toEqual(["two", "three"]);
    expect(all.got).toEqual(["one", "two", "three"]);
  });

  test("what one expects is polled for all where nothing is pushed", async () => {
    const world = new World();
    const server = new Server(world);
    const pages = [connect(world, { transport: "poll" }), connect(world, { transport: "poll" })];
    await world.pass(5);
    pages[1]?.bus.expect(60);
    server.post("a", "x");
    await world.pass(2);
    expect(pages.map(({ got }) => got)).toEqual([["x"], ["x"]]);
    expect(server.asked.every((asked) => asked.startsWith("poll"))).toBe(true);
  });
});

/** How often one or more messages in a row are missing. Fails if there are others, or in another order. */
function lost(posted: readonly string[], got: readonly string[]): number {
  let holes = 0;
  let from = 0;
  for (const text of got) {
    const at = posted.indexOf(text, from);
    expect(at, `${text} of ${got.join()}`).toBeGreaterThanOrEqual(from);
    if (at > from) holes += 1;
    from = at + 1;
  }
  return holes;
}

test("each message once and in order, and every loss told, whatever proxies, servers and networks do", async () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const roll = dice(seed);
    const world = new World();
    const server = new Server(world);
    server.capacity = seed % 5 === 0 ? 3 : 30;
    const names = ["a", "b", "c"].slice(0, 1 + (seed % 3));
    const pages = names.map((channelName) => {
      world.cookie = "";
      return connect(world, { channelName });
    });
    await world.pass(1);
    const posted = names.map((): string[] => []);
    const post = (at: number): string => {
      const text = `${at}-${posted[at]?.length}`;
      posted[at]?.push(text);
      return text;
    };
    const spoilt = (piece: string): readonly string[] => [[], [piece, piece], [piece.replace(/\d/, "9")], [piece.slice(0, 20)]][roll(80)] ?? [piece];
    server.proxy = spoilt;
    server.refuse = (kind) => {
      if (roll(kind === "poll" ? 6 : 12) === 0) throw roll(2) === 0 ? refusal(503) : new TypeError("Failed to fetch");
      return undefined;
    };
    for (let step = 0; step < 60; step += 1) {
      for (let n = roll(3); n > 0; n -= 1) {
        const at = roll(names.length);
        server.post(names[at] ?? "", post(at));
      }
      const action = roll(14);
      const at = roll(names.length);
      if (action === 0) server.cut();
      if (action === 1) server.end("drain", roll(3_000));
      if (action === 2) world.wake(roll(2) === 0 ? "online" : "restored");
      if (action === 3) server.cursor();
      if (action === 4) {
        post(at);
        server.overtake(names[at] ?? "");
      }
      if (action >= 5 && action <= 7) {
        // What comes behind the one that is dropped is all there is to tell of it.
        server.proxy = () => [];
        server.post(names[at] ?? "", post(at));
        server.proxy = spoilt;
        const other = (at + 1) % names.length;
        if (action === 5) server.post(names[other] ?? "", post(other));
        if (action === 6) server.pass();
        if (action === 6) server.cursor();
        if (action === 7) server.cut();
      }
      world.chance = roll(100) / 100;
      await world.pass(roll(20));
    }
    server.proxy = (piece) => [piece];
    server.refuse = () => undefined;
    for (const [at, name] of names.entries()) {
      posted[at]?.push("end");
      server.post(name, "end");
    }
    await world.pass(300);
    for (const [at, page] of pages.entries()) {
      const holes = lost(posted[at] ?? [], page.got);
      if (holes === 0) expect([page.got, page.gaps], `seed ${seed}`).toEqual([posted[at], []]);
      else expect(page.gaps.length, `seed ${seed}`).toBeGreaterThanOrEqual(holes);
      expect(new Set(page.got).size, `seed ${seed}`).toBe(page.got.length);
      page.bus.close();
    }
    await world.settle();
    expect([world.pending, world.listening], `seed ${seed}`).toEqual([0, 0]);
  }
}, 60_000);
