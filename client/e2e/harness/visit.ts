/** A visitor: a browser, its tabs, and what a page with the library on it has received. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium, type Browser, type BrowserContext, type Page, type Request } from "playwright-core";
import type { BackplaneGlobal, InitOptions, Message } from "../../src/public";
import type { Broker } from "./broker";
import type { Site } from "./site";

/** Debian's path. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** No sandbox: the tests may run as root. The rest keeps the browser from talking to its maker. */
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

declare global {
  var Backplane: BackplaneGlobal;
  /** What the test page's subscriber was called with, in order. */
  var received: Message[];
}

export function launch(...flags: readonly string[]): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...flags] });
}

/**
 * A visitor whose tabs are hidden while another one is in front: Playwright's own are all in front at once, and no browser freezes
 * what is seen.
 */
export async function withHiddenTabs(use: (context: BrowserContext) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "backplane-visitor-"));
  const flags = [...FLAGS, "--headless", "--disable-background-timer-throttling", "--remote-debugging-port=0", `--user-data-dir=${folder}`];
  const child = spawn(CHROMIUM, [...flags, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
  // All of its processes write into the folder, and each has a hand on what it says.
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    const address = new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (status) => reject(new Error(`the browser ended with ${status}`)));
      createInterface(child.stderr).on("line", (line) => {
        const [, address] = /^DevTools listening on (ws:\S+)/.exec(line) ?? [];
        if (address !== undefined) resolve(address);
      });
    });
    const browser = await chromium.connectOverCDP(await address, { noDefaults: true });
    const [context] = browser.contexts();
    if (context === undefined) throw new Error("the browser has no context");
    await use(context);
    await (await browser.newBrowserCDPSession()).send("Browser.close");
  } finally {
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A page with the classic script from the broker, and a subscriber that writes down what it gets. */
export function testPage(broker: Broker, script = ""): string {
  return `<!doctype html><title>a page</title>
<script src="${broker.base}/backplane.js"></script>
<script>
var received = [];
Backplane.subscribe(function (message) { received.push(message); });
${script}
</script>`;
}

/** An open page, with the requests it made to channels. */
export class Tab {
  readonly requests: Request[] = [];

  private constructor(readonly page: Page) {
    page.on("request", (request) => {
      if (request.url().includes("/channel/")) this.requests.push(request);
    });
  }

  static async in(context: BrowserContext, url: string): Promise<Tab> {
    const tab = new Tab(await context.newPage());
    await tab.page.goto(url);
    return tab;
  }

  /** Calls `init`, and waits until the first read was answered: what is posted from now on is delivered. */
  async init(options: InitOptions, seconds = 600): Promise<string> {
    const firstRead = this.firstRead();
    await this.page.evaluate(
      ([options, seconds]) => {
        Backplane.init(options);
        // So that tests need not wait for a minute.
        if (seconds > 0) Backplane.expectMessagesWithin(seconds);
      },
      [options, seconds] as const,
    );
    await firstRead;
    return this.channelID();
  }

  /** The next answer to a read without `since`. */
  async firstRead(): Promise<void> {
    const response = await this.page.waitForResponse(
      (answer) => /\/channel\/(?!new\b)[^?]+$/.test(answer.url().replace(/[?&]callback=[^&]*/, "")) && answer.ok(),
    );
    await response.finished();
  }

  async channelID(): Promise<string> {
    await this.page.waitForFunction(() => Backplane.getChannelID() !== false);
    return this.page.evaluate(() => String(Backplane.getChannelID()));
  }

  /** Waits until so many messages have come, and returns them all. */
  async received(count: number): Promise<Message[]> {
    await this.page.waitForFunction((count) => received.length >= count, count);
    return this.page.evaluate(() => received);
  }

  /** Waits for a message of this type, and returns all messages until now. Nothing that was posted before may come later. */
  async receivedUntil(type: string): Promise<Message[]> {
    await this.page.waitForFunction((type) => received.some((message) => message.type === type), type);
    return this.page.evaluate(() => received);
  }

  /** Requests for messages, without those for names. */
  get polls(): Request[] {
    return this.requests.filter((request) => !request.url().endsWith("/channel/new"));
  }
}

/** A tab with the test page, in a context of its own unless one is given. */
export async function open(site: Site, broker: Broker, context: BrowserContext, script = ""): Promise<Tab> {
  return Tab.in(context, site.serve("/page", testPage(broker, script)));
}

/** `types` of messages: short to compare. */
export function types(messages: readonly Message[]): string[] {
  return messages.map(({ type }) => type);
}
