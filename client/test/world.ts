/** A page, its network and its clock, all made up: nothing here waits or is random by itself. */

import type { Cancel, Environment, Getter, Reply, Streamer, Tabs, Wake } from "../src/engine/environment";
import { BackplaneError } from "../src/engine/error";
import type { Frame } from "../src/public";

export const BASE = "https://bp.example.com/v1";
export const BUS = "customer.com";
export const CHANNEL = `${BASE}/bus/${BUS}/channel/chan`;

/** What the server says to one request. */
export type Handler = (url: string, signal: AbortSignal) => Reply | Promise<Reply>;

export interface Request {
  readonly url: string;
  readonly at: number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
  readonly world: World;
}

/** What the pages of an origin share: a clock, locks, and ways to speak to each other. */
export class Origin {
  time = 1_000;
  pages = 0;
  readonly timers = new Set<Timer>();
  private readonly ports = new Map<string, Set<{ world: World; hear: (word: unknown) => void }>>();
  private readonly locks = new Map<string, Array<{ world: World; run: () => void; end: () => void }>>();

  /** This origin as one of its pages sees it. */
  seen(world: World): Tabs {
    return {
      connect: (name, hear) => {
        const all = this.ports.get(name) ?? new Set();
        const port = { world, hear };
        this.ports.set(name, all.add(port));
        return {
          post: (word) => {
            const copy = structuredClone(word);
            const others = [...all].filter((other) => other !== port);
            void Promise.resolve().then(() => {
              for (const other of others) other.world.thawed(() => void (all.has(other) && other.hear(copy)));
            });
          },
          close: () => void all.delete(port),
        };
      },
      lead: (name, steal, signal, held) =>
        new Promise((resolve) => {
          const queue = this.locks.get(name) ?? [];
          this.locks.set(name, queue);
          const leave = (): void => {
            const first = queue[0] === mine;
            if (queue.includes(mine)) queue.splice(queue.indexOf(mine), 1);
            resolve();
            if (first) queue[0]?.run();
          };
          const mine = { world, run: () => world.thawed(() => void (queue[0] === mine && held())), end: () => world.thawed(resolve) };
          signal.addEventListener("abort", leave);
          if (steal) queue.splice(0, 1, mine)[0]?.end();
          else queue.push(mine);
          if (queue[0] === mine) mine.run();
        }),
    };
  }
}

export class World implements Environment {
  online = true;
  hidden = false;
  cookie = "";
  cookiesBlocked = false;
  page = "https://www.customer.com/index.html";
  handler: Handler = () => reply([]);
  readonly requests: Request[] = [];
  readonly cookiesWritten: string[] = [];
  kept = new Map<string, string>();
  readonly reported: unknown[] = [];
  /** Requests under way at this moment, and the most there ever were. */
  underWay = 0;
  overlap = 0;
  chance = 0.5;
  private frozen: Array<() => void> | undefined;
  private listeners = new Set<(wake: Wake) => void>();

  private readonly number: number;

  constructor(readonly origin = new Origin()) {
    this.number = origin.pages += 1;
  }

  get time(): number {
    return this.origin.time;
  }
  private get timers(): Set<Timer> {
    return this.origin.timers;
  }

  /** Nothing happens on this page any more; what would have waits. */
  freeze(): void {
    this.frozen ??= [];
  }

  thaw(): void {
    const waiting = this.frozen ?? [];
    this.frozen = undefined;
    for (const run of waiting) run();
  }

  /** Runs something once the page is not frozen. */
  thawed(run: () => void): void {
    if (this.frozen) this.frozen.push(run);
    else run();
  }

  readonly fetch: Getter = {
    get: async (url, signal) => {
      if (/[?&]block=/.test(url) && !this.longPolls) throw refusal(400);
      this.requests.push({ url, at: this.time });
      this.underWay += 1;
      this.overlap = Math.max(this.overlap, this.underWay);
      try {
        return await this.handler(url, signal);
      } finally {
        this.underWay -= 1;
      }
    },
  };
  jsonp: Getter = this.fetch;
  /** A world without pushes, as the servers of 1.0 are, until a test puts something here. */
  stream: Streamer | undefined = undefined;
  longPolls = false;
  /** Alone, until a test puts several worlds together. */
  tabs: Tabs | undefined = undefined;

