import { describe, expect, test } from "vitest";
import { lastIn, lastWith } from "../src/core/last";

describe("where pages have stopped", () => {
  test("is known for each channel by itself", () => {
    let text = lastWith("", "a", { since: "1", epoch: "E" });
    text = lastWith(text, "b", { since: "2", epoch: undefined });
    text = lastWith(text, "a", { since: "3", epoch: "F" });
    expect(lastIn(text, "a")).toEqual({ since: "3", epoch: "F" });
    expect(lastIn(text, "b")).toMatchObject({ since: "2" });
    expect(lastIn(text, "c")).toBeUndefined();
  });

  test("of the eight that moved last", () => {
    let text = "";
    for (let n = 0; n < 20; n += 1) text = lastWith(text, `c${n}`, { since: String(n), epoch: undefined });
    const known = Array.from({ length: 20 }, (_, n) => lastIn(text, `c${n}`)?.since).filter(Boolean);
    expect(known).toEqual(["12", "13", "14", "15", "16", "17", "18", "19"]);
  });

  test("tells no channel's name, which is a secret", () => {
    const name = "dGhpcyBpcyBhIHNlY3JldCBuYW1lISEh";
    expect(lastWith("", name, { since: "1", epoch: "E" })).not.toContain(name.slice(0, 6));
  });

  test("whatever else is there", () => {
    for (const text of ["", "{", "null", '{"a":1}', "[1,[2],[3,4]]"]) {
      expect(lastIn(text, "a"), text).toBeUndefined();
      expect(lastIn(lastWith(text, "a", { since: "1", epoch: "E" }), "a")).toEqual({ since: "1", epoch: "E" });
    }
  });
});
