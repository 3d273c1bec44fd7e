import { describe, expect, test } from "vitest";
import { filtersOf, LONGEST_SCOPE, scopeFrom } from "../src/core/scope";
import { readPage, withId } from "../src/core/header";
import { KEPT, keptIn, keptText, keptWith, unexpired } from "../src/core/kept";
import type { Header } from "../src/public";
import { dice } from "./world";

const none = (): null => null;

function header(id: string, expire = "2026-06-01T00:00:00Z"): Header {
  return { messageURL: `https://s/v2/message/${id}`, source: "http://s", type: "t", bus: "b", channel: "c", sticky: false, expire };
}

describe("V2-GET-1", () => {
  test("messages become frames, and the next URL a position", () => {
    const page = readPage({ nextURL: "https://s/v2/messages?since=0W7Z000000001&epoch=0T3K000000000", messages: [header("1")], moreMessages: true }, none);
    expect(page).toEqual({
      frames: [{ id: "1", message: header("1") }],
      next: { since: "0W7Z000000001", epoch: "0T3K000000000" },
      resume: undefined,
      more: true,
    });
  });

  test.each([
    ["https://s/v2/messages?since=0W7Z000000001.0T3K000000000", { since: "0W7Z000000001", epoch: "0T3K000000000" }],
    ["https://s/v2/messages?since=2013-03-21T22:37:52.001Z-bhVE4nDhYM", { since: "2013-03-21T22:37:52.001Z-bhVE4nDhYM", epoch: undefined }],
    ["https://s/v2/messages?since=", undefined],
    ["https://s/v2/messages", undefined],
    [1, undefined],
  ])("%s", (nextURL, next) => {
    expect(readPage({ nextURL, messages: [] }, none)).toMatchObject({ next, more: false });
  });

  test("what is no message is passed over, and what is no list refused", () => {
    const messages = [1, null, {}, { messageURL: 1 }, { messageURL: "https://s/v2/message/" }, header("2")];
    expect(readPage({ messages }, none).frames.map(({ id }) => id)).toEqual(["2"]);
    for (const body of [undefined, null, [], "a", {}, { messages: {} }]) expect(() => readPage(body, none)).toThrow(SyntaxError);
  });

  test("what a stream says of a message has its id, too", () => {
    expect(withId({ message: header("3"), prev: "2" })).toMatchObject({ id: "3", prev: "2" });
    expect(withId({ message: header("3"), id: "4" })).toMatchObject({ id: "4" });
    expect(withId({ message: 1 })).toEqual({ message: 1, id: undefined });
  });
});

describe("V2-SCOPE-1", () => {
  test("filters have one order, and are there once, whatever was written", () => {
    const roll = dice(9);
    const all = ["type:identity/login", "type:a:b", "source:http://s", "sticky:true", "messageURL:https://s/v2/message/1"];
    for (let n = 0; n < 300; n += 1) {
      const some = Array.from({ length: roll(8) }, () => all[roll(all.length)] ?? "");
      const spaced = some.join(" ".repeat(1 + roll(3)));
      expect(scopeFrom(` ${spaced} `)).toBe([...new Set(some)].sort().join(" "));
      // A token's scope names its bus and channel as well.
      expect(filtersOf(`bus:b ${spaced} channel:c`)).toBe(scopeFrom(spaced));
    }
  });

  test.each(["bus:b", "channel:c", "type", "type:", ":a", "payload:a", "Type:a", "type:a\tb:c d", null, 1, "a".repeat(LONGEST_SCOPE + 1)])(
    "%j is refused", (scope) => expect(scopeFrom(scope)).toBeUndefined());
});

describe("what is kept of a channel", () => {
  const date = Date.UTC(2026, 0, 1);

  test("is given back for that channel alone", () => {
    const text = keptText("c", [header("1"), header("2", "2025-12-31T23:59:59Z")]);
    expect(keptIn(text, "c", date)).toEqual([header("1")]);
    expect(keptIn(text, "d", date)).toEqual([]);
    for (const other of ["", "x", "{}", "[]", "1", JSON.stringify([1, 2])]) expect(keptIn(other, "c", date)).toEqual([]);
    expect(keptIn(keptText("c", [1, {}, header("1")] as Header[]), "c", date)).toEqual([header("1")]);
  });

  test("is each message once, the latest last, and never more than there is room for", () => {
    const roll = dice(10);
    let headers: Header[] = [];
    const told: string[] = [];
    for (let n = 0; n < 1_000; n += 1) {
      const id = String(roll(300));
      told.push(id);
      headers = keptWith(headers, header(id));
      const latest = [...new Set([...told].reverse())].slice(0, KEPT).reverse();
      expect(headers.map(({ messageURL }) => messageURL.split("/").pop())).toEqual(latest);
    }
  });

  test("ends with its own time; without one it is not kept", () => {
    expect(unexpired([header("1"), header("2", "soon"), header("3", "2026-01-01T00:00:00Z")], date)).toEqual([header("1")]);
  });
});
