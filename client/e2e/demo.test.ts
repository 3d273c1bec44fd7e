/** The demonstration, as somebody meets it who has just typed `cargo run`. */

import { execFileSync, spawnSync } from "node:child_process";
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

/** The page, once messages are pushed to it. */
async function visit(options: BrowserContextOptions = {}): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await open(page);
  return { context, page };
}

async function open(page: Page): Promise<void> {
  await page.goto(broker.origin);
  await pushed(page);
}

async function pushed(page: Page): Promise<void> {
  await page.locator("#push.open", { hasText: "stream" }).waitFor();
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.fill("#name", name);
  await page.click("#sign-in form button");
  await greeted(page, name);
}

async function greeted(page: Page, name: string): Promise<void> {
  for (const widget of ["#comments", "#shares"]) {
    await page.locator(`${widget} .greeting`, { hasText: name }).waitFor();
  }
  await page.locator("#sign-in .user", { hasText: name }).waitFor();
}

async function nobody(page: Page): Promise<void> {
  await page.locator("#comments .greeting", { hasText: "Sign in to comment." }).waitFor();
  await page.locator("#sign-in form").waitFor();
}

/** The channel's URL: the last line of the command that posts to it. */
async function channelOf(page: Page): Promise<string> {
  return (await page.locator("#command").innerText()).split("\n").at(-1) ?? "";
}

/** The page's requests for polls, streams aside. */
function watchPolls(page: Page): string[] {
  const polls: string[] = [];
  page.on("request", (request) => {
    const isStream = request.headers()["accept"] === "text/event-stream";
    if (/\/channel\/[\w-]{32}/.test(request.url()) && !isStream) polls.push(request.url());
  });
  return polls;
}

/** Everything that went wrong on a page. */
function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  return errors;
}

test("the widgets greet who signs in, and still do after a reload", async () => {
  const { page } = await visit();
  const errors = watchErrors(page);
  await signIn(page, "Grace");
  await open(page);
  await greeted(page, "Grace");
  // What was there before the page is not on its way.
  expect(await page.locator("#at-widgets .time").innerText()).toBe("");
  expect(errors).toEqual([]);
});

test("a message comes without a poll, and is seen on its way with its times", async () => {
  const { page } = await visit();
  const polls = watchPolls(page);
  await signIn(page, "Grace");
  await page.locator("#at-vendor .time", { hasText: /^answered after [\d.]+ ms$/ }).waitFor();
  await page.locator("#at-broker .time", { hasText: /^took [\d.]+ ms$/ }).waitFor();
  await page.locator("#at-widgets .time", { hasText: /^told after [\d.]+ ms$/ }).waitFor();
  expect(await page.locator("#way-note").innerText()).toContain("From login.example’s page");
  expect(polls).toEqual([]);
  // The dot has arrived, and is gone.
  await page.locator(".dot").waitFor({ state: "detached" });
});

test("a second vendor posts, and the widgets of the others hear of it", async () => {
  const { page } = await visit();
  await signIn(page, "Grace");
  await page.fill("#text", "What a hat!");
  await page.press("#text", "Enter");
  await page.locator("#comments li", { hasText: "Grace: What a hat!" }).waitFor();
  await page.locator("#shares .greeting", { hasText: "What a hat!" }).waitFor();
  await page.locator("#at-vendor .who", { hasText: "comments.example" }).waitFor();
});

test("a name is text, whatever it looks like", async () => {
  const { page } = await visit();
  await signIn(page, "<b>Bob</b> & \"Co\"");
  expect(await page.locator("b").count()).toBe(0);
});

test("what the page was told is shown as any reader gets it", async () => {
  const { page } = await visit();
  await page.locator("#no-frames").waitFor();
  await signIn(page, "Ada");
  expect(await page.locator("#told .frame strong").innerText()).toBe("identity/login");
  expect(await page.locator("#told .frame pre").innerText()).toContain('"displayName":"Ada"');
  expect(await page.locator("#count").innerText()).toBe("1 message");
});

test("the command that the page shows posts to this very channel, and is seen without a poll", async () => {
  const { context, page } = await visit();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click("#copy");
  await page.locator("#copy", { hasText: "Copied" }).waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toBe(await page.locator("#command").innerText());
  const polls = watchPolls(page);
  execFileSync("sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"] });
  await page.locator("#told .frame", { hasText: "Hello from a terminal" }).waitFor();
  await page.locator("#at-widgets .time", { hasText: "told at" }).waitFor();
  expect(await page.locator("#at-vendor .who").innerText()).toBe("you.example");
  expect(polls).toEqual([]);
});

test("the command that watches shows the stream", async () => {
  const { page } = await visit();
  await signIn(page, "Ada");
  const command = (await page.locator("#watch").innerText()).replace("curl", "curl --max-time 2 --silent");
  const { stdout } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  expect(stdout).toContain('data: {"resume":"complete"');
  expect(stdout).toContain("identity/login");
});

