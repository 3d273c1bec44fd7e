/** Several pages of an origin: one connection, whoever leads, and nothing lost when that changes. */

import { describe, expect, test } from "vitest";
import { connectFirst as connectIn } from "../src/faces/connect-first";
import type { Bus, ConnectOptions, Gap, RequestError } from "../src/public";
import { Server } from "./server";
import { BASE, BUS, dice, Origin, reply, World } from "./world";

interface Tab {
  readonly world: World;
  readonly bus: Bus;
  readonly got: string[];
  readonly gaps: Gap[];
  readonly errors: RequestError[];
}

class Site {
  readonly origin = new Origin();
  readonly clock = new World(this.origin);
  readonly server = new Server(this.clock);

  tab(options: Partial<ConnectOptions> = {}): Tab {
    const world = new World(this.origin);
    world.tabs = this.origin.seen(world);
    this.server.serve(world);
    const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, channelName: "a", ...options });
    const tab: Tab = { world, bus, got: [], gaps: [], errors: [] };
    bus.onAny(({ type }) => tab.got.push(type));
    bus.onGap((gap) => tab.gaps.push(gap));
    bus.onError((error) => tab.errors.push(error));
    return tab;
  }

  async tabs(count: number): Promise<Tab[]> {
    const tabs = Array.from({ length: count }, () => this.tab());
    await this.clock.pass(1);
    return tabs;
  }

  /** What the browser does when a page is closed or crashes. */
  async close(tab: Tab): Promise<void> {
    tab.bus.close();
    await this.clock.settle();
  }
}

