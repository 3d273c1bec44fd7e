/** Owners of buses and a client in a real browser: sign in, allow, deny, take back (V2-AUTHZ-1). */

import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { Broker, PASSWORD, userTable } from "./harness/broker";
import { Site } from "./harness/site";
import { channelOf, Vendor, type Back, type Way } from "./harness/vendor";
import { launch } from "./harness/visit";

/** Where pictures of the pages go, to be looked at. */
const PICTURES = process.env["BACKPLANE_PICTURES"] ?? join(tmpdir(), "backplane-pictures");
/** Two owners, and the bus of each. */
const [OLGA, OTTO] = ["olga", "otto"];
const [HERS, HIS] = ["olga.example", "otto.example"];

let broker: Broker;
let site: Site;
let browser: Browser;
let vendor: Vendor;
let contexts: BrowserContext[] = [];

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  const buses = [[HERS, OLGA], [HIS, OTTO]].map(([name = "", owner]) => ({ name, settings: [`owner = "${owner}"`] }));
  const more = [...userTable(OLGA), ...userTable(OTTO), "[provision]"];
  [broker, site, browser] = await Promise.all([Broker.start(buses, more), Site.start(), launch()]);
  vendor = Vendor.registered(broker, "vendor", site.serve("/back", `<!doctype html><title>a vendor's page</title><link rel="icon" href="data:,">`));
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  for (const [, id = ""] of broker.command("grant", "list").matchAll(/^(\S{22}) /gm)) broker.command("grant", "revoke", id);
});
afterAll(() => Promise.allSettled([browser?.close(), site?.end(), broker?.end()]));

/** A browser of somebody's, with one page. */
async function visitor(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  contexts.push(context);
  return context.newPage();
}

async function signIn(page: Page, name: string, password = PASSWORD): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Sends a browser to the server, where nobody has signed in yet. */
async function asked(page: Page, scope?: string): Promise<Way> {
  const way = vendor.ask(scope);
  await page.goto(way.url);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  return way;
}

/** What the browser has brought back to the vendor's page. */
async function back(page: Page): Promise<Back> {
  await page.waitForURL((url) => url.href.startsWith(vendor.redirect));
  return vendor.back(page.url());
}

async function allow(page: Page): Promise<Back> {
  await page.getByRole("button", { name: "Allow" }).click();
  return back(page);
}

/** Tokens that came of a code. */
async function letIn(page: Page, way: Way): Promise<string> {
  const { code } = await allow(page);
  const { status, body } = await vendor.exchange(code, way);
  expect(status).toBe(200);
  return body.access_token;
}

