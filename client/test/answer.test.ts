import { describe, expect, test } from "vitest";
import { readAnswer } from "../src/core/answer";
import { frame } from "./world";

const headers = (values: Record<string, string>) => (name: string) => values[name] ?? null;

describe("answers", () => {
  test("the position comes from the link with rel next", () => {
    for (const [link, next] of [
      ['<https://x/v1/bus/b/channel/c?since=00a>; rel="next"', "00a"],
      ["<?since=00a>; rel=next", "00a"],
      ['<?a=b&since=0%2B0&c=d>; title="x"; rel="next"', "0+0"],
      ['<?since=1>; rel="prev", <?since=2>; rel="next"', "2"],
      ['<?since=1>; rel="prev"', undefined],
      ["", undefined],
    ] as const) {
      expect(readAnswer([], headers({ Link: link })).next?.since, link).toBe(next);
    }
  });

  test("the epoch comes from the same link, if it has one", () => {
    for (const [link, epoch] of [
      ['<https://x/c?since=00a&epoch=E-1>; rel="next"', "E-1"],
      ["<?epoch=E%261&since=00a>; rel=next", "E&1"],
      ['<?since=1&epoch=a>; rel="prev", <?since=2>; rel="next"', undefined],
      ['<?since=00a&other=E>; rel="next"', undefined],
    ] as const) {
      expect(readAnswer([], headers({ Link: link })).next?.epoch, link).toBe(epoch);
    }
  });

  test("only the words of Backplane-Resume count", () => {
    for (const word of ["complete", "gap", "reset"]) {
      expect(readAnswer([], headers({ "Backplane-Resume": word })).resume).toBe(word);
    }
    expect(readAnswer([], headers({ "Backplane-Resume": "other" })).resume).toBeUndefined();
    expect(readAnswer([], () => null)).toEqual({ frames: [], next: undefined, resume: undefined });
  });

  test("what is no frame is passed over, and what is no list is an error", () => {
    const list = [frame("1"), null, 5, {}, { id: 1, message: {} }, { id: "2" }, { id: "3", message: [] }, frame("4")];
    expect(readAnswer(list, () => null).frames.map(({ id }) => id)).toEqual(["1", "4"]);
    for (const body of [null, {}, "[]", undefined]) expect(() => readAnswer(body, () => null)).toThrow(/list of frames/);
  });
});
