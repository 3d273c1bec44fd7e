/** The core, seen through the face of today. */

import { describe, expect, test } from "vitest";
import { connectFirst as connectIn } from "../src/faces/connect-first";
import type { Bus, ConnectOptions, Gap, State } from "../src/public";
import { BASE, base64url, BUS, Channel, CHANNEL, dice, frame, refusal, reply, World } from "./world";

interface Page {
  readonly world: World;
  readonly channel: Channel;
  readonly bus: Bus;
  readonly got: string[];
  readonly gaps: Gap[];
  readonly states: State[];
}

function open(options: Partial<ConnectOptions> = {}, world = new World()): Page {
  const channel = new Channel();
  world.handler = channel.answer;
  const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, channelName: "chan", ...options });
  const page: Page = { world, channel, bus, got: [], gaps: [], states: [bus.state] };
  bus.onAny((_message, { id }) => page.got.push(id));
  bus.onGap((gap) => page.gaps.push(gap));
  bus.onState((state) => page.states.push(state));
  return page;
}

const times = (world: World): number[] => world.polls().map(({ at }) => (at - 1_000) / 1_000);

describe("polling", () => {
  test("JS-4 the first read is discarded, then only what is new is asked for and delivered", async () => {
    const page = open();
    page.channel.post();
    const last = page.channel.post();
    await page.world.pass(1);
    expect(page.got).toEqual([]);
    const next = page.channel.post();
    await page.world.pass(60);
    expect(page.got).toEqual([next.id]);
    expect(page.world.polls().map(({ url }) => url)).toEqual([CHANNEL, `${CHANNEL}?since=${last.id}`]);
  });

  test("JS-7 once a minute when nothing is expected", async () => {
    const page = open();
    await page.world.pass(300);
    expect(times(page.world)).toEqual([0, 60, 120, 180, 240, 300]);
  });

  test("JS-7 a hint polls at once, then every second, then gradually back", async () => {
    const page = open();
    await page.world.pass(30);
    page.bus.expect(10);
    await page.world.pass(400);
    const polls = times(page.world).slice(1);
    expect(polls.slice(0, 11)).toEqual([30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40]);
    const waits = polls.slice(1).map((at, n) => at - (polls[n] ?? 0));
    expect(waits[waits.length - 1]).toBe(60);
    expect([...waits].sort((one, other) => one - other)).toEqual(waits);
  });

  test("JS-7 the expected message ends fast polling, others do not", async () => {
    const page = open();
    await page.world.pass(1);
    page.bus.expect(600, ["identity/login", "identity/logout"]);
    page.channel.post("other");
    await page.world.pass(5);
    const fast = page.world.polls().length;
    expect(fast).toBeGreaterThanOrEqual(5);
    page.channel.post("identity/logout");
    await page.world.pass(180);
    expect(page.got).toHaveLength(2);
    expect(page.world.polls().length - fast).toBeLessThan(14);
  });

  test("JS-7 an expected message counts when it comes in an envelope", async () => {
    const page = open();
    await page.world.pass(1);
    page.bus.expect(600, "identity/login");
    const data = base64url(JSON.stringify({ source: "http://c", type: "identity/login", payload: 1 }));
    page.channel.frames.push({ id: "0000000000001", message: { data, sigs: [] } });
    await page.world.pass(300);
    expect(page.got).toEqual(["0000000000001"]);
    expect(page.world.polls().length).toBeLessThan(20);
  });

  test("never two polls at once, however slow the server is", async () => {
    const page = open();
    page.world.handler = (url, signal) =>
      new Promise((resolve) => page.world.after(7_000, () => resolve(page.channel.answer(url, signal))));
    page.bus.expect(100);
    await page.world.pass(100);
    expect(page.world.overlap).toBe(1);
    expect(times(page.world).slice(0, 3)).toEqual([0, 8, 16]);
  });

  test("a hidden page polls slower, and catches up when it is seen again", async () => {
    const page = open();
    await page.world.pass(1);
    page.world.hidden = true;
    page.world.wake("visibility");
    await page.world.pass(299);
    expect(times(page.world)).toEqual([0, 300]);
    await page.world.pass(100);
    page.world.hidden = false;
    page.world.wake("visibility");
    await page.world.pass(0);
    expect(times(page.world)).toEqual([0, 300, 400]);
  });

  test("what is expected is looked for on a hidden page too: the login may be in another tab", async () => {
    const page = open();
    page.world.hidden = true;
    page.bus.expect(60);
    await page.world.pass(60);
    expect(times(page.world).length).toBeGreaterThan(10);
  });
});

