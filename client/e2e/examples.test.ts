/** The examples of this repository do what they say. */

import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import type { Frame } from "../src/public";
import { binary, Broker, freshName, message } from "./harness/broker";
import { examplePage, Site } from "./harness/site";
import { launch } from "./harness/visit";

const BUS = "customer.com";
let broker: Broker;
let demo: Broker;
let site: Site;
let browser: Browser;

beforeAll(async () => {
  [broker, demo, site] = await Promise.all([Broker.start([{ name: BUS }]), Broker.start(), Site.start()]);
  // The page of 2010 names its hosts; the rest of the world is out of reach.
  const hosts = [
    `MAP backplane.customer.com ${broker.host}`,
    `MAP www.customer.com 127.0.0.1:${site.port}`,
    "EXCLUDE 127.0.0.1",
  ];
  browser = await launch(`--host-resolver-rules=${hosts.join(",")}`);
});
afterAll(() => Promise.allSettled([browser?.close(), broker?.end(), demo?.end(), site?.end()]));

describe("a page of 2010", () => {
  test("runs unchanged, from its usage example's first line to its last", async () => {
    site.serve("/", examplePage("2010.html"));
    const context = await browser.newContext();
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    const firstRead = page.waitForResponse(/\/channel\/[\w-]{32}$/);
    await page.goto("http://www.customer.com/");
    await page.locator("#channel", { hasText: "/channel/" }).waitFor();
    const channel = await page.locator("#channel").innerText();
    expect(channel).toMatch(/^http:\/\/backplane\.customer\.com\/v1\/bus\/customer\.com\/channel\/[\w-]{32}$/);
    await (await firstRead).finished();
    const posted = channel.replace("http://backplane.customer.com", broker.origin);
    await broker.post(posted, message("type1", "Hello"), message("type4", "there"));
    await page.locator("#messages li", { hasText: "there" }).waitFor();
    expect(await page.locator("#messages li").allInnerTexts()).toEqual(["type1: Hello", "type4: there"]);
    await page.click("#leave");
    // It is still polling: hints outlive subscriptions.
    await page.evaluate(() => {
      globalThis.received = [];
      Backplane.subscribe((message) => void received.push(message));
      Backplane.expectMessagesWithin(60);
    });
    await broker.post(posted, message("type1", "too late"));
    await page.waitForFunction(() => received.length === 1);
    expect(await page.locator("#messages li").count()).toBe(2);
    expect(errors).toEqual([]);
    const [cookie] = await context.cookies("http://www.customer.com/");
    expect(cookie).toMatchObject({ domain: "www.customer.com", path: "/" });
    expect(cookie?.value).toBe(`${BUS}:${channel.slice(channel.lastIndexOf("/") + 1)}`);
  });
});

test("a static page uses the library from the broker's origin", async () => {
  const url = site.serve("/other-origin.html", examplePage("other-origin.html"));
  const page = await browser.newPage();
  await page.goto(`${url}?server=${demo.base}&bus=demo`);
  await page.locator("#state", { hasText: "live" }).waitFor();
  const channel = await page.locator("#channel").innerText();
  expect((await run(publishers[0].command, [channel, "Ann"])).status).toBe(0);
  await page.locator("#messages li", { hasText: "Hello Ann!" }).waitFor();
  await page.close();
});

const examples = fileURLToPath(new URL("../../examples", import.meta.url));
const publishers = [
  { language: "curl", command: join(examples, "publish.sh") },
  { language: "Python", command: join(examples, "publish.py") },
  { language: "Rust", command: join(dirname(binary()), "examples/publish") },
] as const;

interface Ended {
  readonly status: number | string | null | undefined;
  readonly error: string;
}

function run(command: string, parameters: readonly string[], password = "demo"): Promise<Ended> {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], BUS_USER: "demo", BUS_PASSWORD: password };
  return new Promise((resolve) => {
    execFile(command, [...parameters], { env }, (error, _, text) => resolve({ status: error?.code ?? 0, error: text }));
  });
}

describe.each(publishers)("the publisher in $language", ({ command }) => {
  test("posts who signed in, letter for letter", async () => {
    const name = `Zoë "Z" \\ O'Neil 🙂`;
    const channel = demo.channel("demo", freshName());
    expect(await run(command, [channel, name])).toEqual({ status: 0, error: "" });
    const [frame] = (await (await fetch(channel)).json()) as Frame[];
    expect(frame?.message).toEqual({
      source: "http://login.example",
      type: "identity/login",
      payload: {
        context: "http://shop.example/",
        identities: { startIndex: 0, itemsPerPage: 1, totalResults: 1, entry: { id: "1", displayName: name } },
      },
    });
  });

  test("comes back when it is asked to, with the same key", async () => {
    const asked: Array<{ key: string | undefined; authorization: string | undefined; body: string }> = [];
    const answers = [503, 429, 200];
    const busy = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const { "idempotency-key": key, authorization } = request.headers;
        asked.push({ key: String(key), authorization, body });
        response.writeHead(answers[asked.length - 1] ?? 500, { "Retry-After": "0" }).end("[]");
      });
    });
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const { port } = busy.address() as AddressInfo;
    expect(await run(command, [`http://127.0.0.1:${port}/v1/bus/b/channel/c`, "Ann"])).toEqual({ status: 0, error: "" });
    busy.close();
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map((request) => JSON.stringify(request))).size).toBe(1);
    expect(asked[0]?.key).toMatch(/^[\w-]{20,}$/);
    expect(asked[0]?.authorization).toBe(`Basic ${btoa("demo:demo")}`);
  });

  test("says what is wrong, and does not try again", async () => {
    const channel = demo.channel("demo", freshName());
    expect(await run(command, [channel])).toEqual({ status: 2, error: "usage: publish <channel-URL> <name>\n" });
    const refused = await run(command, [channel, "Ann"], "wrong");
    expect(refused.status).toBe(1);
    expect(refused.error).toMatch(/^publish: the server answer(ed|s) 401/);
  });
});
