import { describe, expect, test } from "vitest";
import { readAnswer, type Next } from "../src/core/answer";
import { Position, REMEMBERED } from "../src/core/position";
import { Channel, dice, frame } from "./world";

const ids = (frames: ReadonlyArray<{ id: string }>): string[] => frames.map(({ id }) => id);

const at = (since: string, epoch?: string): Next => ({ since, epoch });

function poll(position: Position, channel: Channel): string[] {
  const { body, header } = channel.answer(`https://x/c${position.query}`, new AbortController().signal) as {
    body: unknown;
    header: (name: string) => string | null;
  };
  return ids(position.take(readAnswer(body, header)));
}

describe("RET-4 positions", () => {
  test("a whole-window answer brings nothing twice", () => {
    const position = new Position();
    const frames = [frame("1"), frame("2"), frame("3")];
    expect(ids(position.take({ frames, next: at("3"), resume: "complete" }))).toEqual(["1", "2", "3"]);
    expect(ids(position.take({ frames: [...frames, frame("4")], next: at("4"), resume: "complete" }))).toEqual(["4"]);
    expect(ids(position.take({ frames: [frame("2"), frame("5")], next: at("5"), resume: "gap" }))).toEqual(["5"]);
    expect(position.next?.since).toBe("5");
  });

  test("an empty answer moves the position if the server says where to", () => {
    const position = new Position();
    position.take({ frames: [], next: at("7"), resume: "complete" });
    expect(position.next?.since).toBe("7");
    position.take({ frames: [], next: at("6"), resume: "complete" });
    expect(position.next?.since).toBe("7");
    position.take({ frames: [], next: undefined, resume: undefined });
    expect(position.next?.since).toBe("7");
  });

  test("after a reset lower ids are new, unless that very one was seen", () => {
    const position = new Position();
    position.take({ frames: [frame("5"), frame("8")], next: at("8"), resume: "complete" });
    expect(ids(position.take({ frames: [frame("2"), frame("5"), frame("6")], next: at("6"), resume: "reset" }))).toEqual([
      "2",
      "6",
    ]);
    expect(position.next?.since).toBe("6");
    expect(ids(position.take({ frames: [frame("7")], next: at("7"), resume: "complete" }))).toEqual(["7"]);
  });

  test("servers that say nothing may use any ids", () => {
    const position = new Position();
    expect(ids(position.take({ frames: [frame("z"), frame("b")], next: undefined, resume: undefined }))).toEqual([
      "z",
      "b",
    ]);
    expect(position.next?.since).toBe("b");
    const whole = [frame("z"), frame("b"), frame("a")];
    expect(ids(position.take({ frames: whole, next: undefined, resume: undefined }))).toEqual(["a"]);
    expect(position.next?.since).toBe("a");
  });

  test("a server that only says where to go on from is believed, whatever its ids", () => {
    const position = new Position();
    position.take({ frames: [frame("z")], next: at("a"), resume: undefined });
    expect(position.next?.since).toBe("a");
  });

  test("what is asked for is what the link said", () => {
    const position = new Position();
    expect(position.query).toBe("");
    position.take({ frames: [frame("1")], next: at("1", "E/1"), resume: "complete" });
    expect(position.query).toBe("?since=1&epoch=E%2F1");
    // Without headers, as with JSONP, there are ids alone.
    position.take({ frames: [frame("2")], next: undefined, resume: undefined });
    expect(position.query).toBe("?since=2");
  });

  test("in another epoch lower ids are new, unless that very one was seen", () => {
    const position = new Position();
    position.take({ frames: [frame("5"), frame("8")], next: at("8", "A"), resume: "complete" });
    const other = { frames: [frame("2"), frame("5"), frame("6")], next: at("6", "B"), resume: "gap" } as const;
    expect(ids(position.take(other))).toEqual(["2", "6"]);
    expect(position.query).toBe("?since=6&epoch=B");
    // From there on ids rise again.
    expect(ids(position.take({ frames: [frame("6"), frame("7")], next: at("7", "B"), resume: "gap" }))).toEqual(["7"]);
    expect(ids(position.take({ frames: [frame("3")], next: at("7", "B"), resume: "gap" }))).toEqual([]);
  });

  test("an empty answer of another epoch moves the position down", () => {
    const position = new Position();
    position.take({ frames: [frame("8")], next: at("8", "A"), resume: "complete" });
    position.take({ frames: [], next: at("3", "B"), resume: "gap" });
    expect(position.query).toBe("?since=3&epoch=B");
    expect(ids(position.take({ frames: [frame("4")], next: at("4", "B"), resume: "complete" }))).toEqual(["4"]);
  });

  test("a server that begins to name its epoch, or no longer does, may be another one", () => {
    for (const [before, after] of [
      [undefined, "A"],
      ["A", undefined],
    ]) {
      const position = new Position();
      position.take({ frames: [frame("5")], next: at("5", before), resume: "complete" });
      const answer = { frames: [frame("4"), frame("5")], next: at("5", after), resume: "gap" } as const;
      expect(ids(position.take(answer))).toEqual(["4"]);
    }
  });

  test("what is remembered is bounded", () => {
    const position = new Position();
    const take = (from: number, count: number): number => {
      const frames = Array.from({ length: count }, (_, n) => frame(`id${from + n}`));
      return position.take({ frames, next: undefined, resume: undefined }).length;
    };
    expect(take(0, 10)).toBe(10);
    expect(take(10, REMEMBERED)).toBe(REMEMBERED);
    expect(take(9, 2)).toBe(1);
    // A window beyond the bound is remembered whole, else each poll would bring it again.
    expect(take(0, REMEMBERED + 50)).toBeGreaterThan(0);
    expect(take(0, REMEMBERED + 50)).toBe(0);
  });

  test.each([true, false])("each message once and in order, in random histories (headers: %s)", (headers) => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const roll = dice(seed);
      const channel = new Channel();
      channel.headers = headers;
      channel.capacity = 1 + roll(6);
      const position = new Position();
      const posted: string[] = [];
      const got = poll(position, channel);
      let kept = 0;
      for (let step = 0; step < 60; step += 1) {
        const action = roll(4);
        if (action < 2) posted.push(channel.post().id);
        else if (action === 2) channel.expire();
        else {
          // What is in the window now and was not read is not lost.
          const before = got.length;
          const last = got[before - 1] ?? "";
          kept += channel.frames.filter(({ id }) => id > last).length;
          got.push(...poll(position, channel));
          expect(got.length, `seed ${seed}`).toBe(kept);
        }
      }
      expect([...got].sort(), `seed ${seed}`).toEqual(got);
      expect(new Set(got).size).toBe(got.length);
      expect(got.every((id) => posted.includes(id))).toBe(true);
    }
  });

  test("nothing is lost or twice when the epoch changes, whatever the ids", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const roll = dice(seed);
      const channel = new Channel();
      channel.epoch = "0";
      channel.restart(10);
      const position = new Position();
      poll(position, channel);
      const got: string[] = [];
      const posted: string[] = [];
      for (let round = 1; round < 6; round += 1) {
        for (let n = roll(4); n > 0; n -= 1) posted.push(channel.post().id);
        got.push(...poll(position, channel));
        // What was read stays in the window over a power loss or is gone; new ids never repeat old ones here.
        channel.epoch = String(round);
        if (roll(2) === 0) channel.restart(1_000 - 100 * round + roll(50));
      }
      expect(got, `seed ${seed}`).toEqual(posted);
    }
  });

  test.each([true, false])("nothing is lost when a server starts again with lower ids (headers: %s)", (headers) => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const roll = dice(seed);
      const channel = new Channel();
      channel.headers = headers;
      const position = new Position();
      poll(position, channel);
      channel.restart(1_000);
      const got: string[] = [];
      const posted: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        for (let n = roll(5) + 1; n > 0; n -= 1) posted.push(channel.post().id);
        got.push(...poll(position, channel));
        // Each run begins below the one before, and far enough not to reach it.
        channel.restart(900 - round * 100 - roll(50));
        if (roll(2) === 0) got.push(...poll(position, channel));
      }
      expect(got, `seed ${seed}`).toEqual(posted);
    }
  });
});