describe("errors", () => {
  test("back-off grows, polling resumes by itself, and the error tells what the server said", async () => {
    const page = open();
    await page.world.pass(1);
    const errors: unknown[] = [];
    page.bus.onError((error) => errors.push(error.status));
    page.world.chance = 1;
    page.world.handler = () => Promise.reject(refusal(503));
    await page.world.pass(60 + 2 + 4 + 8);
    expect(times(page.world)).toEqual([0, 60, 62, 66, 74]);
    expect(errors).toEqual([503, 503, 503, 503]);
    page.world.handler = page.channel.answer;
    const posted = page.channel.post();
    await page.world.pass(16);
    expect(page.got).toEqual([posted.id]);
    expect(page.states).toEqual(["connecting", "live", "retrying", "live"]);
    await page.world.pass(60);
    expect(times(page.world).slice(-2)).toEqual([90, 150]);
  });

  test("Retry-After is obeyed, also when a message is expected or the network comes back", async () => {
    const page = open();
    page.world.handler = () => Promise.reject(refusal(429, 90_000));
    await page.world.pass(1);
    page.bus.expect(600);
    page.world.wake("online");
    await page.world.pass(88);
    expect(times(page.world)).toEqual([0]);
    await page.world.pass(1);
    expect(times(page.world)).toEqual([0, 90]);
  });

  test("an answer that is no list of frames is an error like any other", async () => {
    const page = open();
    page.world.handler = () => reply({ error: "x" });
    await page.world.pass(0);
    expect(page.bus.state).toBe("retrying");
    page.world.handler = page.channel.answer;
    await page.world.pass(10);
    expect(page.bus.state).toBe("live");
  });

  test("a request without an answer ends after half a minute", async () => {
    const page = open();
    const messages: string[] = [];
    page.bus.onError(({ message }) => messages.push(message));
    page.world.handler = (_url, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    await page.world.pass(31);
    expect(messages).toEqual(["no answer within 30 seconds"]);
  });

  test("messages that came while the first read failed are discarded with it (JS-4)", async () => {
    const page = open();
    page.world.handler = () => Promise.reject(refusal(500));
    await page.world.pass(0);
    page.channel.post();
    page.world.handler = page.channel.answer;
    await page.world.pass(30);
    expect(page.got).toEqual([]);
    expect(page.bus.state).toBe("live");
  });

  test("offline: one request finds out, then none until the network is back, then one at once", async () => {
    const page = open();
    await page.world.pass(10);
    page.world.online = false;
    page.world.handler = () => Promise.reject(new TypeError("Failed to fetch"));
    page.world.wake("offline");
    await page.world.pass(3_600);
    expect(times(page.world)).toEqual([0, 10]);
    expect(page.bus.state).toBe("offline");
    const posted = page.channel.post();
    page.world.online = true;
    page.world.handler = page.channel.answer;
    page.world.wake("online");
    await page.world.pass(0);
    expect(page.got).toEqual([posted.id]);
    expect(page.states).toEqual(["connecting", "live", "retrying", "offline", "live"]);
  });

  test("offline, but the server is on this machine: polling goes on", async () => {
    const world = new World();
    world.online = false;
    const page = open({}, world);
    await world.pass(120);
    expect(times(world)).toEqual([0, 60, 120]);
    expect(page.bus.state).toBe("live");
  });

  test("a page out of the back-forward cache catches up at once", async () => {
    const page = open();
    await page.world.pass(10);
    page.world.wake("restored");
    await page.world.pass(0);
    expect(times(page.world)).toEqual([0, 10]);
  });
});

describe("what was missed", () => {
  test("a gap is told before the messages that were not missed", async () => {
    const page = open();
    page.channel.capacity = 3;
    page.channel.post();
    await page.world.pass(1);
    const order: string[] = [];
    page.bus.onAny((_message, { id }) => order.push(id.slice(-1)));
    page.bus.onGap(({ reason }) => order.push(reason));
    for (let n = 0; n < 5; n += 1) page.channel.post();
    await page.world.pass(60);
    expect(order).toEqual(["gap", "4", "5", "6"]);
    await page.world.pass(60);
    expect(page.gaps).toHaveLength(1);
  });

  test("after a reset everything is delivered that was not before, also below the old position", async () => {
    const page = open();
    page.channel.restart(50);
    page.channel.post();
    await page.world.pass(1);
    page.channel.restart(4);
    const posted = [page.channel.post(), page.channel.post()].map(({ id }) => id);
    await page.world.pass(60);
    expect(page.got).toEqual(posted);
    expect(page.gaps).toEqual([{ reason: "reset" }]);
    posted.push(page.channel.post().id);
    await page.world.pass(60);
    expect(page.got).toEqual(posted);
    expect(page.gaps).toHaveLength(1);
  });

  test("each message once and in order through errors, slow answers, lost windows and whole-window answers", async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const roll = dice(seed);
      const page = open();
      const { world, channel } = page;
      channel.headers = seed % 2 === 0;
      channel.capacity = 20;
      await world.pass(1);
      world.handler = (url, signal) => {
        const kind = roll(5);
        if (kind === 0) throw refusal(503, roll(2) * 3_000);
        const answer = kind === 1 ? channel.answer(CHANNEL, signal) : channel.answer(url, signal);
        if (kind !== 2) return answer;
        return new Promise((resolve) => world.after(roll(9_000), () => resolve(answer)));
      };
      const posted: string[] = [];
      for (let step = 0; step < 40; step += 1) {
        for (let n = roll(3); n > 0; n -= 1) posted.push(channel.post().id);
        if (roll(4) === 0) page.bus.expect(roll(20) + 1);
        if (roll(6) === 0) world.wake(roll(2) === 0 ? "online" : "visibility");
        await world.pass(roll(30));
      }
      world.handler = channel.answer;
      await world.pass(200);
      expect([...page.got].sort(), `seed ${seed}`).toEqual(page.got);
      expect(new Set(page.got).size).toBe(page.got.length);
      expect(page.got.slice(-20), `seed ${seed}`).toEqual(posted.slice(-20));
      expect(world.overlap).toBe(1);
      page.bus.close();
    }
  }, 60_000);
});

