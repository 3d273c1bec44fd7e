import { describe, expect, test } from "vitest";
import { nextFrom, type Next } from "../src/core/answer";
import { Course, type Told } from "../src/core/course";
import { Reader } from "../src/core/reader";
import { frame } from "./world";

const points = (...names: readonly string[]): Map<string, Next> => new Map(names.map((name) => [name, nextFrom("1.E")]));
const resume = (cursor: string, channels: readonly string[] = []) =>
  ({ kind: "resume", resume: channels.length > 0 ? "gap" : "complete", cursor, channels, heartbeat: 15_000 }) as const;
const pushed = (id: string, prev: string, channel: string) =>
  ({ kind: "frame", frame: { ...frame(id), channel_name: channel }, prev }) as const;
const cursor = (text: string, prev = "") => ({ kind: "cursor", cursor: text, prev }) as const;
/** A segment in short: its channel, where from and to, its frames. */
const short = ({ segments }: Told): string[] =>
  segments.map(({ channel, from, to, frames, broken }) => `${channel} ${from.since}-${to.since} ${frames.map(({ id }) => id).join()}${broken ? "!" : ""}`);

describe("one channel", () => {
  test("is asked for at its own resource, and goes on from what was pushed", () => {
    const course = new Course();
    expect(course.begin(points("a"))).toBe("/channel/a?since=1&epoch=E");
    course.told(resume("1.F"), "1.F");
    const { segments } = course.told(pushed("3", "1", "a"), "3.F");
    expect(segments).toMatchObject([{ from: { since: "1", epoch: "F" }, to: { since: "3", epoch: "F" } }]);
    // A page that lags behind does not take the others back.
    expect(course.begin(points("a"))).toBe("/channel/a?since=3&epoch=F");
    course.told(resume("3.F"), "3.F");
    course.told(cursor("9.F"), "9.F");
    expect(course.begin(points("a"))).toBe("/channel/a?since=9&epoch=F");
  });

  test("that is not complete is to be read", () => {
    const course = new Course();
    course.begin(points("a"));
    expect(course.told({ ...resume("5.E"), resume: "gap" }, "5.E")).toEqual({ segments: [], check: ["a"] });
  });

  test("a frame without a channel's name is its own", () => {
    const course = new Course();
    course.begin(points("a"));
    course.told(resume("1.E"), "1.E");
    const { channel_name: _, ...bare } = frame("2");
    expect(course.told({ kind: "frame", frame: bare, prev: "1" }, "2.E").segments).toMatchObject([{ channel: "a" }]);
  });
});

describe("several channels", () => {
  test("all are read first, then the short position goes with the same set", () => {
    const course = new Course();
    expect(course.begin(points("b", "a"))).toBe("/channels?channel=a&channel=b");
    expect(course.told(resume("4.E.long1"), "4.E.short1").check).toEqual(["a", "b"]);
    course.told(pushed("5", "1", "a"), "5.E.short2");
    expect(course.begin(points("a", "b"))).toBe("/channels?since=5.E.short2&channel=a&channel=b");
    expect(course.told(resume("5.E.long2"), "5.E.short2").check).toEqual([]);
  });

  test("with another set the long one goes on, and only what it does not name is read", () => {
    const course = new Course();
    course.begin(points("a", "b"));
    course.told(resume("4.E.long1"), "4.E.short1");
    course.told(pushed("5", "1", "a"), "5.E.short2");
    expect(course.begin(points("a", "b", "c"))).toBe("/channels?since=4.E.long1&channel=a&channel=b&channel=c");
    expect(course.told(resume("6.E.long2", ["b"]), "6.E.short3").check).toEqual(["b", "c"]);
  });

  test("long polls go on from their link", () => {
    const course = new Course();
    course.begin(points("a", "b"));
    const next = { since: "4.E.long1", epoch: undefined };
    const frames = [{ ...frame("4"), channel_name: "b" }];
    const told = course.answered({ frames, next, resume: "complete" });
    expect(told?.check).toEqual(["a", "b"]);
    expect(told?.segments).toEqual([]);
    const more = course.answered({ frames, next: { since: "5.E.long1", epoch: undefined }, resume: "complete" });
    expect(more?.segments).toMatchObject([
      { channel: "a", from: { since: "4", epoch: "E" }, to: { since: "5", epoch: "E" }, frames: [] },
      { channel: "b", to: { since: "5" }, frames: [{ id: "4" }] },
    ]);
    course.answered({ frames: [], next, resume: "complete" });
    expect(course.begin(points("a", "b"))).toBe("/channels?since=4.E.long1&channel=a&channel=b");
    expect(course.answered({ frames: [], next, resume: "gap" })?.check).toEqual(["a", "b"]);
    expect(course.answered({ frames: [], next: undefined, resume: undefined })).toBeUndefined();
  });

  test("a frame of none of them was damaged", () => {
    const course = new Course();
    course.begin(points("a", "b"));
    course.told(resume("1.E.long"), "1.E.short");
    expect(() => course.told(pushed("2", "1", "x"), "2.E.short")).toThrow("another channel");
  });
});

