import { describe, expect, test } from "vitest";
import { FAST, HIDDEN, pollInterval, RETURN, SLOW } from "../src/core/curve";

describe("JS-7 the polling curve", () => {
  test("is fast while something is expected and slow when nothing ever was", () => {
    expect(pollInterval(0, false)).toBe(FAST);
    expect(pollInterval(Infinity, false)).toBe(SLOW);
    expect([FAST, SLOW]).toEqual([1_000, 60_000]);
  });

  test("goes back gradually: never in steps of more than a half, and never faster again", () => {
    let calm = 0;
    const waits = [pollInterval(0, false)];
    while (calm < RETURN) {
      calm += waits[waits.length - 1] ?? 0;
      waits.push(pollInterval(calm, false));
    }
    expect(waits.length).toBeGreaterThan(5);
    expect(waits[waits.length - 1]).toBe(SLOW);
    waits.reduce((before, wait) => {
      expect(wait).toBeGreaterThanOrEqual(before);
      expect(wait).toBeLessThanOrEqual(before * 1.5);
      return wait;
    });
  });

  test("is slower on a hidden page at every point", () => {
    for (const calm of [0, 5_000, RETURN, Infinity]) {
      expect(pollInterval(calm, true)).toBe(pollInterval(calm, false) * HIDDEN);
    }
  });
});
