/**
 * The pages of an origin that read the same bus: one of them, the leader, is pushed to for all of them.
 *
 * A lock makes the leader; when its page is closed or crashes, the browser hands the lock on. A leader that is frozen keeps it:
 * then the others, who ask now and then and hear nothing, take it away. Everybody is a reader of its own, who knows its
 * position and reads for itself what it finds missing, so whatever happens here, nothing is lost.
 */

import type { Next } from "../core/answer";
import { sameNames, type Told } from "../core/course";
import type { Push } from "../core/ladder";
import type { Cancel, Environment, Port } from "./environment";

/** How long a leader is not heard of before it is asked, and how long it then has. Milliseconds. */
export const SILENCE = 5_000;
export const PATIENCE = 2_000;
/** How long the leader counts a page that says nothing, and how often each says something. */
export const FORGET = 60_000;
const REPEAT = 20_000;

type Points = ReadonlyMap<string, Next>;

/** What pages say to each other. */
type Word =
  /** A follower is there and wants this; the leader answers with `beat`. */
  | { readonly kind: "want"; readonly page: string; readonly points: Points }
  | { readonly kind: "gone"; readonly page: string }
  /** The leader is there, pushed to in this way, and has passed on everything up to here. */
  | { readonly kind: "beat"; readonly page: string; readonly way: Push | undefined; readonly at: Points }
  | { readonly kind: "told"; readonly told: Told }
  | { readonly kind: "ended"; readonly reason: string }
  | { readonly kind: "renewed"; readonly old: string; readonly fresh: string };

export interface CrewHost {
  /** What this page wants to be pushed, and from where. */
  points(): Points;
  /** What the leader's page has passed on, and how it is pushed to. */
  leading(): { readonly way: Push | undefined; readonly at: Points };
  /** This page is the leader from now on, or no more. */
  lead(leads: boolean): void;
  told(told: Told): void;
  /** How the leader is pushed to. */
  pushed(way: Push | undefined): void;
  /** What the others want is another thing. */
  wanted(): void;
  ended(reason: string): void;
  renewed(old: string, fresh: string): void;
}

export class Crew {
  private role: "none" | "follower" | "leader" = "none";
  private readonly page: string;
  private port: Port | undefined;
  private over = new AbortController();
  private readonly wants = new Map<string, { readonly points: Points; readonly at: number }>();
  private leader = "";
  /** Which channels this page wanted when it last said so. */
  private said: readonly string[] = [];
  private saidAt = -Infinity;
  private cancelTimer: Cancel = () => undefined;

  constructor(
    private readonly env: Environment,
    readonly name: string,
    private readonly host: CrewHost,
  ) {
    this.page = String(env.randomBytes(16));
  }

  /** Joins the other pages. Where browsers have no locks or no way to speak to them, this page is its own leader. */
  start(): void {
    if (this.role !== "none") return;
    this.over = new AbortController();
    this.port = this.env.tabs?.connect(this.name, (word) => this.hear(word as Word));
    this.follow();
    this.want();
  }

  /** Leaves them: another becomes leader at once. */
  stop(): void {
    this.say({ kind: "gone", page: this.page });
    this.cancelTimer();
    this.over.abort();
    this.port?.close();
    this.port = undefined;
    this.become("none");
  }

  /** What the other pages want beside this one: of each channel the lowest position. */
  others(): Points {
    const lowest = new Map<string, Next>();
    const now = this.env.now();
    for (const [page, { points, at }] of this.wants) {
      if (now - at > FORGET) this.wants.delete(page);
      else for (const [name, next] of points) if (next.since < (lowest.get(name)?.since ?? "~")) lowest.set(name, next);
    }
    return lowest;
  }

  /** The leader passes on what it was told. */
  pass(told: Told): void {
    this.say({ kind: "told", told });
  }

  /** The leader's way is another one. */
  beat(): void {
    if (this.role === "leader") this.say({ kind: "beat", page: this.page, ...this.host.leading() });
  }

  end(reason: string): void {
    this.say({ kind: "ended", reason });
  }

  renew(old: string, fresh: string): void {
    this.say({ kind: "renewed", old, fresh });
  }

  /** This page's channels may be others than before. */
  changed(): void {
    if (!sameNames([...this.host.points().keys()], this.said)) this.want();
  }

  /** A follower says what it wants. */
  private want(): void {
    if (this.role !== "follower") return;
    const points = this.host.points();
    this.said = [...points.keys()];
    this.saidAt = this.env.now();
    this.say({ kind: "want", page: this.page, points });
  }

  private say(word: Word): void {
    if (this.role !== "none") this.port?.post(word);
  }

  private follow(steal = false): void {
    this.become("follower");
    this.listen();
    const { over } = this;
    const alone = (): void => void (over.signal.aborted || this.become("leader"));
    if (!this.port || !this.env.tabs) return alone();
    this.env.tabs.lead(this.name, steal, over.signal, alone).then(
      // Another page took the lock away: this one was thought dead.
      () => void (over === this.over && !over.signal.aborted && this.follow()),
      // No locks here.
      alone,
    );
  }

  private become(role: Crew["role"]): void {
    const led = this.role === "leader";
    this.role = role;
    this.wants.clear();
    if (role === "leader") this.cancelTimer();
    if (led !== (role === "leader")) this.host.lead(role === "leader");
    this.beat();
  }

  /** Waits for a word of the leader; without one asks, and without an answer takes its place. */
  private listen(): void {
    this.cancelTimer();
    const soon = (wait: number): number => wait * (1 + this.env.random() / 2);
    this.cancelTimer = this.env.after(soon(SILENCE), () => {
      this.cancelTimer = this.env.after(soon(PATIENCE), () => {
        // The request that waits for the lock is given up with what it was made for.
        this.over.abort();
        this.over = new AbortController();
        this.host.pushed(undefined);
        this.follow(true);
      });
      this.want();
    });
  }

  private hear(word: Word): void {
    if (word.kind === "renewed") return this.host.renewed(word.old, word.fresh);
    if (word.kind === "ended") return this.host.ended(word.reason);
    if (this.role === "leader") this.serve(word);
    else if (word.kind === "told" || word.kind === "beat") this.heed(word);
  }

  private serve(word: Word): void {
    if (word.kind === "gone") this.wants.delete(word.page);
    else if (word.kind === "want") this.wants.set(word.page, { points: word.points, at: this.env.now() });
    else return;
    this.host.wanted();
    if (word.kind === "want") this.beat();
  }

  private heed(word: Word & { kind: "told" | "beat" }): void {
    this.listen();
    if (word.kind === "told") this.host.told(word.told);
    else {
      if (word.page !== this.leader) this.saidAt = -Infinity;
      this.leader = word.page;
      this.host.pushed(word.way);
      const segments = [...word.at].map(([channel, at]) => ({ channel, from: at, to: at, frames: [] }));
      this.host.told({ segments, check: [] });
    }
    // Where others are told much, no silence comes in which to say it.
    if (this.env.now() - this.saidAt > REPEAT) this.want();
  }
}