describe("I-10 the chain of a stream", () => {
  /** Its channels stand at 4, and nothing of them is to be read. */
  function begun(...names: readonly string[]): Course {
    const course = new Course();
    course.begin(points(...names));
    course.answered({ frames: [], next: { since: "4.E.long", epoch: undefined }, resume: "complete" });
    course.begin(points(...names));
    expect(course.told(resume("4.E.long"), "4.E.short").check).toEqual([]);
    return course;
  }
  const push = (course: Course, id: string, prev: string, channel: string): Told => course.told(pushed(id, prev, channel), `${id}.E.short`);
  const move = (course: Course, id: string, prev?: string): Told => course.told(cursor(`${id}.E.long`, prev), `${id}.E.short`);

  test("goes on from channel to channel, each from where it was", () => {
    const course = begun("a", "b");
    expect(short(push(course, "5", "2", "a"))).toEqual(["a 4-5 5"]);
    expect(short(push(course, "6", "5", "b"))).toEqual(["b 4-6 6"]);
    expect(short(push(course, "7", "6", "a"))).toEqual(["a 5-7 7"]);
  });

  test("proves a position to all channels, also before the first frame", () => {
    const course = begun("a", "b");
    expect(short(move(course, "5"))).toEqual(["a 4-5 ", "b 4-5 "]);
    push(course, "6", "3", "a");
    expect(short(move(course, "8", "6"))).toEqual(["a 6-8 ", "b 5-8 "]);
    expect(short(push(course, "9", "6", "b"))).toEqual(["b 8-9 9"]);
  });

  test("where it is broken all channels go on behind what is missing", () => {
    const course = begun("a", "b");
    push(course, "5", "4", "a");
    expect(short(push(course, "7", "6", "a"))).toEqual(["a 6-7 7!", "b 6-7 !"]);
    expect(short(push(course, "8", "7", "b"))).toEqual(["b 7-8 8"]);
    expect(short(move(course, "9x", "9"))).toEqual(["a 9-9x !", "b 9-9x !"]);
    expect(short(push(course, "9y", "9", "b"))).toEqual(["b 9x-9y 9y"]);
  });

  test("is broken by a first frame whose predecessor was not seen", () => {
    expect(short(push(begun("a", "b"), "6", "5", "a"))).toEqual(["a 5-6 6!", "b 5-6 !"]);
    expect(short(move(begun("a", "b"), "6", "5"))).toEqual(["a 5-6 !", "b 5-6 !"]);
  });

  test("says nothing new with what comes twice or late", () => {
    const course = begun("a", "b");
    push(course, "5", "4", "a");
    push(course, "7", "6", "b");
    for (const told of [push(course, "7", "6", "b"), push(course, "6", "5", "a"), move(course, "6", "5"), course.told(resume("4.E.long"), "4.E.short")]) {
      expect(told).toEqual({ segments: [], check: [] });
    }
    expect(short(push(course, "8", "7", "a"))).toEqual(["a 7-8 8"]);
  });

  test("begins anew with a gap, before which something of every channel may have been lost", () => {
    const course = begun("a", "b");
    push(course, "5", "4", "a");
    const gap = { ...resume("8.E.long", ["b"]), heartbeat: undefined };
    expect(course.told(gap, "8.E.short")).toEqual({ segments: [], check: ["a", "b"] });
    expect(short(push(course, "9", "6", "a"))).toEqual(["a 8-9 9"]);
    // So it is where what the stream began with was lost.
    course.begin(points("a", "b"));
    expect(course.told(gap, "8.E.short").check).toEqual(["a", "b"]);
  });

  test("a position behind the set's is not taken back", () => {
    const course = begun("a", "b");
    push(course, "5", "4", "a");
    course.begin(points("a", "b", "c"));
    expect(course.told(resume("4.E.long"), "4.E.short").check).toEqual(["c"]);
    expect(course.at.get("a")).toEqual(nextFrom("5.E"));
    expect(short(push(course, "5", "3", "a"))).toEqual(["a 5-5 5"]);
  });

  test("is what no server says without a beginning, with a predecessor of long ago, or with another's position", () => {
    const course = new Course();
    course.begin(points("a"));
    expect(() => push(course, "2", "1", "a")).toThrow("beginning");
    expect(() => move(course, "2")).toThrow("beginning");
    course.told(resume("1.E"), "1.E");
    push(course, "2", "1", "a");
    expect(() => push(course, "3", "1", "a")).toThrow("chain");
    expect(() => move(course, "3")).toThrow("chain");
    expect(() => course.told(pushed("3", "2", "a"), "4.E")).toThrow("id");
    expect(() => course.told(cursor("3.E", "2"), "4.E")).toThrow("id");
  });
});