describe("the channel", () => {
  test("JS-2 two tabs that ask for a name at the same time end up with the same channel", async () => {
    const [one, other] = [new World(), new World()];
    const answers = ["a".repeat(32), "b".repeat(32)];
    // As a browser does it: what one tab writes is there for the other once the first has read it again.
    const share = (world: World, text: string): void => {
      const written = text.split(";")[0] ?? "";
      world.readCookie = () => (one.cookie = other.cookie = written);
      world.cookiesWritten.push(text);
    };
    const buses = [one, other].map((world) => {
      world.handler = (url) => reply(url.endsWith("/new") ? answers.pop() : []);
      world.writeCookie = (text) => share(world, text);
      return connectIn(world, { serverBaseURL: BASE, busName: BUS });
    });
    await one.settle();
    expect(buses[0]?.channelId).toBeDefined();
    expect(buses[0]?.channelId).toBe(buses[1]?.channelId);
  });

  test("an envelope without a message is reported and holds nothing up", async () => {
    const page = open();
    await page.world.pass(1);
    page.channel.frames.push({ id: "0000000000001", message: { data: "!", sigs: [] } }, frame("0000000000002"));
    await page.world.pass(60);
    expect(page.got).toEqual(["0000000000002"]);
    expect(page.world.reported).toHaveLength(1);
  });
});
