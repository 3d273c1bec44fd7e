import { describe, expect, test } from "vitest";
import { cookieText, valueOf } from "../src/core/cookie";
import { markOf, passFrom, passIn, passText, PASS_COOKIE, readGrant } from "../src/core/token";
import { dice } from "./world";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A text of these letters. */
function text(roll: (sides: number) => number, length: number, letters = LETTERS): string {
  return Array.from({ length }, () => letters[roll(letters.length)]).join("");
}

describe("V2-ANON-1", () => {
  const body = { token_type: "Bearer", access_token: "t".repeat(20), refresh_token: "r".repeat(20), scope: `bus:b.com channel:${"c".repeat(32)}` };

  test("the channel is what is behind `channel:`, and filters come back in one order", () => {
    const scope = `bus:b.com type:b sticky:true type:a channel:${"c".repeat(32)}`;
    expect(readGrant({ ...body, scope })).toEqual({
      pass: { token: "t".repeat(20), channel: "c".repeat(32), refresh: "r".repeat(20) },
      bus: "b.com",
      filters: "sticky:true type:a type:b",
    });
  });

  test("there may be no refresh token", () => {
    const { refresh_token: _, ...without } = body;
    expect(readGrant(without).pass.refresh).toBe("");
  });

  test.each([
    [{}], [{ scope: 1 }], [{ scope: "bus:b.com" }], [{ scope: `channel:${"c".repeat(32)}` }], [{ access_token: 1 }],
    [{ access_token: "a b".repeat(10) }], [{ refresh_token: "r" }], [{ refresh_token: null }],
  ])("what is none is refused: %j", (change) => {
    const wrong = Object.keys(change).length === 0 ? undefined : { ...body, ...change };
    expect(() => readGrant(wrong)).toThrow(SyntaxError);
  });
});

describe("the cookie", () => {
  test("gives back what was put into it, whatever stands beside it", () => {
    const roll = dice(7);
    for (let n = 0; n < 500; n += 1) {
      const refresh = roll(5) === 0 ? "" : text(roll, 20 + roll(1_005));
      const pass = { token: text(roll, 20 + roll(1_005), `${LETTERS}.~`), channel: text(roll, 32 + roll(97)), refresh };
      const written = cookieText(PASS_COOKIE, passText(pass), "", true).split(";")[0] ?? "";
      expect(written.length).toBeLessThan(4_096);
      const cookies = `x${PASS_COOKIE}=1; ${roll(2) ? "a=b; " : ""}${written}${roll(2) ? "; c=d" : ""}`;
      expect(passIn(cookies)).toEqual(pass);
      expect(passFrom(passText(pass))).toEqual(pass);
    }
  });

  test("with anything else in it is none", () => {
    const roll = dice(8);
    for (let n = 0; n < 2_000; n += 1) {
      const found = passFrom(text(roll, roll(120), `${LETTERS}::::: ;="%\n`));
      if (found) expect([found.token.length >= 20, /^[\w-]{32,128}$/.test(found.channel)]).toEqual([true, true]);
    }
    expect(passIn("")).toBeUndefined();
    expect(passFrom(`${"t".repeat(20)}:${"c".repeat(32)}:${"r".repeat(19)}`)).toBeUndefined();
    expect(passFrom(`${"t".repeat(20)}:new:${"r".repeat(20)}`)).toBeUndefined();
  });

  test("beside it tells buses, filters and channels apart, and none of their names", () => {
    const marks = ["a b c", "a  c", "b  c", "a  d", "a b d"].map((what) => {
      const [bus = "", filters = "", channel = ""] = what.split(" ");
      return markOf(channel, bus, filters);
    });
    expect(new Set(marks).size).toBe(5);
    expect(marks.every((mark) => /^[0-9a-z]{1,7}$/.test(mark))).toBe(true);
    expect(valueOf("a=1; backplane2-bus=x ; b=2", "backplane2-bus")).toBe("x");
  });
});