describe("a reader", () => {
  const segment = (from: string, to: string) =>
    ({ channel: "a", from: nextFrom(`${from}.E`), to: nextFrom(`${to}.E`), frames: [frame(to)] }) as const;
  const opened = (): Reader => {
    const reader = new Reader();
    reader.ask();
    reader.answered({ frames: [], next: nextFrom("1.E"), resume: "complete" });
    return reader;
  };
  const ids = (frames: ReadonlyArray<{ id: string }>): string[] => frames.map(({ id }) => id);

  test("takes what fits, once", () => {
    const reader = opened();
    expect(ids(reader.take(segment("1", "2")))).toEqual(["2"]);
    expect(ids(reader.take(segment("1", "2")))).toEqual([]);
    expect(ids(reader.take(segment("2", "5")))).toEqual(["5"]);
    expect(reader.wanting).toBe(false);
  });

  test("keeps what does not fit until it has been read", () => {
    const reader = opened();
    expect(ids(reader.take({ ...segment("3", "4"), broken: true }))).toEqual([]);
    expect([reader.wanting, reader.ask()]).toEqual([true, "?since=1&epoch=E"]);
    expect(ids(reader.take(segment("4", "6")))).toEqual([]);
    const news = reader.answered({ frames: [frame("3"), frame("4")], next: nextFrom("4.E"), resume: "complete" });
    expect([ids(news.frames), ids(news.later), news.mended]).toEqual([["3", "4"], ["6"], true]);
    expect(reader.wanting).toBe(false);
  });

  test("knows no hole where another channel's was lost, or where the stream has lost nothing", () => {
    for (const [broken, missing] of [[true, []], [false, [frame("3")]]] as const) {
      const reader = opened();
      reader.take({ ...segment("3", "4"), broken });
      reader.ask();
      // A whole window has what was seen before, too.
      const frames = [frame("1"), ...missing, frame("4")];
      expect(reader.answered({ frames, next: nextFrom("4.E"), resume: "complete" }).mended).toBe(false);
    }
  });

  test("holds back what comes after a doubt, so that a gap is told first", () => {
    const reader = opened();
    reader.check();
    expect(ids(reader.take(segment("1", "2")))).toEqual([]);
    reader.ask();
    const news = reader.answered({ frames: [frame("2")], next: nextFrom("2.E"), resume: "gap" });
    expect([ids(news.frames), ids(news.later), news.mended]).toEqual([["2"], [], false]);
  });

  test("what an answer covers and still does not fit is dropped, what came behind is read again", () => {
    const reader = opened();
    reader.take(segment("z", "4"));
    reader.ask();
    reader.take(segment("8", "9"));
    const news = reader.answered({ frames: [frame("4")], next: nextFrom("4.E"), resume: "complete" });
    expect([ids(news.frames), ids(news.later), reader.wanting]).toEqual([["4"], [], true]);
    expect(reader.ask()).toBe("?since=4&epoch=E");
  });

  test("another run of the server that nobody vouched for is read", () => {
    const reader = opened();
    expect(reader.take({ ...segment("0", "2"), from: nextFrom("0.F"), to: nextFrom("2.F") })).toEqual([]);
    expect(reader.wanting).toBe(true);
  });
});
