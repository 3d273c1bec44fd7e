import { describe, expect, test } from "vitest";
import { readAnswer } from "../src/core/answer";
import { Position, REMEMBERED } from "../src/core/position";
import { Channel, dice, frame } from "./world";

const ids = (frames: ReadonlyArray<{ id: string }>): string[] => frames.map(({ id }) => id);

function poll(position: Position, channel: Channel): string[] {
  const since = position.since === undefined ? "" : `?since=${position.since}`;
  const { body, header } = channel.answer(`https://x/c${since}`, new AbortController().signal) as {
    body: unknown;
    header: (name: string) => string | null;
  };
  return ids(position.take(readAnswer(body, header)));
}

describe("RET-4 positions", () => {
  test("a whole-window answer brings nothing twice", () => {
    const position = new Position();
    const frames = [frame("1"), frame("2"), frame("3")];
    expect(ids(position.take({ frames, next: "3", resume: "complete" }))).toEqual(["1", "2", "3"]);
    expect(ids(position.take({ frames: [...frames, frame("4")], next: "4", resume: "complete" }))).toEqual(["4"]);
    expect(ids(position.take({ frames: [frame("2"), frame("5")], next: "5", resume: "gap" }))).toEqual(["5"]);
    expect(position.since).toBe("5");
  });

  test("an empty answer moves the position if the server says where to", () => {
    const position = new Position();
    position.take({ frames: [], next: "7", resume: "complete" });
    expect(position.since).toBe("7");
    position.take({ frames: [], next: "6", resume: "complete" });
    expect(position.since).toBe("7");
    position.take({ frames: [], next: undefined, resume: undefined });
    expect(position.since).toBe("7");
  });

  test("after a reset lower ids are new, unless that very one was seen", () => {
    const position = new Position();
    position.take({ frames: [frame("5"), frame("8")], next: "8", resume: "complete" });
    expect(ids(position.take({ frames: [frame("2"), frame("5"), frame("6")], next: "6", resume: "reset" }))).toEqual([
      "2",
      "6",
    ]);
    expect(position.since).toBe("6");
    expect(ids(position.take({ frames: [frame("7")], next: "7", resume: "complete" }))).toEqual(["7"]);
  });

  test("servers that say nothing may use any ids", () => {
    const position = new Position();
    expect(ids(position.take({ frames: [frame("z"), frame("b")], next: undefined, resume: undefined }))).toEqual([
      "z",
      "b",
    ]);
    expect(position.since).toBe("b");
    const whole = [frame("z"), frame("b"), frame("a")];
    expect(ids(position.take({ frames: whole, next: undefined, resume: undefined }))).toEqual(["a"]);
    expect(position.since).toBe("a");
  });

  test("a server that only says where to go on from is believed, whatever its ids", () => {
    const position = new Position();
    position.take({ frames: [frame("z")], next: "a", resume: undefined });
    expect(position.since).toBe("a");
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
