/** The connection over which a bus is pushed: a stream where that works, else long polls, else none. */

import type { Next } from "../core/answer";
import { Course, sameNames, type Told } from "../core/course";
import type { Fact } from "../core/fact";
import { STRIKES, type Ladder, type Push } from "../core/ladder";
import { Pulse, type Verdict } from "../core/pulse";
import { EventReader } from "../core/sse";
import type { Door } from "./door";
import type { Cancel, Environment } from "./environment";
import { BackplaneError } from "./error";
import { Schedule } from "./schedule";
import { within } from "./within";

/** How long a long poll waits, in seconds: shorter than most proxies' patience. */
export const BLOCK_SECONDS = 25;
/** And how much longer its answer may take. */
const BLOCK_SLACK = 15_000;
/** So many empty answers before their time say that the server knows no long polls. */
const EARLY = 2;
/** Between long polls that are answered too soon. */
const EARLY_PAUSE = 1_000;
/** Channels come and go together: a connection for all of them, not for each. */
const GATHER = 50;
/**
 * A connection that died without a word may have died with thousands of others, so they come back spread over this, where
 * the server has not given each its own time.
 */
export const SPREAD = 4_000;

export interface PusherHost {
  /** What to be pushed, and from where. */
  points(): ReadonlyMap<string, Next>;
  told(told: Told): void;
  /** `way` is another one. */
  changed(): void;
  /** Something failed that may be the network's fault or the server's: to be seen by reading. */
  probe(): void;
  failed(error: BackplaneError): void;
  /** The server wants it to be over. */
  ended(error: BackplaneError): void;
}

export class Pusher {
  /** How the bus is pushed at this moment; `undefined`: not at all. */
  way: Push | undefined;
  private course = new Course();
  private readonly schedule = new Schedule();
  private running = false;
  private attempt: AbortController | undefined;
  private early = 0;
  private cancelTimer: Cancel = () => undefined;
  private cancelGather: Cancel = () => undefined;

  constructor(
    private readonly env: Environment,
    private readonly door: Door,
    private readonly ladder: Ladder,
    private readonly host: PusherHost,
  ) {}

  /** What has been passed on of each channel. */
  get at(): ReadonlyMap<string, Next> {
    return this.course.at;
  }

  start(): void {
    this.running = true;
    this.course = new Course();
    this.plan();
  }

  stop(): void {
    this.running = false;
    this.cancelGather();
    this.drop();
    this.lost();
  }

  /** The channels may be others than before. */
  gather(): void {
    this.cancelGather();
    if (!this.running) return;
    this.cancelGather = this.env.after(GATHER, () => {
      const names = [...this.host.points().keys()].sort();
      if (this.attempt && !sameNames(names, this.course.channels)) this.drop();
      if (names.length === 0) this.lost();
      this.plan();
    });
  }

  /** Leaves a connection that may be dead and makes another. */
  again(): void {
    this.schedule.restart();
    this.drop();
    this.lost();
    this.plan();
  }

  /** Requests go well again. */
  hurry(): void {
    this.schedule.restart();
    this.plan();
  }

  plan(): void {
    this.cancelTimer();
    if (!this.running || this.attempt || this.host.points().size === 0) return;
    if (this.schedule.failing && !this.env.isOnline()) return;
    const now = this.env.now();
    const due = Math.max(this.schedule.soonest(), this.ladder.choose(now) ? -Infinity : this.ladder.again);
    this.cancelTimer = this.env.after(Math.max(0, due - now), () => void this.turn());
  }

  private drop(): void {
    this.cancelTimer();
    this.attempt?.abort();
    this.attempt = undefined;
  }

  private async turn(): Promise<void> {
    const way = this.ladder.choose(this.env.now());
    if (way === undefined) return this.plan();
    const attempt = new AbortController();
    this.attempt = attempt;
    const path = this.course.begin(this.host.points());
    const failed = await (way === "stream" ? this.stream(attempt, path) : this.block(attempt, path));
    // The page may have left it meanwhile.
    if (this.attempt !== attempt) return;
    this.attempt = undefined;
    failed?.();
    this.plan();
  }

  private opened(way: Push): void {
    this.schedule.succeeded(this.env.now());
    if (this.way === way) return;
    this.way = way;
    this.host.changed();
  }

  private lost(): void {
    if (this.way === undefined) return;
    this.way = undefined;
    this.host.changed();
  }

