/** What the broker serves to pages beside messages, seen over HTTP: names, padded answers, the scripts, the demo. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Broker, freshName, message } from "./harness/broker";

const BUS = "customer.com";
let broker: Broker;
let demo: Broker;

beforeAll(async () => {
  [broker, demo] = await Promise.all([Broker.start([{ name: BUS }]), Broker.start()]);
});
afterAll(() => Promise.allSettled([broker?.end(), demo?.end()]));

const fresh = (query = "", bus = BUS) => `${broker.origin}/v1.1/bus/${bus}/channel/new${query}`;

describe("V1-NEW-1", () => {
  test("a name of at least 32 base64url characters, another each time", async () => {
    const names = await Promise.all(Array.from({ length: 50 }, async () => (await fetch(fresh())).json()));
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{32,}$/);
    expect(new Set(names).size).toBe(50);
  });

  test("is JSON that nobody keeps", async () => {
    const { status, headers } = await fetch(fresh());
    expect(status).toBe(200);
    expect(headers.get("Content-Type")).toBe("application/json");
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  });

  test("HEAD says the same without a body", async () => {
    const answer = await fetch(fresh(), { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
    expect(answer.headers.get("Content-Length")).toBe("34");
  });

  test("new is never a channel: no POST, whatever the credentials", async () => {
    const answer = await fetch(fresh(), { method: "POST", body: "[]" });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("Allow")).toBe("GET, HEAD, OPTIONS");
    expect(await answer.json()).toMatchObject({ error: "method_not_allowed" });
  });

  test("needs a bus that exists", async () => {
    const answer = await fetch(fresh("", "none.example"));
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: "unknown_bus" });
  });
});

describe("V1-PAD-1", () => {
  const callbacks = ["f", "Backplane.response", "_$.a1.B", "x".repeat(64)];

  test.each(callbacks)("the body is exactly %s(<json>), as a script", async (callback) => {
    const channel = broker.channel(BUS, freshName());
    await broker.post(channel, message("a", { text: "ä" }), message("b", [1.0, "</script>"]));
    const json = await (await fetch(channel)).text();
    const padded = await fetch(`${channel}?callback=${callback}`);
    expect(padded.status).toBe(200);
    expect(padded.headers.get("Content-Type")).toBe("text/javascript; charset=utf-8");
    expect(padded.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(await padded.text()).toBe(`${callback}(${json});`);
  });

  test("with since, and where there are no messages", async () => {
    const channel = broker.channel(BUS, freshName());
    expect(await (await fetch(`${channel}?callback=f`)).text()).toBe("f([]);");
    await broker.post(channel, message("a"), message("b"));
    const [a] = (await (await fetch(channel)).json()) as Array<{ id: string }>;
    const rest = await (await fetch(`${channel}?since=${a?.id}`)).text();
    expect(await (await fetch(`${channel}?since=${a?.id}&callback=f`)).text()).toBe(`f(${rest});`);
  });

  test("U+2028 and U+2029, which old browsers take for ends of lines, are escaped", async () => {
    const channel = broker.channel(BUS, freshName());
    await broker.post(channel, message("a", "\u2028\u2029"));
    const text = await (await fetch(`${channel}?callback=f`)).text();
    expect(text).toContain('"\\u2028\\u2029"');
    expect(text).not.toMatch(/[\u2028\u2029]/);
  });

  test("new names, padded", async () => {
    const answer = await fetch(fresh("?callback=Backplane.named"));
    expect(answer.headers.get("Content-Type")).toBe("text/javascript; charset=utf-8");
    expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(await answer.text()).toMatch(/^Backplane\.named\("[\w-]{32,}"\);$/);
  });

  const bad = ["", "1a", "a..b", ".a", "a.", "a-b", "a b", "alert(1)//", "<script>", "ä", "a;b", "a\nb", "x".repeat(65)];

  test.each(bad)("the callback %j is refused and not echoed", async (callback) => {
    for (const url of [`${broker.channel(BUS, "c")}?callback=`, fresh("?callback=")]) {
      const answer = await fetch(url + encodeURIComponent(callback));
      expect(answer.status).toBe(400);
      expect(answer.headers.get("Content-Type")).toMatch(/^application\/json/);
      const body = await answer.text();
      expect(JSON.parse(body)).toMatchObject({ error: "invalid_request" });
      // One letter alone may well be in the text of an error.
      if (callback.length > 3) expect(body).not.toContain(callback);
    }
  });
});

describe("the library's scripts", () => {
  const scripts = [
    ["/v1/backplane.js", "backplane.js"],
    ["/backplane.mjs", "backplane.mjs"],
  ] as const;

  test.each(scripts)("%s: what was built, for every origin, kept for an hour", async (path, file) => {
    const answer = await fetch(broker.origin + path, { headers: { Origin: "https://www.customer.com" } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(readFileSync(new URL(`../dist/${file}`, import.meta.url), "utf8"));
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=3600",
      "access-control-allow-origin": "*",
      "cross-origin-resource-policy": "cross-origin",
      "x-content-type-options": "nosniff",
    });
  });

  test.each(scripts)("%s is not sent again to who has it", async (path) => {
    const url = broker.origin + path;
    const tag = (await fetch(url)).headers.get("ETag") ?? "";
    expect(tag).toMatch(/^"[\w-]{43}"$/);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const answer = await fetch(url, { headers: { "If-None-Match": known } });
      expect([answer.status, await answer.text()]).toEqual([304, ""]);
      expect(answer.headers.get("ETag")).toBe(tag);
      expect(answer.headers.get("Cache-Control")).toBe("public, max-age=3600");
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*");
    }
    expect((await fetch(url, { headers: { "If-None-Match": '"other"' } })).status).toBe(200);
  });

  test.each(scripts)("%s is packed for who takes it", async (path) => {
    const ask = (coding: string) => fetch(broker.origin + path, { headers: { "Accept-Encoding": coding } });
    const [packed, plain] = [await ask("gzip"), await ask("identity")];
    expect(packed.headers.get("Content-Encoding")).toBe("gzip");
    expect(plain.headers.get("Content-Encoding")).toBeNull();
    expect(packed.headers.get("ETag")).not.toBe(plain.headers.get("ETag"));
    expect(await packed.text()).toBe(await plain.text());
  });

  test.each(scripts)("%s: HEAD", async (path, file) => {
    const headers = { "Accept-Encoding": "identity" };
    const answer = await fetch(broker.origin + path, { method: "HEAD", headers });
    const { length } = readFileSync(new URL(`../dist/${file}`, import.meta.url));
    expect([answer.status, answer.headers.get("Content-Length")]).toEqual([200, String(length)]);
  });
});

describe("the demonstration's page", () => {
  const paths = ["/", ...["style.css", "page.js", "way.js", "widgets.js", "wire.js"].map((name) => `/demo/${name}`)];

  test.each(paths)("%s is there without a configuration, and only then", async (path) => {
    expect((await fetch(demo.origin + path)).status).toBe(200);
    expect((await fetch(broker.origin + path)).status).toBe(404);
  });

  test.each([
    ["sign-in", { channel: "c", name: "Ann" }],
    ["comment", { channel: "c", name: "Ann", text: "Lovely shop!" }],
  ])("a %s is posted where it is, and nowhere else", async (path, form) => {
    const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(form) };
    const answer = await fetch(`${demo.origin}/demo/${path}`, request);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Server-Timing")).toMatch(/^broker;dur=\d+\.\d{3}$/);
    const { id } = (await answer.json()) as { id: string };
    const frames = (await (await fetch(demo.channel("demo", "c"))).json()) as ReadonlyArray<{ id: string }>;
    expect(frames.at(-1)?.id).toBe(id);
    expect((await fetch(`${broker.origin}/demo/${path}`, request)).status).toBe(404);
  });

  const json = "application/json";

  test.each([
    ["not as JSON", "text/plain", { channel: "c", name: "Ann" }, 415, "unsupported_media_type"],
    ["without a name", json, { channel: "c" }, 400, "invalid_request"],
    ["with an empty name", json, { channel: "c", name: " " }, 400, "invalid_request"],
    ["with a long name", json, { channel: "c", name: "x".repeat(41) }, 400, "invalid_request"],
    ["with a huge name", json, { channel: "c", name: "x".repeat(2_000) }, 413, "body_too_large"],
    ["to no channel", json, { channel: "not good", name: "Ann" }, 400, "invalid_channel_name"],
  ])("refuses a sign-in %s", async (_, type, form, status, error) => {
    const request = { method: "POST", headers: { "Content-Type": type }, body: JSON.stringify(form) };
    const answer = await fetch(`${demo.origin}/demo/sign-in`, request);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error });
  });

  test.each([
    ["without a text", { channel: "c", name: "Ann" }],
    ["with a long text", { channel: "c", name: "Ann", text: "x".repeat(141) }],
    ["of nobody", { channel: "c", name: "", text: "x" }],
  ])("refuses a comment %s", async (_, form) => {
    const request = { method: "POST", headers: { "Content-Type": json }, body: JSON.stringify(form) };
    const answer = await fetch(`${demo.origin}/demo/comment`, request);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: "invalid_request" }]);
  });

  test("runs only its own scripts", async () => {
    const policy = (await fetch(`${demo.origin}/`)).headers.get("Content-Security-Policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'");
  });
});
