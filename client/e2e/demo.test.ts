/** The demonstration, as somebody meets it who has just typed `cargo run`. */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { Broker } from "./harness/broker";
import { launch } from "./harness/visit";

/** Where pictures of the page go, to be looked at. */
const PICTURES = process.env["BACKPLANE_PICTURES"] ?? join(tmpdir(), "backplane-pictures");
let broker: Broker;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  [broker, browser] = await Promise.all([Broker.start(), launch()]);
});
afterAll(() => Promise.allSettled([browser?.close(), broker?.end()]));

/** The page, once its first read is over. */
async function visit(options: BrowserContextOptions = {}): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await open(page);
  return { context, page };
}

async function open(page: Page): Promise<void> {
  const firstRead = page.waitForResponse((answer) => /\/channel\/[\w-]{32}$/.test(answer.url()));
  await page.goto(broker.origin);
  await (await firstRead).finished();
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.fill("#name", name);
  await page.click("#sign-in button");
  await greeted(page, name);
}

async function greeted(page: Page, name: string): Promise<void> {
  for (const widget of ["#comments", "#shares"]) {
    await page.locator(`${widget} .greeting`, { hasText: name }).waitFor();
  }
}

/** Everything that went wrong on a page. */
function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  return errors;
}

test("both widgets greet who signs in, and still do after a reload", async () => {
  const { page } = await visit();
  const errors = watchErrors(page);
  await signIn(page, "Grace");
  await open(page);
  await greeted(page, "Grace");
  expect(errors).toEqual([]);
});

test("a name is text, whatever it looks like", async () => {
  const { page } = await visit();
  await signIn(page, "<b>Bob</b> & \"Co\"");
  expect(await page.locator("b").count()).toBe(0);
});

test("the channel's frames are shown as any reader gets them", async () => {
  const { page } = await visit();
  await page.locator("#no-frames").waitFor();
  await signIn(page, "Ada");
  await page.locator("#frames li").waitFor();
  expect(await page.locator("#frames li strong").innerText()).toBe("identity/login");
  expect(await page.locator("#frames li pre").innerText()).toContain('"displayName": "Ada"');
});

test("the command that the page shows posts to this very channel", async () => {
  const { page } = await visit();
  const command = await page.locator("#command").innerText();
  expect(command).toContain(await page.locator("#channel").innerText());
  await page.click("#expect");
  execFileSync("sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"] });
  await page.locator("#frames li", { hasText: "Hello from a terminal" }).waitFor();
});

test("the commands of the greeting in the terminal work as they are", async () => {
  const commands = broker.greeting.split("\n\n").filter((part) => part.trimStart().startsWith("curl"));
  expect(commands).toHaveLength(3);
  expect(broker.greeting).toContain(`Open ${broker.origin}/ in a browser`);
  const outputs = commands.map((command) => execFileSync("sh", ["-c", command], { encoding: "utf8", stdio: "pipe" }));
  expect(outputs[1]).toContain("identity/login");
  expect(outputs[2]).toContain("identity/login");
});

const looks: ReadonlyArray<readonly [string, BrowserContextOptions]> = [
  ["desktop", { viewport: { width: 1200, height: 900 } }],
  ["desktop-dark", { viewport: { width: 1200, height: 900 }, colorScheme: "dark" }],
  ["phone", { viewport: { width: 375, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
  ["phone-dark", { viewport: { width: 375, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: "dark" }],
  ["small-phone", { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true }],
];

test.each(looks)("fits: %s", async (name, options) => {
  const { page } = await visit(options);
  await signIn(page, "Ann");
  await page.locator("#frames li").waitFor();
  // The first read; what is pushed is no poll.
  await expect.poll(() => page.locator("#curve line.poll").count()).toBeGreaterThan(0);
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide).toBe(0);
  // Large enough for a finger.
  for (const box of await Promise.all((await page.locator("button").all()).map((button) => button.boundingBox()))) {
    expect(box?.height ?? 0).toBeGreaterThanOrEqual(options.hasTouch ? 44 : 24);
  }
});