  /** Returns what is to be done about its end. */
  private async stream(attempt: AbortController, path: string): Promise<() => void> {
    const { env } = this;
    const pulse = new Pulse(env.now());
    const events = new EventReader();
    let verdict: Verdict | undefined;
    let end: (Fact & { kind: "end" }) | undefined;
    let cancel: Cancel = () => undefined;
    const watch = (): void => {
      cancel();
      if (attempt.signal.aborted) return;
      cancel = env.after(Math.max(0, pulse.due - env.now()), () => {
        verdict = pulse.verdict(env.now());
        attempt.abort();
      });
    };
    const text = (piece: string): void => {
      for (const event of events.take(piece)) {
        const said = this.door.event(event);
        if (said === undefined || attempt.signal.aborted) continue;
        if (said.kind === "end") end = said;
        else {
          if (said.kind === "resume") pulse.told(env.now(), said.heartbeat);
          this.host.told(this.course.told(said, event.id));
          if (said.kind === "resume" && this.attempt === attempt) this.opened("stream");
        }
      }
      pulse.beat(env.now(), events.torn);
      if (pulse.alive) this.ladder.proved("stream");
      watch();
    };
    const head = (): void => {
      pulse.headed(env.now());
      watch();
    };
    watch();
    try {
      const streamed = await this.door.stream(path, attempt.signal, { head, text });
      if (end !== undefined) return this.endOf(end);
      return streamed ? () => this.cut(pulse, events.retry) : () => this.unfit("stream");
    } catch (thrown) {
      if (end !== undefined) return this.endOf(end);
      if (thrown instanceof SyntaxError) return () => this.damaged(thrown);
      const error = BackplaneError.from(thrown);
      if (verdict === "buffered") return () => this.unfit("stream");
      if (verdict === "dead" || (pulse.opened && error.status === undefined)) return () => this.cut(pulse, events.retry);
      // Proxies that pack what they gather keep even the head. If the server cannot be read either, it is not their fault.
      return () => this.refused("stream", error, verdict === "unanswered" ? STRIKES : 1);
    } finally {
      cancel();
    }
  }

  private endOf({ reason, retry }: Fact & { kind: "end" }): () => void {
    return () => {
      this.lost();
      if (retry !== undefined) this.schedule.wait(this.env.now() + retry * (1 + this.env.random() / 5));
      else this.host.ended(new BackplaneError(`the server ended the stream: ${reason}`, { code: reason, final: true }));
    };
  }

  /** A connection that was good ended without a word. */
  private cut(pulse: Pulse, retry = this.env.random() * SPREAD): void {
    this.lost();
    const now = this.env.now();
    if (!pulse.alive) this.ladder.strike("stream", now, this.env.random());
    this.schedule.wait(now + retry);
  }

  /** It does not work between this page and this server. */
  private unfit(way: Push, atLeast = 0): void {
    this.lost();
    this.ladder.bad(way, this.env.now(), this.env.random(), atLeast);
  }

  /** Something came that no server says. */
  private damaged(error: SyntaxError): void {
    this.lost();
    const now = this.env.now();
    this.ladder.strike("stream", now, this.env.random());
    this.schedule.failed(now, this.env.random(), undefined);
    this.host.told({ segments: [], check: this.course.channels });
    this.host.failed(new BackplaneError(`the stream was damaged on the way: ${error.message}`, { code: "break" }));
  }

  private refused(way: Push, error: BackplaneError, weight = 1): void {
    const { status } = error;
    const now = this.env.now();
    if (error.final) return this.host.ended(error);
    // Older servers refuse what they do not know, which is no failure; 429 tells that there are too many streams.
    if (status === 429 || (status !== undefined && status >= 500)) this.host.failed(error);
    if (status !== undefined && status < 500) return this.unfit(way, error.retryAfter);
    this.lost();
    this.ladder.strike(way, now, this.env.random(), weight);
    this.schedule.failed(now, this.env.random(), error.retryAfter);
    this.host.probe();
  }

  private async block(attempt: AbortController, path: string): Promise<(() => void) | undefined> {
    const { env } = this;
    const asked = env.now();
    const blocking = `${path}${path.includes("?") ? "&" : "?"}block=${BLOCK_SECONDS}`;
    try {
      const get = (signal: AbortSignal) => this.door.block(blocking, signal);
      const answer = await within(env, attempt.signal, get, BLOCK_SECONDS * 1_000 + BLOCK_SLACK);
      if (attempt.signal.aborted) return undefined;
      const told = this.course.answered(answer);
      if (told === undefined) return () => this.unfit("block");
      const early = answer.frames.length === 0 && told.check.length === 0 && env.now() - asked < BLOCK_SECONDS * 500;
      this.early = early ? this.early + 1 : 0;
      this.host.told(told);
      if (this.early >= EARLY) return () => this.unfit("block");
      if (early) this.schedule.wait(env.now() + EARLY_PAUSE);
      else {
        this.ladder.proved("block");
        if (this.attempt === attempt) this.opened("block");
      }
      return undefined;
    } catch (thrown) {
      return () => this.refused("block", BackplaneError.from(thrown));
    }
  }
}