  now(): number {
    return this.time;
  }
  date(): number {
    return Date.UTC(2026, 0, 1) + this.time;
  }
  after(wait: number, run: () => void): Cancel {
    const timer = { at: this.time + wait, run, world: this };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }
  random(): number {
    return this.chance;
  }
  randomBytes(count: number): Uint8Array {
    // Never the same on two pages.
    return Uint8Array.from({ length: count }, (_, n) => (n === 0 ? this.number : n * 37 + this.time + 11 * this.number) % 256);
  }
  readCookie(): string {
    return this.cookie;
  }
  writeCookie(cookie: string): void {
    this.cookiesWritten.push(cookie);
    if (this.cookiesBlocked) return;
    const [fresh = ""] = cookie.split(";");
    const [name = ""] = fresh.split("=");
    const others = this.cookie.split("; ").filter((other) => other !== "" && !other.startsWith(`${name}=`));
    this.cookie = [...others, fresh].join("; ");
  }
  recall(key: string): string {
    return this.kept.get(key) ?? "";
  }
  keep(key: string, text: string): void {
    this.kept.set(key, text);
  }
  async alone(run: () => void): Promise<void> {
    run();
  }
  pageURL(): string {
    return this.page;
  }
  isOnline(): boolean {
    return this.online;
  }
  isHidden(): boolean {
    return this.hidden;
  }
  onWake(listener: (wake: Wake) => void): Cancel {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
  report(error: unknown): void {
    this.reported.push(error);
  }

  wake(wake: Wake): void {
    for (const listener of this.listeners) listener(wake);
  }

  get listening(): number {
    return this.listeners.size;
  }
  get pending(): number {
    return this.timers.size;
  }

  /** Lets promises settle, without any time passing. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
  }

  /** Lets so many seconds pass, timer by timer. */
  async pass(seconds: number): Promise<void> {
    const end = this.time + seconds * 1_000;
    await this.settle();
    for (;;) {
      const next = [...this.timers].filter(({ at, world }) => at <= end && !world.frozen).sort((one, other) => one.at - other.at)[0];
      if (!next) break;
      this.timers.delete(next);
      this.origin.time = Math.max(this.time, next.at);
      next.run();
      await this.settle();
    }
    this.origin.time = end;
  }

  /** The requests of a channel's messages since this moment. */
  polls(since = 0): Request[] {
    return this.requests.filter(({ url, at }) => at >= since && !url.endsWith("/channel/new"));
  }
}

export function reply(body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { body, header: (name) => headers[name] ?? null };
}

export function frame(id: string, type = "t", payload: unknown = id): Frame {
  return { id, channel_name: "chan", message: { source: "http://client.com", type, payload } };
}

export function refusal(status: number, retryAfter?: number): BackplaneError {
  return new BackplaneError(`the server answered ${status}`, { status, retryAfter });
}

/** The server's side of one channel: a window as in RET-1 to RET-4, with the headers of this repository's broker. */
export class Channel {
  frames: Frame[] = [];
  capacity = 100;
  headers = true;
  /** What its links name: a position of another epoch is a gap. */
  epoch: string | undefined;
  private counter = 0;
  private lost = "";

  /** Ids sort as text, as the broker's do. */
  post(type = "t", payload?: unknown): Frame {
    this.counter += 1;
    const id = String(this.counter).padStart(13, "0");
    const posted = frame(id, type, payload ?? id);
    this.frames.push(posted);
    while (this.frames.length > this.capacity) this.expire();
    return posted;
  }

  /** Loses the oldest message. */
  expire(): void {
    this.lost = this.frames.shift()?.id ?? this.lost;
  }

  /** Starts again with nothing, and with ids from `counter` on. */
  restart(counter: number): void {
    this.frames = [];
    this.counter = counter;
    this.lost = "";
  }

  readonly answer: Handler = (url) => {
    const asked = new URL(url).searchParams;
    const other = this.epoch !== undefined && asked.has("since") && asked.get("epoch") !== this.epoch;
    const since = other ? "" : asked.get("since");
    const at = this.frames.findIndex(({ id }) => id === since);
    const newest = this.frames[this.frames.length - 1]?.id ?? this.lost;
    const issued = String(this.counter).padStart(13, "0");
    const resume = other ? "gap" : since === null || at >= 0 ? "complete" : since > issued ? "reset" : since < this.lost ? "gap" : "complete";
    const next = newest === "" ? "0000000000000" : newest;
    const epoch = this.epoch === undefined ? "" : `&epoch=${this.epoch}`;
    const link = `<${url.split("?")[0] ?? ""}?since=${next}${epoch}>; rel="next"`;
    const headers = { "Backplane-Resume": resume, Link: link };
    return reply(this.frames.slice(at + 1), this.headers ? headers : {});
  };
}

/** Repeatable randomness for tests that try many cases. */
export function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

export function base64url(bytes: Uint8Array | string): string {
  const raw = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return btoa(String.fromCharCode(...raw)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
