import { describe, expect, test } from "vitest";
import { HOLD, HOLD_MAX, Ladder } from "../src/core/ladder";
import { FACT_WITHIN, HEAD_WITHIN, HEARTBEAT, Pulse } from "../src/core/pulse";

describe("which way to be pushed", () => {
  test("a stream, then long polls, then none; each is tried again after a while", () => {
    const ladder = new Ladder(true);
    expect(ladder.choose(0)).toBe("stream");
    ladder.bad("stream", 0, 0);
    expect(ladder.choose(0)).toBe("block");
    ladder.bad("block", 1_000, 0);
    expect([ladder.choose(1_000), ladder.again]).toEqual([undefined, HOLD]);
    expect(ladder.choose(HOLD)).toBe("stream");
  });

  test("the while doubles up to an hour, and begins anew once it has worked", () => {
    const ladder = new Ladder(true);
    const holds: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      ladder.bad("stream", 0, 0);
      ladder.bad("block", 0, 0, 1e9);
      holds.push(ladder.again);
    }
    expect(holds).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((times) => times * HOLD));
    expect(HOLD_MAX).toBe(60 * HOLD);
    ladder.proved("stream");
    ladder.bad("stream", 0, 1);
    expect(ladder.again).toBe(1.5 * HOLD);
  });

  test("a server's Retry-After is the least", () => {
    const ladder = new Ladder(true);
    ladder.bad("stream", 0, 0, 10 * HOLD);
    ladder.bad("block", 0, 0, 20 * HOLD);
    expect(ladder.again).toBe(10 * HOLD);
  });

  test("one failure is nobody's fault, two are, unless polls fail too", () => {
    const ladder = new Ladder(true);
    ladder.strike("stream", 0, 0);
    expect(ladder.choose(0)).toBe("stream");
    ladder.strike("stream", 0, 0);
    expect(ladder.choose(0)).toBe("block");
    ladder.excuse();
    expect(ladder.choose(0)).toBe("stream");
    ladder.strike("stream", 0, 0);
    ladder.excuse();
    ladder.strike("stream", 0, 0);
    expect(ladder.choose(0)).toBe("stream");
    ladder.bad("stream", 0, 0);
    ladder.excuse();
    expect(ladder.choose(0)).toBe("block");
    ladder.forget();
    expect(ladder.choose(0)).toBe("stream");
    ladder.strike("stream", 0, 0, 2);
    expect(ladder.choose(0)).toBe("block");
    ladder.excuse();
    expect(ladder.choose(0)).toBe("stream");
  });

  test("without streams in the browser there are long polls", () => {
    const ladder = new Ladder(false);
    ladder.forget();
    expect(ladder.choose(1e12)).toBe("block");
  });
});

describe("whether a stream is alive", () => {
  test("a head, then a fact, then heartbeats, each in time", () => {
    const pulse = new Pulse(0);
    expect([pulse.due, pulse.verdict(pulse.due)]).toEqual([HEAD_WITHIN, "unanswered"]);
    pulse.headed(1_000);
    pulse.beat(2_000);
    expect([pulse.due, pulse.verdict(pulse.due)]).toEqual([1_000 + FACT_WITHIN, "buffered"]);
    pulse.told(2_000, undefined);
    pulse.beat(2_010);
    expect([pulse.due, pulse.verdict(pulse.due)]).toEqual([2_010 + 2 * HEARTBEAT, "buffered"]);
    pulse.beat(2_000 + HEARTBEAT);
    expect([pulse.due, pulse.verdict(pulse.due)]).toEqual([2_000 + 3 * HEARTBEAT, "dead"]);
  });

  test("the server may say how often", () => {
    const pulse = new Pulse(0);
    pulse.headed(0);
    pulse.told(0, 40_000);
    expect(pulse.due).toBe(80_000);
  });

  test("the rest of an event comes at once, unless it is kept; what has been alive has time", () => {
    const pulse = new Pulse(0);
    pulse.headed(0);
    pulse.told(0, undefined);
    pulse.beat(2_000, true);
    expect([pulse.due, pulse.verdict(pulse.due)]).toEqual([2_000 + FACT_WITHIN, "buffered"]);
    pulse.beat(3_000);
    pulse.beat(4_000, true);
    expect([pulse.due, pulse.verdict(pulse.due)]).toEqual([4_000 + 2 * HEARTBEAT, "dead"]);
  });

  test("who slept over it blames no proxy", () => {
    const pulse = new Pulse(0);
    pulse.headed(0);
    pulse.told(0, undefined);
    expect(pulse.verdict(pulse.due + 60_000)).toBe("dead");
  });
});
