import { describe, expect, test } from "vitest";
import { nextFrom, type Next } from "../src/core/answer";
import { Course } from "../src/core/course";
import { Reader } from "../src/core/reader";
import { frame } from "./world";

const points = (...names: readonly string[]): Map<string, Next> => new Map(names.map((name) => [name, nextFrom("1.E")]));
const resume = (cursor: string, channels: readonly string[] = []) =>
  ({ kind: "resume", resume: channels.length > 0 ? "gap" : "complete", cursor, channels, heartbeat: undefined }) as const;
const pushed = (id: string, prev: string, channel: string) =>
  ({ kind: "frame", frame: { ...frame(id), channel_name: channel }, prev }) as const;

describe("one channel", () => {
  test("is asked for at its own resource, and goes on from what was pushed", () => {
    const course = new Course();
    expect(course.begin(points("a"))).toBe("/channel/a?since=1&epoch=E");
    course.told(resume("1.F"), "1.F");
    const { segments } = course.told(pushed("3", "1", "a"), "3.F");
    expect(segments).toMatchObject([{ kind: "frame", from: { since: "1", epoch: "F" }, to: { since: "3", epoch: "F" } }]);
    // A page that lags behind does not take the others back.
    expect(course.begin(points("a"))).toBe("/channel/a?since=3&epoch=F");
    course.told({ kind: "cursor", cursor: "9.F" }, "9.F");
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
    expect(course.told(resume("6.E.long2", ["b"]), "6.E.short3").check).toEqual(["c", "b"]);
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
    expect(() => course.told(pushed("2", "1", "x"), "s")).toThrow(SyntaxError);
  });
});

describe("a reader", () => {
  const segment = (from: string, to: string) =>
    ({ kind: "frame", channel: "a", from: nextFrom(`${from}.E`), to: nextFrom(`${to}.E`), frames: [frame(to)] }) as const;
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
    expect(ids(reader.take(segment("3", "4")))).toEqual([]);
    expect([reader.wanting, reader.ask()]).toEqual([true, "?since=1&epoch=E"]);
    expect(ids(reader.take(segment("4", "6")))).toEqual([]);
    const news = reader.answered({ frames: [frame("3"), frame("4")], next: nextFrom("4.E"), resume: "complete" });
    expect([ids(news.frames), ids(news.later), news.mended]).toEqual([["3", "4"], ["6"], true]);
    expect(reader.wanting).toBe(false);
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
