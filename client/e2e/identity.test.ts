/** The demonstration's Identity scenario in version 2.0: headers go to pages, payloads to servers. */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { Broker } from "./harness/broker";
import { launch } from "./harness/visit";

/** Where pictures of the page go, to be looked at. */
const PICTURES = process.env["BACKPLANE_PICTURES"] ?? join(tmpdir(), "backplane-pictures");
/** What the payload of a sign-in has, and no widget is told. */
const ADDRESS = "visitor@mail.example";
const VENDORS = ["login.example", "comments.example", "share.example"] as const;

let broker: Broker;
let browser: Browser;
let contexts: BrowserContext[] = [];

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  [broker, browser] = await Promise.all([Broker.start(), launch()]);
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
});
afterAll(() => Promise.allSettled([browser?.close(), broker?.end()]));

async function visitor(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  contexts.push(context);
  return context;
}

/** The page, once messages are pushed to it. */
async function open(page: Page, origin = broker.origin): Promise<void> {
  await page.goto(`${origin}/demo/identity`);
  await pushed(page);
}

async function pushed(page: Page): Promise<void> {
  await page.locator("#connection.open", { hasText: "Connected by stream" }).waitFor();
}

async function visit(options: BrowserContextOptions = {}): Promise<Page> {
  const page = await (await visitor(options)).newPage();
  await open(page);
  return page;
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.fill("#name", name);
  await page.click("#sign-in form button");
  await greeted(page, name);
}

async function greeted(page: Page, name: string): Promise<void> {
  await page.locator("#sign-in .user", { hasText: name }).waitFor();
  await page.locator("#comments.told .greeting", { hasText: `Hello ${name}, what do you think?` }).waitFor();
  await page.locator("#shares.told .greeting", { hasText: `${name}, tell your friends` }).waitFor();
}

async function nobody(page: Page): Promise<void> {
  await page.locator("#sign-in form").waitFor();
  await page.locator("#comments:not(.told) .greeting", { hasText: "Sign in to comment." }).waitFor();
  await page.locator("#shares:not(.told) .greeting", { hasText: "Nobody is signed in." }).waitFor();
}

/** Everything that went wrong on a page. */
function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  return errors;
}

/** What the browser gets while the page is used: of the protocol, and of vendors' servers by their paths. */
function watchAnswers(page: Page): { protocol: string[]; vendors: Map<string, string[]> } {
  const [protocol, vendors]: [string[], Map<string, string[]>] = [[], new Map()];
  page.on("requestfinished", async (request) => {
    const { pathname } = new URL(request.url());
    if (request.headers()["accept"] === "text/event-stream") return;
    const text = await (await request.response())?.text().catch(() => "");
    if (pathname.startsWith("/v2/")) protocol.push(text ?? "");
    else if (request.method() === "POST") vendors.set(pathname, [...(vendors.get(pathname) ?? []), text ?? ""]);
  });
  return { protocol, vendors };
}

describe("V2-ACC-2", () => {
  test("someone signs in at one vendor; all widgets get the header, their servers the payload, and all greet", async () => {
    const page = await visit();
    const errors = watchErrors(page);
    const { vendors } = watchAnswers(page);
    await nobody(page);
    await signIn(page, "Grace");
    for (const [step, time] of [
      ["form", /^at 0 ms$/],
      ["post", /^answered after [\d.]+ ms, of which Backplane took [\d.]+ ms$/],
      ["header", /^after [\d.]+ ms$/],
      ["url", /^(\w+ after [\d.]+ ms(, )?){3}$/],
      ["payload", /^(\w+ in [\d.]+ ms(, )?){3}$/],
      ["name", /^(\w+ after [\d.]+ ms(, )?){3}$/],
    ] as const) {
      await page.locator(`#step-${step}.reached .time`, { hasText: time }).waitFor();
    }
    // What the page shows of the two, and what they are.
    const header = JSON.parse(await page.locator("#header").innerText()) as Record<string, unknown>;
    expect(header).toMatchObject({ type: "identity/login", source: "http://login.example/", bus: "demo", sticky: true });
    expect(Object.keys(header)).not.toContain("payload");
    await page.locator("#payload", { hasText: ADDRESS }).waitFor();
    const payload = JSON.parse(await page.locator("#payload").innerText()) as unknown;
    expect(payload).toMatchObject({ identities: { entry: { displayName: "Grace" } } });
    // No widget was told more than the name.
    for (const vendor of VENDORS) {
      await expect.poll(() => vendors.get(`/demo/${vendor}/session`)).toEqual(['{"name":"Grace"}']);
    }
    expect(errors).toEqual([]);
  });

  test("nothing that the page reads of the protocol has a payload", async () => {
    const page = await visit();
    await signIn(page, "Grace");
    const { protocol } = watchAnswers(page);
    await open(page);
    await greeted(page, "Grace");
    await expect.poll(() => protocol.some((text) => text.includes("identity/login"))).toBe(true);
    for (const text of protocol) expect(text).not.toMatch(/payload|Grace|mail\.example/);
    // Its token does not get it either.
    const { messageURL } = JSON.parse(await page.locator("#header").innerText()) as { messageURL: string };
    const cookies = await page.context().cookies();
    const [token = ""] = cookies.find(({ name }) => name === "backplane2-channel")?.value.split(":") ?? [];
    const answer = await fetch(messageURL, { headers: { Authorization: `Bearer ${token}` } });
    const message = (await answer.json()) as object;
    expect([answer.status, "type" in message, "payload" in message]).toEqual([200, true, false]);
  });
});