describe("tabs", () => {
  test("twenty hold one connection, and each message reaches each at once", async () => {
    const site = new Site();
    const tabs = await site.tabs(20);
    site.server.post("a", "x", "y");
    await site.clock.settle();
    await site.clock.pass(600);
    for (const { got, bus } of tabs) expect([got, bus.via, bus.state]).toEqual([["x", "y"], "stream", "live"]);
    expect(site.server.most).toBe(1);
    expect(site.server.asked.filter((asked) => asked.startsWith("stream"))).toHaveLength(1);
    expect(site.server.asked).toHaveLength(21);
  });

  test("a page is not live, and nothing is pushed to it, before its first read is answered: what was posted until then is no news", async () => {
    const site = new Site();
    const [leader] = await site.tabs(1);
    const world = new World(site.origin);
    world.tabs = site.origin.seen(world);
    site.server.serve(world);
    const { handler } = world;
    let answer = (): void => undefined;
    world.handler = async (url, signal) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return handler(url, signal);
    };
    const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, channelName: "a" });
    const got: string[] = [];
    const told: string[] = [];
    bus.onAny(({ type }) => got.push(type));
    bus.onState((state) => told.push(`${state} ${bus.via}`));
    await site.clock.pass(1);
    // It has heard of the leader, who is pushed to.
    expect([leader?.bus.via, bus.via, bus.state, told]).toEqual(["stream", "poll", "connecting", []]);
    site.server.post("a", "before");
    answer();
    await site.clock.settle();
    expect([bus.via, bus.state, told]).toEqual(["stream", "live", ["live stream"]]);
    site.server.post("a", "after");
    await site.clock.settle();
    expect(got).toEqual(["after"]);
  });

  test("a page is not live while it has no channel", async () => {
    const site = new Site();
    await site.tabs(1);
    const world = new World(site.origin);
    world.tabs = site.origin.seen(world);
    site.server.serve(world);
    const { handler } = world;
    let name = (_name: string): void => undefined;
    world.handler = (url, signal) =>
      url.endsWith("/new") ? new Promise((resolve) => (name = (text) => resolve(reply(text)))) : handler(url, signal);
    const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS });
    await site.clock.pass(1);
    expect([bus.channelId, bus.via, bus.state]).toEqual([undefined, "poll", "connecting"]);
    name("n".repeat(32));
    await site.clock.pass(1);
    expect([bus.via, bus.state]).toEqual(["stream", "live"]);
  });

  test("of several channels too", async () => {
    const site = new Site();
    const names = ["a", "b", "c"];
    const tabs = names.map((channelName) => site.tab({ channelName }));
    await site.clock.pass(2);
    expect(site.server.streams.map(({ channels }) => channels)).toEqual([names]);
    for (const name of names) site.server.post(name, name);
    await site.clock.settle();
    expect(tabs.map(({ got }) => got)).toEqual([["a"], ["b"], ["c"]]);
    tabs[1]?.bus.close();
    await site.clock.pass(1);
    expect(site.server.streams.map(({ channels }) => channels)).toEqual([["a", "c"]]);
  });

  test("a page that says nothing for a minute is forgotten", async () => {
    const site = new Site();
    const tabs = [site.tab({ channelName: "a" }), site.tab({ channelName: "b" })];
    await site.clock.pass(2);
    tabs[1]?.world.freeze();
    await site.clock.pass(120);
    site.tab({ channelName: "c" });
    await site.clock.pass(2);
    expect(site.server.streams.map(({ channels }) => channels)).toEqual([["a", "c"]]);
  });

  test("a page is not forgotten while it hears of others' messages all the time", async () => {
    const site = new Site();
    const [leader, other] = [site.tab({ channelName: "a" }), site.tab({ channelName: "b" })];
    await site.clock.pass(2);
    for (let n = 0; n < 60; n += 1) {
      site.server.post("a", String(n));
      await site.clock.pass(2);
    }
    leader.world.cookie = "";
    connectIn(leader.world, { serverBaseURL: BASE, busName: BUS, channelName: "c" });
    await site.clock.pass(1);
    site.server.post("b", "x");
    await site.clock.settle();
    expect([leader.got.length, other.got]).toEqual([60, ["x"]]);
    expect(site.server.streams.map(({ channels }) => channels)).toEqual([["a", "b", "c"]]);
  });

  test("when the leader is closed another goes on, without a gap and without a read", async () => {
    const site = new Site();
    const [leader, ...rest] = await site.tabs(3);
    site.server.post("a", "one");
    await site.clock.pass(1);
    if (leader) leader.bus.close();
    site.server.post("a", "two");
    await site.clock.pass(1);
    site.server.post("a", "three");
    await site.clock.pass(1);
    for (const { got, gaps, errors } of rest) expect([got, gaps, errors]).toEqual([["one", "two", "three"], [], []]);
    expect(site.server.asked.filter((asked) => asked.startsWith("poll"))).toHaveLength(3);
    expect(site.server.streams).toHaveLength(1);
  });

  test("a page that the leader's word does not reach learns from the next that it is behind, and reads", async () => {
    const site = new Site();
    const [leader] = await site.tabs(1);
    const world = new World(site.origin);
    const seen = site.origin.seen(world);
    const without = (hear: (word: unknown) => void) => (word: unknown) => {
      if ((word as { kind: string }).kind !== "told") hear(word);
    };
    world.tabs = { ...seen, connect: (name, hear) => seen.connect(name, without(hear)) };
    site.server.serve(world);
    const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, channelName: "a" });
    const got: string[] = [];
    bus.onAny(({ type }) => got.push(type));
    bus.onError(({ code }) => got.push(String(code)));
    await site.clock.pass(1);
    site.server.post("a", "x");
    await site.clock.pass(10);
    expect([leader?.got, got, site.server.streams.length]).toEqual([["x"], ["x"], 1]);
  });

  test("when the leader stands still another takes its place, and it catches up when it is back", async () => {
    const site = new Site();
    const [leader, other] = await site.tabs(2);
    leader?.world.freeze();
    site.server.post("a", "one");
    await site.clock.pass(15);
    expect(other?.got).toEqual(["one"]);
    site.server.post("a", "two");
    await site.clock.pass(1);
    expect(other?.got).toEqual(["one", "two"]);
    leader?.world.thaw();
    await site.clock.pass(15);
    site.server.post("a", "three");
    await site.clock.pass(1);
    expect(leader?.got).toEqual(["one", "two", "three"]);
    expect(other?.got).toEqual(["one", "two", "three"]);
    expect(site.server.streams).toHaveLength(1);
    expect([...(leader?.gaps ?? []), ...(other?.gaps ?? [])]).toEqual([]);
  });

  test("a page that goes into the back-forward cache hands over, and comes back as one of the others", async () => {
    const site = new Site();
    const [leader, other] = await site.tabs(2);
    leader?.world.wake("suspended");
    leader?.world.freeze();
    site.server.post("a", "one");
    await site.clock.pass(1);
    expect(other?.got).toEqual(["one"]);
    leader?.world.thaw();
    leader?.world.wake("restored");
    await site.clock.pass(1);
    expect(leader?.got).toEqual(["one"]);
    expect(site.server.streams).toHaveLength(1);
  });

  test("a reset takes all pages along", async () => {
    const site = new Site();
    const [one, other] = await site.tabs(2);
    const url = await one?.bus.reset();
    await site.clock.pass(1);
    expect([url?.split("/").pop(), other?.bus.channelId]).toEqual([expect.stringMatching(/^[\w-]{32}$/), url]);
    site.server.post(url?.split("/").pop() ?? "", "x");
    await site.clock.settle();
    expect([one?.got, other?.got, site.server.streams.length]).toEqual([["x"], ["x"], 1]);
  });

  test("what the server ends is over for all", async () => {
    const site = new Site();
    const tabs = await site.tabs(3);
    site.server.end("closed");
    await site.clock.pass(600);
    expect(tabs.map(({ bus }) => bus.state)).toEqual(["closed", "closed", "closed"]);
    for (const { errors } of tabs) expect(errors).toMatchObject([{ final: true }]);
    expect(site.clock.pending).toBe(0);
  });

  test("where there are no locks each is alone", async () => {
    const site = new Site();
    const tab = site.tab();
    const world = new World(site.origin);
    site.server.serve(world);
    world.tabs = { ...site.origin.seen(world), lead: () => Promise.reject(new Error("SecurityError")) };
    const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, channelName: "a" });
    const got: string[] = [];
    bus.onAny(({ type }) => got.push(type));
    await site.clock.pass(1);
    site.server.post("a", "x");
    await site.clock.settle();
    expect([tab.got, got, site.server.streams.length]).toEqual([["x"], ["x"], 2]);
  });

  test("each message once and in order on every page, whoever comes, goes, stands still or is cut off", async () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const roll = dice(seed);
      const site = new Site();
      let tabs = await site.tabs(3);
      const names = ["a", "b", "c"].slice(0, 1 + (seed % 3));
      const posted = new Map(names.map((name): [string, string[]] => [name, []]));
      const joined = new Map(tabs.map((tab) => [tab, { name: "a", at: 0 }]));
      const post = (name: string): void => {
        const all = posted.get(name) ?? [];
        all.push(`${name}${all.length}`);
        site.server.post(name, all[all.length - 1] ?? "");
      };
      for (let step = 0; step < 50; step += 1) {
        for (let n = roll(3); n > 0; n -= 1) post(names[roll(names.length)] ?? "");
        const tab = tabs[roll(tabs.length)];
        const name = names[roll(names.length)] ?? "";
        const action = roll(12);
        if (action === 0 && tab && tabs.length > 1) {
          tab.world.thaw();
          tab.bus.close();
          tabs = tabs.filter((other) => other !== tab);
        } else if (action === 1) {
          const fresh = site.tab({ channelName: name });
          await site.clock.settle();
          joined.set(fresh, { name, at: posted.get(name)?.length ?? 0 });
          tabs.push(fresh);
        } else if (action === 2) tab?.world.freeze();
        else if (action === 3) tab?.world.thaw();
        else if (action === 4) site.server.cut();
        else if (action === 5) {
          // What comes behind the one that is dropped is all there is to tell of it.
          site.server.proxy = () => [];
          post(name);
          site.server.proxy = (piece) => [piece];
          if (roll(2) === 0) post(names[roll(names.length)] ?? "");
          else {
            site.server.pass();
            site.server.cursor();
          }
        } else if (action === 6) site.server.cursor();
        for (const { world } of tabs) world.chance = roll(100) / 100;
        await site.clock.pass(roll(12));
      }
      for (const { world } of tabs) world.thaw();
      await site.clock.pass(30);
      for (const name of names) post(name);
      // A stream that was cut too often is not tried again for a while.
      await site.clock.pass(150);
      for (const tab of tabs) {
        const { name, at } = joined.get(tab) ?? { name: "", at: 0 };
        expect(tab.got, `seed ${seed}`).toEqual(posted.get(name)?.slice(at));
        expect(tab.gaps, `seed ${seed}`).toEqual([]);
      }
      expect(site.server.streams.length, `seed ${seed}`).toBe(1);
      for (const { bus } of tabs) bus.close();
      await site.clock.settle();
      expect(site.clock.pending, `seed ${seed}`).toBe(0);
    }
  }, 60_000);
});
