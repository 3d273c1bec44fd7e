import { describe, expect, test } from "vitest";
import { Expectations } from "../src/core/expectations";
import { dice } from "./world";

const at = (seconds: number): number => seconds * 1_000;

describe("JS-7 expectations", () => {
  test("nothing expected is infinitely calm", () => {
    expect(new Expectations().calm(0)).toBe(Infinity);
  });

  test("without types it lasts for the whole interval, whatever comes", () => {
    const expectations = new Expectations();
    expectations.expect(0, 10);
    expectations.meet(at(1), "t");
    expect(expectations.calm(at(9.9))).toBe(0);
    expect(expectations.calm(at(12))).toBe(at(2));
  });

  test("an empty list of types is no types", () => {
    const expectations = new Expectations();
    expectations.expect(0, 10, []);
    expectations.meet(at(1), "t");
    expect(expectations.calm(at(9))).toBe(0);
  });

  test("a type may be given as a string", () => {
    const expectations = new Expectations();
    expectations.expect(0, 10, "type1");
    expectations.meet(at(1), "type");
    expect(expectations.calm(at(1))).toBe(0);
    expectations.meet(at(2), "type1");
    expect(expectations.calm(at(3))).toBe(at(1));
  });

  test("within a call any type will do, across calls all must be met (1.0 section 5.4)", () => {
    const expectations = new Expectations();
    expectations.expect(0, 10, ["type1", "type2"]);
    expectations.expect(0, 10, ["type3", "type4"]);
    expectations.meet(at(1), "type2");
    expectations.meet(at(2), "type1");
    expect(expectations.calm(at(2))).toBe(0);
    expectations.meet(at(3), "type3");
    expect(expectations.calm(at(3.5))).toBe(at(0.5));
  });

  test("one message may meet several calls", () => {
    const expectations = new Expectations();
    expectations.expect(0, 10, "a");
    expectations.expect(0, 10, ["a", "b"]);
    expectations.meet(at(1), "a");
    expect(expectations.calm(at(2))).toBe(at(1));
  });

  test("unmet ones end with the longest interval", () => {
    const expectations = new Expectations();
    expectations.expect(0, 10, "a");
    expectations.expect(0, 60, "b");
    expectations.meet(at(20), "b");
    expect(expectations.calm(at(59))).toBe(0);
    expect(expectations.calm(at(61))).toBe(at(1));
    expectations.meet(at(62), "a");
    expect(expectations.calm(at(63))).toBe(at(3));
  });

  test("a call without types holds on beside met types", () => {
    const expectations = new Expectations();
    expectations.expect(0, 30);
    expectations.expect(0, 60, "a");
    expectations.meet(at(5), "a");
    expect(expectations.calm(at(29))).toBe(0);
    expect(expectations.calm(at(31))).toBe(at(1));
  });

  test("the time of what was met does not lengthen what is expected later", () => {
    const expectations = new Expectations();
    expectations.expect(0, 600, "a");
    expectations.meet(at(1), "a");
    expectations.expect(at(2), 10, "b");
    expect(expectations.calm(at(13))).toBe(at(1));
  });

  test("what ran out unmet is forgotten by the next call", () => {
    const expectations = new Expectations();
    expectations.expect(0, 10, "a");
    expectations.expect(at(20), 10, "b");
    expectations.meet(at(21), "b");
    expect(expectations.calm(at(22))).toBe(at(1));
  });

  test("agrees with the rule as told, in random histories", () => {
    interface Call {
      readonly until: number;
      readonly types: readonly string[];
      met: boolean;
    }
    for (let seed = 1; seed <= 500; seed += 1) {
      const roll = dice(seed);
      const expectations = new Expectations();
      let calls: Call[] = [];
      let now = 0;
      const typed = (): Call[] => calls.filter(({ types }) => types.length > 0);
      const latest = (of: readonly Call[]): number => Math.max(-Infinity, ...of.map(({ until }) => until));
      const forget = (): void => {
        if (typed().every(({ met }) => met) || latest(calls) <= now) calls = calls.filter((call) => !typed().includes(call));
      };
      for (let step = 0; step < 30; step += 1) {
        now += at(roll(4));
        forget();
        const type = "abc".charAt(roll(3));
        if (roll(2) === 0) {
          const types = roll(3) === 0 ? [] : ["abc".charAt(roll(3)), type];
          const seconds = 1 + roll(10);
          expectations.expect(now, seconds, types);
          calls.push({ until: now + at(seconds), types, met: false });
        } else {
          expectations.meet(now, type);
          for (const call of calls) if (call.types.includes(type)) call.met = true;
        }
        forget();
        const fast = now < latest(typed().length > 0 ? calls : calls.filter(({ types }) => types.length === 0));
        expect(expectations.calm(now + 1) === 0, `seed ${seed}, step ${step}`).toBe(fast);
      }
    }
  });
});