test("a second tab shares the connection, hears the same, and goes on alone", async () => {
  const { context, page } = await visit();
  await signIn(page, "Grace");
  const [second] = await Promise.all([context.waitForEvent("page"), page.click("a[target=_blank]")]);
  await pushed(second);
  await greeted(second, "Grace");
  await page.locator("#tabs", { hasText: "2 tabs of this page, 1 connection, held by this tab." }).waitFor();
  await second.locator("#tabs", { hasText: "2 tabs of this page, 1 connection, held by another tab." }).waitFor();
  expect(await channelOf(second)).toBe(await channelOf(page));

  await page.close();
  await second.locator("#tabs", { hasText: "1 tab of this page, 1 connection, held by this tab." }).waitFor();
  await second.fill("#text", "Alone");
  await second.press("#text", "Enter");
  await second.locator("#comments li", { hasText: "Grace: Alone" }).waitFor();
});

test("who signs out has a new channel, in all tabs", async () => {
  const { context, page } = await visit();
  const second = await context.newPage();
  await open(second);
  await signIn(page, "Grace");
  await greeted(second, "Grace");
  const old = await channelOf(page);

  await second.click(".signed-in button");
  await Promise.all([nobody(page), nobody(second)]);
  const channel = await channelOf(second);
  expect(channel).not.toBe(old);
  await expect.poll(() => channelOf(page)).toBe(channel);
  // What is posted to the old one reaches nobody; what is posted to the new one reaches both.
  await signIn(page, "Ada");
  await greeted(second, "Ada");
});

test.each([
  ["the tab that holds it", 0],
  ["another tab", 1],
])("the stream is killed in %s, and comes back without loss", async (_, which) => {
  const { context, page } = await visit();
  const errors = watchErrors(page);
  const second = await context.newPage();
  await open(second);
  await page.locator("#tabs", { hasText: "held by this tab" }).waitFor();
  const tab = which === 0 ? page : second;
  const again = page.waitForRequest((request) => request.headers()["accept"] === "text/event-stream");

  await tab.click("#cut");
  await tab.locator("#cut-note", { hasText: "all three came, once and in order. Nothing was missed." }).waitFor();
  await again;
  for (const each of [page, second]) {
    const texts = await each.locator("#comments li").allInnerTexts();
    expect(texts).toEqual([3, 2, 1].map((n) => `Somebody: ${n} of 3, posted while the stream was cut`));
    await pushed(each);
  }
  await page.locator("#tabs", { hasText: "2 tabs of this page, 1 connection" }).waitFor();
  expect(errors).toEqual([]);
});

test("the commands of the greeting in the terminal work as they are", async () => {
  await expect.poll(() => broker.greeting).toContain("Ctrl-C ends the server");
  const commands = broker.greeting.split("\n\n").filter((part) => part.trimStart().startsWith("curl"));
  expect(commands).toHaveLength(3);
  expect(broker.greeting).toContain(`Open ${broker.origin}/ in a browser`);
  const outputs = commands.map((command) => execFileSync("sh", ["-c", command], { encoding: "utf8", stdio: "pipe" }));
  expect(outputs[1]).toContain("identity/login");
  expect(outputs[2]).toContain("identity/login");
});

test("the server is stopped and started again: the page comes back, and says that messages may be missing", async () => {
  const own = await Broker.start();
  try {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(own.origin);
    await pushed(page);
    await signIn(page, "Grace");
    await own.stop();
    await page.locator("#told li", { hasText: "Not connected" }).first().waitFor();
    await own.startAgain();
    await page.locator("#told li", { hasText: "Gap (gap)" }).first().waitFor();
    await pushed(page);
    await page.fill("#text", "Back again");
    await page.press("#text", "Enter");
    await page.locator("#comments li", { hasText: "Grace: Back again" }).waitFor();
    await context.close();
  } finally {
    await own.end();
  }
});

test("who wants no motion gets none, and the same words", async () => {
  const { page } = await visit({ reducedMotion: "reduce" });
  await signIn(page, "Ada");
  await page.locator("#at-widgets .time", { hasText: "told after" }).waitFor();
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  expect(await page.locator("#push").innerText()).toBe("stream");
});

test("all of it can be done by keyboard", async () => {
  const { page } = await visit();
  const focused = () => page.evaluate(() => document.activeElement?.id ?? "");
  // Both versions, then the form.
  for (const id of ["", "", "name"]) {
    await page.keyboard.press("Tab");
    expect(await focused()).toBe(id);
  }
  await page.keyboard.press("Enter");
  await greeted(page, "Ann");
  // The button that was pressed is gone; the one that takes its place has the focus.
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("Sign out");
  for (const id of ["text", "", "command", "copy", "", "cut"]) {
    await page.keyboard.press("Tab");
    expect(await focused()).toBe(id);
  }
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
  // Nothing in it where a line could break.
  await signIn(page, "W".repeat(40));
  await page.fill("#text", "M".repeat(140));
  await page.press("#text", "Enter");
  await page.locator("#at-widgets .time", { hasText: "told after" }).waitFor();
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide).toBe(0);
  // Large enough for a finger.
  for (const box of await Promise.all((await page.locator("button:visible").all()).map((button) => button.boundingBox()))) {
    expect(box?.height ?? 0).toBeGreaterThanOrEqual(options.hasTouch ? 44 : 24);
  }
});