test("two tabs: both greet, a reload in the middle gets the sticky header again, and a logout in one is one in both", async () => {
  const context = await visitor();
  const [first, second] = [await context.newPage(), await context.newPage()];
  const errors = [watchErrors(first), watchErrors(second)];
  await open(first);
  await open(second);
  await signIn(first, "Grace");
  await greeted(second, "Grace");
  expect(await second.locator("#step-post .time").innerText()).toContain("not by this tab");

  await first.reload();
  await pushed(first);
  await greeted(first, "Grace");
  expect(await first.locator("#step-header .time").innerText()).toMatch(/^at /);
  // A tab that is opened now is told as well.
  const [third] = await Promise.all([context.waitForEvent("page"), first.click("a[target=_blank]")]);
  await greeted(third, "Grace");

  await second.click(".signed-in button");
  await Promise.all([first, second, third].map(nobody));
  for (const page of [first, second, third]) {
    await page.locator("#step-post", { hasText: "identity/logout" }).waitFor();
    await page.locator("#step-payload.spared .time", { hasText: "not needed" }).waitFor();
  }
  // The logout stays as well: nobody is greeted by a reload.
  await first.reload();
  await pushed(first);
  await first.locator("#header", { hasText: "identity/logout" }).waitFor();
  await nobody(first);

  await signIn(third, "Ada");
  await Promise.all([first, second].map((page) => greeted(page, "Ada")));
  expect(errors).toEqual([[], []]);
});

test("another visitor hears nothing of it", async () => {
  const [page, other] = [await visit(), await visit()];
  await signIn(page, "Grace");
  await nobody(other);
  expect(await other.locator("#header").innerText()).toBe("Nothing yet.");
  await signIn(other, "Ada");
  await greeted(page, "Grace");
});

test("the commands that the page shows do what they say: the payload for a vendor, and a logout for all", async () => {
  const context = await visitor();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  await open(page);
  expect(await page.locator("#copy").isDisabled()).toBe(true);
  await signIn(page, "Grace");
  await page.click("#copy");
  await page.locator("#copy", { hasText: "Copied" }).waitFor();
  const commands = await page.evaluate(() => navigator.clipboard.readText());
  expect(commands).toBe(await page.locator("#command").innerText());
  const shown = execFileSync("sh", ["-c", commands], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  expect(JSON.parse(shown)).toMatchObject({ type: "identity/login", payload: { identities: { entry: { displayName: "Grace" } } } });
  await nobody(page);
});

test("a name is text, whatever it looks like", async () => {
  const page = await visit();
  await signIn(page, `<b>Bob</b> & "Co"`);
  expect(await page.locator("#sign-in b, #comments b, #shares b, pre b").count()).toBe(0);
});

test("what the vendor's server refuses is told, and nothing is drawn of it", async () => {
  const page = await visit();
  await page.fill("#name", "   ");
  await page.click("#sign-in form button");
  await page.locator("#sign-in-note", { hasText: "a name has 1 to 40 characters" }).waitFor();
  expect(await page.locator(".reached").count()).toBe(0);
  await signIn(page, "Ann");
  expect(await page.locator("#sign-in-note").innerText()).toBe("");
});

test("the server is stopped and started again: it has forgotten all, and the page goes on in a new channel", async () => {
  const own = await Broker.start();
  try {
    const page = await (await visitor()).newPage();
    await open(page, own.origin);
    await signIn(page, "Grace");
    await own.stop();
    await page.locator("#connection:not(.open)").waitFor();
    await own.startAgain();
    await nobody(page);
    await pushed(page);
    await signIn(page, "Ada");
  } finally {
    await own.end();
  }
});

test("all of it can be done by keyboard", async () => {
  const page = await visit();
  const focused = () => page.evaluate(() => document.activeElement?.id ?? "");
  for (const id of ["", "", "name"]) {
    await page.keyboard.press("Tab");
    expect(await focused()).toBe(id);
  }
  await page.keyboard.press("Enter");
  await greeted(page, "Ann");
  // The button that was pressed is gone; the one that takes its place has the focus.
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("Sign out");
  for (const id of ["header", "payload", "command", "copy", "", "snippet"]) {
    await page.keyboard.press("Tab");
    expect(await focused()).toBe(id);
  }
  await page.focus(".signed-in button");
  await page.keyboard.press("Enter");
  await nobody(page);
  await expect.poll(focused).toBe("name");
});

test("each version's page leads to the other", async () => {
  const page = await visit();
  await page.getByRole("link", { name: "Version 1.x" }).click();
  await page.getByRole("heading", { name: "A message on its way" }).waitFor();
  await page.getByRole("link", { name: "Version 2.0" }).click();
  await page.getByRole("heading", { name: "What goes where" }).waitFor();
  expect(await page.getByRole("link", { name: "Version 2.0" }).getAttribute("aria-current")).toBe("page");
});

const looks: ReadonlyArray<readonly [string, BrowserContextOptions]> = [
  ["desktop", { viewport: { width: 1200, height: 900 } }],
  ["desktop-dark", { viewport: { width: 1200, height: 900 }, colorScheme: "dark" }],
  ["phone", { viewport: { width: 375, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
  ["phone-dark", { viewport: { width: 375, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: "dark" }],
  ["small-phone", { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true }],
];

test.each(looks)("fits: %s", async (name, options) => {
  const page = await visit(options);
  // Nothing in it where a line could break.
  await signIn(page, "W".repeat(40));
  await page.locator("#payload", { hasText: ADDRESS }).waitFor();
  await page.locator("#step-name.reached").waitFor();
  await page.screenshot({ path: join(PICTURES, `identity-${name}.png`), fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide).toBe(0);
  // Large enough for a finger.
  for (const box of await Promise.all((await page.locator("button:visible").all()).map((button) => button.boundingBox()))) {
    expect(box?.height ?? 0).toBeGreaterThanOrEqual(options.hasTouch ? 44 : 24);
  }
});
