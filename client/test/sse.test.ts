import { describe, expect, test } from "vitest";
import { readEvent } from "../src/core/fact";
import { EventReader, type ServerEvent } from "../src/core/sse";
import { dice } from "./world";

const read = (...pieces: readonly string[]): ServerEvent[] => {
  const reader = new EventReader();
  return pieces.flatMap((piece) => reader.take(piece));
};

describe("text/event-stream", () => {
  test.each([
    ["data: a\n\n", [["message", "a", ""]]],
    ["data:a\ndata\ndata: b\n\n", [["message", "a\n\nb", ""]]],
    ["data:  two spaces\n\n", [["message", " two spaces", ""]]],
    ["event: x\nid: 7\ndata: a\n\ndata: b\n\n", [["x", "a", "7"], ["message", "b", "7"]]],
    ["id: 7\ndata: a\n\nid\ndata: b\n\n", [["message", "a", "7"], ["message", "b", ""]]],
    ["id: 7\0\ndata: a\n\n", [["message", "a", ""]]],
    [": comment\n:\n\ndata: a\n\n", [["message", "a", ""]]],
    ["event: x\n\ndata: a\n\n", [["message", "a", ""]]],
    ["retry: 5\nother: x\ndata: a:b\n\n", [["message", "a:b", ""]]],
    ["data: not whole\n", []],
  ] as ReadonlyArray<[string, readonly string[][]]>)("%j", (text, events) => {
    for (const end of ["\n", "\r", "\r\n"]) {
      const spelled = text.replace(/\n/g, end);
      expect(read(spelled).map(({ event, data, id }) => [event, data, id])).toEqual(events);
      expect(read(...spelled.split("")).map(({ event, data, id }) => [event, data, id]), `pieces ended by ${JSON.stringify(end)}`).toEqual(events);
    }
  });

  test("it is known whether a piece ends within an event", () => {
    const reader = new EventReader();
    const torn = ["e", "vent: x", "\n", "data: a\n", "\n", ": ", "\n\n", "id: 7", "\n\n", "data: a\n\ndata: b", "\n\n"].map((piece) => {
      reader.take(piece);
      return reader.torn;
    });
    expect(torn).toEqual([true, true, true, true, false, true, false, true, false, true, false]);
  });

  test("in pieces of any size it says the same", () => {
    const text = 'id: 1\r\nevent: backplane\r\ndata: {"a":\r\ndata: 1}\r\n\r\n:\r\n\r\ndata: ä\u2028🙂\rid: 2\r\rdata\n\n';
    for (let seed = 1; seed <= 300; seed += 1) {
      const roll = dice(seed);
      const pieces: string[] = [];
      for (let at = 0; at < text.length; ) {
        const size = roll(5);
        pieces.push(text.slice(at, at + size));
        at += size;
      }
      expect(read(...pieces), `seed ${seed}`).toEqual(read(text));
    }
    expect(read(text)).toHaveLength(3);
  });
});

describe("what events say", () => {
  const said = (event: string, data: object): unknown => readEvent({ event, data: JSON.stringify(data), id: "" });

  test("frames, without what only pushes have", () => {
    const frame = { id: "2", message: { type: "t" }, channel_name: "c" };
    expect(said("message", { ...frame, prev: "1" })).toEqual({ kind: "frame", prev: "1", frame });
  });

  test("facts", () => {
    expect(said("backplane", { resume: "complete", cursor: "1.E" })).toMatchObject({ kind: "resume", resume: "complete", channels: [] });
    const several = { resume: "gap", cursor: "x", channels: { a: "gap", b: "reset" }, heartbeat: 5_000 };
    expect(said("backplane", several)).toMatchObject({ resume: "gap", channels: ["a", "b"], heartbeat: 5_000 });
    expect(said("backplane", { cursor: "1.E" })).toEqual({ kind: "cursor", cursor: "1.E", prev: "" });
    expect(said("backplane", { cursor: "1.E", prev: "0" })).toEqual({ kind: "cursor", cursor: "1.E", prev: "0" });
    expect(said("backplane", { end: "drain", retry: 2_000 })).toEqual({ kind: "end", reason: "drain", retry: 2_000 });
    expect(said("backplane", { end: "closed" })).toEqual({ kind: "end", reason: "closed", retry: undefined });
  });

  test("a word of later servers is none, or not complete", () => {
    expect(said("other", {})).toBeUndefined();
    expect(said("backplane", { news: 1 })).toBeUndefined();
    expect(said("backplane", { resume: "mostly", cursor: "1.E" })).toMatchObject({ resume: "gap" });
  });

  test("what was damaged is an error", () => {
    for (const data of ["{", "[]", "null", '{"id":"1","message":{}}', '{"id":1,"message":{},"prev":"0"}']) {
      expect(() => readEvent({ event: "message", data, id: "" }), data).toThrow(SyntaxError);
    }
  });
});
