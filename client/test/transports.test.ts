/** The two ways to ask a server. */

import { describe, expect, test } from "vitest";
import { connectFirst as connectIn } from "../src/faces/connect-first";
import { BackplaneError } from "../src/engine/error";
import { fetchGetter } from "../src/engine/fetch";
import { jsonpGetter } from "../src/engine/jsonp";
import { BASE, BUS, frame, World } from "./world";

const signal = (): AbortSignal => new AbortController().signal;

describe("fetch", () => {
  test("asks without cookies and caches, and hands on body and headers", async () => {
    const asked: Array<[unknown, RequestInit | undefined]> = [];
    const getter = fetchGetter(
      (url, init) => {
        asked.push([url, init]);
        return Promise.resolve(new Response("[1]", { headers: { Link: "x" } }));
      },
      () => 0,
    );
    const answer = await getter.get("https://x", signal());
    expect([answer.body, answer.header("link"), answer.header("none")]).toEqual([[1], "x", null]);
    expect(asked).toMatchObject([["https://x", { credentials: "omit", cache: "no-store" }]]);
  });

  test("a refusal tells status, code, description and when to come back", async () => {
    const body = JSON.stringify({ error: "busy", error_description: "too much to do" });
    const getter = fetchGetter(
      () => Promise.resolve(new Response(body, { status: 503, headers: { "Retry-After": "7" } })),
      () => 0,
    );
    const error = await getter.get("https://x", signal()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BackplaneError);
    expect(error).toMatchObject({
      message: "the server answered 503 (busy): too much to do",
      status: 503,
      code: "busy",
      retryAfter: 7_000,
    });
    const plain = fetchGetter(() => Promise.resolve(new Response("<html>", { status: 404 })), () => 0);
    await expect(plain.get("https://x", signal())).rejects.toThrow("the server answered 404");
  });
});

interface Script {
  src: string;
  async: boolean;
  onload: (() => void) | null;
  onerror: (() => void) | null;
  remove(): void;
}

/** A document that only knows script tags, and the global object they call. */
class Page {
  readonly scripts: Script[] = [];
  readonly callbacks: Record<string, (body: unknown) => void> = {};
  private count = 0;

  readonly getter = jsonpGetter(
    {
      createElement: () => {
        const script: Script = {
          src: "",
          async: false,
          onload: null,
          onerror: null,
          remove: () => void this.scripts.splice(this.scripts.indexOf(script), 1),
        };
        return script as unknown as HTMLScriptElement;
      },
      head: { appendChild: (script) => this.scripts.push(script as unknown as Script) },
    },
    () => ({ name: "Backplane", object: this.callbacks }),
    () => `${"f".repeat(15)}${(this.count += 1)}`,
  );

  /** Runs a script as the server would have padded it, then says that it has loaded. */
  run(script: Script | undefined, body?: unknown): void {
    const name = new URL(script?.src ?? "").searchParams.get("callback")?.split(".")[1] ?? "";
    const { onload } = script ?? {};
    if (body !== undefined) this.callbacks[name]?.(body);
    onload?.();
  }
}

describe("JSONP", () => {
  test("V1-PAD-1 callback names are identifiers with dots, of at most 64 characters", async () => {
    const page = new Page();
    const answer = page.getter.get("https://x/c?since=1", signal());
    const [script] = page.scripts;
    const name = new URL(script?.src ?? "").searchParams.get("callback") ?? "";
    expect(name).toMatch(/^Backplane\.response[\w$]*$/);
    expect(name.length).toBeLessThanOrEqual(64);
    expect(script?.src).toMatch(/^https:\/\/x\/c\?since=1&callback=/);
    page.run(script, [1]);
    const { body, header } = await answer;
    expect([body, header("Link")]).toEqual([[1], null]);
    expect([page.scripts, Object.keys(page.callbacks)]).toEqual([[], []]);
  });

  test("a script that does not load, or brings nothing, is an error and leaves nothing behind", async () => {
    const page = new Page();
    const failing = page.getter.get("https://x", signal());
    page.scripts[0]?.onerror?.();
    await expect(failing).rejects.toThrow("could not be loaded");
    const empty = page.getter.get("https://x", signal());
    page.run(page.scripts[0]);
    await expect(empty).rejects.toThrow("brought no answer");
    expect([page.scripts, Object.keys(page.callbacks)]).toEqual([[], []]);
  });

  test("a script that comes after the request was given up finds a callback and does nothing", async () => {
    const page = new Page();
    const controller = new AbortController();
    const answer = page.getter.get("https://x", controller.signal);
    const [script] = page.scripts;
    controller.abort();
    await expect(answer).rejects.toThrow("given up");
    expect(page.scripts).toEqual([]);
    expect(Object.keys(page.callbacks)).toHaveLength(1);
    page.run(script, [1]);
    expect(Object.keys(page.callbacks)).toEqual([]);
  });

  test("a request that was given up before it began asks nothing", async () => {
    const page = new Page();
    const controller = new AbortController();
    controller.abort();
    await expect(page.getter.get("https://x", controller.signal)).rejects.toThrow("given up");
    expect([page.scripts, Object.keys(page.callbacks)]).toEqual([[], []]);
  });

  test("a whole life by script tags: a new name, the first read, messages once", async () => {
    const page = new Page();
    const world = new World();
    world.jsonp = page.getter;
    const bus = connectIn(world, { serverBaseURL: BASE, busName: BUS, transport: "jsonp" });
    const got: string[] = [];
    bus.onAny((_message, { id }) => got.push(id));
    const step = async (body: unknown): Promise<string> => {
      await world.settle();
      const src = page.scripts[0]?.src ?? "";
      page.run(page.scripts[0], body);
      await world.pass(60);
      return src.replace(/[?&]callback=.*/, "");
    };
    const name = "n".repeat(32);
    expect(await step(name)).toBe(`https://bp.example.com/v1.1/bus/${BUS}/channel/new`);
    const url = `${BASE}/bus/${BUS}/channel/${name}`;
    expect(await step([frame("1")])).toBe(url);
    expect(await step([frame("2")])).toBe(`${url}?since=1`);
    expect(await step([frame("1"), frame("2"), frame("3")])).toBe(`${url}?since=2`);
    expect(got).toEqual(["2", "3"]);
    expect(world.requests).toEqual([]);
    bus.close();
    expect(page.scripts).toEqual([]);
  });
});