/** Presses a key until what is wanted has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 12; presses += 1) {
    const focused = await page.evaluate(() => {
      const it = document.activeElement;
      return it instanceof HTMLInputElement ? it.labels?.[0]?.textContent : it?.textContent;
    });
    if (focused === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`nothing that is called ${name} gets the focus`);
}

describe("V2-AUTHZ-1", () => {
  test("from the vendor's link to its messages, and until the owner takes it back", async () => {
    const page = await visitor();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(`${message.text()} ${message.location().url}`));
    const way = await asked(page);
    await signIn(page, OLGA);
    await page.getByRole("heading", { name: "Let vendor use your buses?" }).waitFor();
    for (const shown of [HERS, "https://vendor.example/", site.origin, "Signed in as olga"]) {
      await page.getByText(shown).first().waitFor();
    }
    const told = await allow(page);
    expect(told).toMatchObject({ state: way.state, iss: broker.origin, error: null });
    const { status, body } = await vendor.exchange(told.code, way);
    expect([status, body.scope]).toEqual([200, `bus:${HERS}`]);

    const channel = await channelOf(broker, HERS);
    await vendor.post(body.access_token, { type: "t", bus: HERS, channel, payload: { n: 1 } });
    expect(await vendor.read(body.access_token)).toEqual({ status: 200, payloads: [{ n: 1 }] });

    // The owner sees it, and takes it back: what is open ends, and the token is good no more.
    const stream = await vendor.stream(body.access_token);
    await page.goto(`${broker.origin}/v2/grants`);
    const grant = page.getByRole("region", { name: "vendor" });
    expect(await grant.innerText()).toContain("You allowed it on");
    expect(await grant.getByRole("listitem").allInnerTexts()).toEqual([HERS]);
    await grant.getByRole("button", { name: "Take it back" }).click();
    await page.getByText("No client may use them.").waitFor();
    expect(await stream.ended).toContain('{"end":"revoked"}');
    expect((await vendor.read(body.access_token)).status).toBe(403);
    const refreshed = await vendor.tokens({ grant_type: "refresh_token", refresh_token: body.refresh_token });
    expect(refreshed.status).toBe(400);
    expect(errors).toEqual([]);
  });

  test("a wrong password is told, and the right one goes on to what was asked", async () => {
    const page = await visitor();
    const way = await asked(page);
    await signIn(page, OLGA, "wrong horse");
    await page.getByRole("alert").waitFor();
    expect(await page.getByLabel("Name").getAttribute("aria-invalid")).toBe("true");
    expect(await page.getByLabel("Password").inputValue()).toBe("");
    await signIn(page, OLGA);
    const told = await allow(page);
    expect(told).toMatchObject({ state: way.state, error: null });
  });

  test("who says no sends the vendor away with nothing, and the vendor may ask again", async () => {
    const page = await visitor();
    const way = await asked(page);
    await signIn(page, OLGA);
    await page.getByRole("button", { name: "Deny" }).click();
    expect(await back(page)).toEqual({ code: null, state: way.state, iss: broker.origin, error: "access_denied" });
    expect(broker.command("grant", "list")).not.toContain("vendor");
    // Still signed in: the next question is asked at once.
    const again = vendor.ask();
    await page.goto(again.url);
    expect(await allow(page)).toMatchObject({ state: again.state, error: null });
  });

  test("of two owners each sees, grants and takes back what is their own", async () => {
    const [hers, his] = [await visitor(), await visitor()];
    const tokens: string[] = [];
    for (const [page, owner, own, foreign] of [[hers, OLGA, HERS, HIS], [his, OTTO, HIS, HERS]] as const) {
      const way = await asked(page);
      await signIn(page, owner);
      const main = page.getByRole("main");
      await main.getByText(own).waitFor();
      expect(await main.innerText()).not.toContain(foreign);
      tokens.push(await letIn(page, way));
      // The bus of somebody else cannot be granted: there is no button for it.
      const other = vendor.ask(`bus:${foreign}`);
      await page.goto(other.url);
      await page.getByRole("heading", { name: "You cannot allow this" }).waitFor();
      expect(await page.getByRole("button", { name: "Allow" }).count()).toBe(0);
      await page.getByRole("button", { name: "Go back" }).click();
      expect(await back(page)).toMatchObject({ code: null, state: other.state, error: "access_denied" });
    }
    const [ofHers = "", ofHis = ""] = tokens;
    const streams = { hers: await vendor.stream(ofHers), his: await vendor.stream(ofHis) };
    for (const [page, own] of [[hers, HERS], [his, HIS]] as const) {
      await page.goto(`${broker.origin}/v2/grants`);
      expect(await page.getByRole("region").getByRole("listitem").allInnerTexts()).toEqual([own]);
    }
    await hers.getByRole("button", { name: "Take it back" }).click();
    expect(await streams.hers.ended).toContain('{"end":"revoked"}');
    expect((await vendor.read(ofHers)).status).toBe(403);
    // The other's goes on.
    const channel = await channelOf(broker, HIS);
    await vendor.post(ofHis, { type: "t", bus: HIS, channel, payload: 2 });
    expect((await vendor.read(ofHis)).payloads).toEqual([2]);
    await his.reload();
    await his.getByRole("button", { name: "Take it back" }).click();
    expect(await streams.his.ended).toContain('"payload":2');
  });

  test("another owner signs in at the same browser, and the question goes on", async () => {
    const page = await visitor();
    const way = await asked(page, `bus:${HIS}`);
    await signIn(page, OLGA);
    await page.getByRole("heading", { name: "You cannot allow this" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn(page, OTTO);
    const told = await allow(page);
    expect(told.state).toBe(way.state);
    expect((await vendor.exchange(told.code, way)).body.scope).toBe(`bus:${HIS}`);
  });

  test("all of it can be done by keyboard", async () => {
    const page = await visitor();
    const way = await asked(page);
    // The name has the focus from the beginning.
    await page.keyboard.type(OLGA);
    await page.keyboard.press("Tab");
    await page.keyboard.type("not it");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await tabTo(page, "Name");
    await page.keyboard.type(OLGA);
    await tabTo(page, "Password");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Let vendor use your buses?" }).waitFor();
    await tabTo(page, "Allow");
    await page.keyboard.press("Enter");
    const told = await back(page);
    expect((await vendor.exchange(told.code, way)).status).toBe(200);
    await page.goto(`${broker.origin}/v2/grants`);
    await tabTo(page, "Take it back");
    await page.keyboard.press("Enter");
    await page.getByText("No client may use them.").waitFor();
    await tabTo(page, "Sign out");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  test("all of it works without a script", async () => {
    const page = await visitor({ javaScriptEnabled: false });
    const way = await asked(page);
    await signIn(page, OLGA, "not it");
    await page.getByRole("alert").waitFor();
    await signIn(page, OLGA);
    const token = await letIn(page, way);
    const stream = await vendor.stream(token);
    await page.goto(`${broker.origin}/v2/grants`);
    await page.getByRole("button", { name: "Take it back" }).click();
    await page.getByText("No client may use them.").waitFor();
    expect(await stream.ended).toContain('{"end":"revoked"}');
  });
});

describe("V2-TOK-3", () => {
  test("the way back is of use once: a reload gets nothing more, and what came of it is over", async () => {
    const page = await visitor();
    const way = await asked(page);
    await signIn(page, OLGA);
    const { code } = await allow(page);
    const first = await vendor.exchange(code, way);
    expect(first.status).toBe(200);
    await page.reload();
    expect((await vendor.exchange((await back(page)).code, way)).status).toBe(400);
    expect([401, 403]).toContain((await vendor.read(first.body.access_token)).status);
  });
});

const looks: ReadonlyArray<readonly [string, BrowserContextOptions]> = [
  ["phone", { viewport: { width: 375, height: 740 }, isMobile: true, hasTouch: true }],
  ["small-phone-dark", { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true, colorScheme: "dark" }],
];

test.each(looks)("fits: %s", async (name, options) => {
  const page = await visitor(options);
  const look = async (what: string): Promise<void> => {
    await page.screenshot({ path: join(PICTURES, `authorize-${what}-${name}.png`), fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide).toBe(0);
    for (const button of await page.getByRole("button").all()) {
      expect((await button.boundingBox())?.height ?? 0).toBeGreaterThanOrEqual(44);
    }
  };
  await asked(page);
  await signIn(page, OLGA, "not it");
  await page.getByRole("alert").waitFor();
  await look("sign-in");
  await signIn(page, OLGA);
  await page.getByRole("button", { name: "Allow" }).waitFor();
  await look("consent");
  await allow(page);
  await page.goto(`${broker.origin}/v2/grants`);
  await page.getByRole("button", { name: "Take it back" }).waitFor();
  await look("grants");
});
