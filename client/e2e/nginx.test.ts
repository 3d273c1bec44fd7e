/** Before the broker stands Debian's nginx, which keeps what it is answered unless it is told otherwise. */

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { freshName, message } from "./harness/broker";
import { Nginx } from "./harness/nginx";
import { length, live, Numbers, said, script, via } from "./harness/pushed";
import { testPage } from "./harness/visit";
import { BUS, world } from "./harness/world";

const here = world();
/** As many operators have it. Streams are packed, too, if they are among the types. */
const GZIP = ["gzip on;", "gzip_proxied any;", "gzip_types text/event-stream application/json;"];
/** What the broker says against holding back is not heard. */
const DEAF = "proxy_ignore_headers X-Accel-Buffering;";

let nginx: Nginx;

beforeAll(async () => {
  nginx = await Nginx.before(here.broker.origin);
});
afterAll(() => nginx?.end());

async function subscriber(...settings: readonly string[]): Promise<{ page: Page; load: Numbers; asked: string[] }> {
  await nginx.become(...settings);
  const page = await (await here.visitor()).newPage();
  const asked: string[] = [];
  page.on("request", (request) => {
    const kind = /[?&]block=/.test(request.url()) ? "block" : "read";
    if (request.url().includes("/channel/")) asked.push(request.headers()["accept"] === "text/event-stream" ? "stream" : kind);
  });
  const channelName = freshName();
  await page.goto(here.site.serve("/push", testPage(here.broker, script({ serverBaseURL: nginx.base, channelName }))));
  await live(page);
  return { page, load: new Numbers(here.broker, here.broker.channel(BUS, channelName)), asked };
}

describe("nginx hands on a stream at once", () => {
  test.each([
    ["by its defaults", []],
    ["in HTTP/1.1", ["proxy_http_version 1.1;"]],
    ["also packed", GZIP],
    ["also where it gathers answers, for it lets go of whole chunks", [DEAF]],
  ] as const)("%s", async (_what, settings) => {
    const { page, load, asked } = await subscriber(...settings);
    await via(page, "stream");
    for (let n = 0; n < 10; n += 1) {
      await load.post(1);
      await load.complete(page);
    }
    expect([asked, await said(page)]).toEqual([["read", "stream"], [[], []]]);
  });
});

describe("nginx holds back a stream that it packs and gathers", () => {
  test("from its head on: long polls, after one try; and a stream again, when the network is another", async () => {
    const { page, load, asked } = await subscriber(DEAF, ...GZIP);
    await load.post(5);
    await expect.poll(() => asked.slice(0, 4)).toEqual(["read", "stream", "read", "block"]);
    await load.post(5);
    await via(page, "block");
    await load.complete(page);
    expect(await said(page)).toEqual([[], []]);

    await nginx.become(...GZIP);
    await load.post(5);
    await load.complete(page);
    await via(page, "block");
    await page.context().setOffline(true);
    await load.post(5);
    await page.context().setOffline(false);
    await via(page, "stream");
    await load.post(5);
    await load.complete(page);
    expect(await page.evaluate(() => gaps)).toEqual([]);
  });

  test("but for what fills its buffers: long polls, too", async () => {
    const { page, load, asked } = await subscriber(DEAF, ...GZIP);
    await expect.poll(() => asked).toEqual(["read", "stream"]);
    // What cannot be packed fills them.
    const large = (n: number) => ({ ...message("n", n), noise: randomBytes(12_000).toString("base64") });
    await here.broker.post(load.channel, ...Array.from({ length: 10 }, (_, n) => large(n)));
    load.posted = 10;
    await via(page, "stream");
    await load.post(1);
    // Well before heartbeats are missed.
    await page.waitForFunction(() => bus.via === "block", undefined, { timeout: 20_000 });
    await load.complete(page);
    expect(await said(page)).toEqual([[], []]);
  });

  test.runIf(length(0, 1))("and a stream comes again by itself, once it is handed on", { timeout: 240_000 }, async () => {
    const { page, load, asked } = await subscriber(DEAF, ...GZIP);
    await expect.poll(() => asked).toContain("block");
    await load.post(5);
    await via(page, "block");
    await nginx.become(...GZIP);
    await load.post(5);
    // It is left alone for up to a minute and a half, and a long poll that is under way comes to its end first.
    await page.waitForFunction(() => bus.via === "stream", undefined, { timeout: 180_000 });
    await load.post(5);
    await load.complete(page);
    expect(await page.evaluate(() => gaps)).toEqual([]);
  });
});
