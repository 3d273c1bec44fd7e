import { describe, expect, test } from "vitest";
import { backoff, retryAfter, SOONEST } from "../src/core/backoff";
import { Schedule } from "../src/engine/schedule";

describe("back-off", () => {
  test("draws from a range that doubles up to two minutes, with full jitter", () => {
    const most = [1, 2, 3, 4, 5, 6, 7, 8, 50].map((failures) => backoff(failures, 1));
    expect(most).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000]);
    for (let failures = 1; failures < 10; failures += 1) {
      expect(backoff(failures, 0)).toBe(SOONEST);
      expect(backoff(failures, 0.5)).toBe((SOONEST + backoff(failures, 1)) / 2);
    }
  });

  test("Retry-After is seconds or a date, never negative, at most a day", () => {
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfter("120", now)).toBe(120_000);
    expect(retryAfter(" 0 ", now)).toBe(0);
    expect(retryAfter("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30_000);
    expect(retryAfter("Thu, 01 Jan 2015 00:00:30 GMT", now)).toBe(0);
    expect(retryAfter("99999999999999999999", now)).toBe(86_400_000);
    for (const none of [null, "", "soon"]) expect(retryAfter(none, now), String(none)).toBeUndefined();
  });

  test("a schedule obeys Retry-After before everything else", () => {
    const schedule = new Schedule();
    schedule.failed(0, 0, 30_000);
    expect(schedule.due(0, false)).toBe(30_000);
    schedule.restart();
    expect(schedule.due(0, false)).toBe(30_000);
    schedule.failed(29_000, 1, undefined);
    expect(schedule.due(0, false)).toBe(31_000);
    schedule.succeeded(31_000);
    expect(schedule.due(Infinity, false)).toBe(91_000);
  });
});
