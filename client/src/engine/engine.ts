/**
 * The core behind both faces: one channel, one poll at a time.
 *
 * start → name the channel (JS-2) → first read, discarded (JS-4) → polls with `since` → frames to the listener.
 * What is decided here is only the order of things; when to poll, what is new and what is expected are decided in
 * the pure parts.
 */

import { readAnswer, type Answer } from "../core/answer";
import { channelURL } from "../core/channel";
import { unwrap } from "../core/envelope";
import { Expectations } from "../core/expectations";
import { Position } from "../core/position";
import type { Frame, Gap, Message, RequestError, State } from "../public";
import type { Cancel, Environment, Getter, Wake } from "./environment";
import { BackplaneError } from "./error";
import { Naming } from "./naming";
import { Schedule } from "./schedule";
import type { Settings } from "./settings";

/** A request that takes longer has failed. */
export const REQUEST_TIMEOUT = 30_000;

/** What the engine tells a face. None of these may throw. */
export interface Listener {
  /** The channel is known: its name and URL. */
  named(name: string, url: string): void;
  /** Which frames of the first read to deliver after all (JS-4, JS-9). */
  first(frames: Frame[]): readonly Frame[];
  message(message: Message, frame: Frame): void;
  gap(gap: Gap): void;
  state(state: State): void;
  error(error: RequestError): void;
}

/** One channel's life; leaving the channel aborts it, and whatever comes back late finds it aborted. */
class Stay {
  readonly over = new AbortController();
  readonly position = new Position();
  url: string | undefined;
  firstRead = true;
  polling = false;
}

export class Engine {
  state: State = "connecting";
  private readonly naming: Naming;
  private readonly getter: Getter;
  private readonly expectations = new Expectations();
  private readonly schedule = new Schedule();
  private readonly unlisten: Cancel;
  private stay = new Stay();
  private cancelTimer: Cancel = () => undefined;

  constructor(
    private readonly env: Environment,
    private readonly settings: Settings,
    private readonly listener: Listener,
  ) {
    this.naming = new Naming(env, settings);
    this.getter = env[settings.transport];
    this.unlisten = env.onWake((wake) => this.wake(wake));
  }

  /** Joins the channel of the cookie or the options, else a new one. A known name is told before this returns. */
  start(): void {
    this.join(this.naming.known());
  }

  /** Leaves the channel and joins a new one (JS-9). */
  renew(): void {
    if (this.state === "closed") return;
    this.leave();
    this.naming.keep(undefined);
    this.stay = new Stay();
    this.schedule.restart();
    this.become("connecting");
    this.join(undefined);
  }

  expect(seconds: number, types?: string | readonly string[]): void {
    this.expectations.expect(this.env.now(), seconds, types);
    this.plan();
  }

  close(): void {
    if (this.state === "closed") return;
    this.leave();
    this.unlisten();
    this.become("closed");
  }

  private leave(): void {
    this.cancelTimer();
    this.stay.over.abort();
  }

  private join(known: string | undefined): void {
    const name = known ?? (this.settings.askServer ? undefined : this.naming.own());
    if (name === undefined) void this.ask(this.stay);
    else this.enter(this.stay, name);
  }

  private async ask(stay: Stay): Promise<void> {
    const fresh = await this.within(stay, (signal) => this.naming.fresh(this.getter, signal));
    // Another tab of the site may have been faster: then both use its channel. Alone, or each might overwrite what
    // the other has just written.
    await this.env.alone(() => {
      if (!stay.over.signal.aborted) this.enter(stay, this.naming.inCookie() ?? fresh);
    });
  }

  private enter(stay: Stay, name: string): void {
    stay.url = channelURL(this.settings.base, this.settings.bus, name);
    this.naming.keep(name);
    this.listener.named(name, stay.url);
    this.plan();
  }

  /** Sets the timer for the next poll, anew each time that something bears on it. */
  private plan(): void {
    this.cancelTimer();
    const { stay } = this;
    if (stay.over.signal.aborted || stay.polling || stay.url === undefined) return;
    // The browser's word alone is not enough: it knows nothing of servers on the same machine.
    if (this.schedule.failing && !this.env.isOnline()) return this.become("offline");
    const { url } = stay;
    const now = this.env.now();
    const due = this.schedule.due(this.expectations.calm(now), this.env.isHidden());
    this.cancelTimer = this.env.after(Math.max(0, due - now), () => void this.poll(stay, url));
  }

  private wake(wake: Wake): void {
    // Online: to catch up. Offline: to see whether that concerns this server.
    if (wake !== "visibility") this.schedule.restart();
    this.plan();
  }

  private async poll(stay: Stay, channel: string): Promise<void> {
    stay.polling = true;
    const url = channel + stay.position.query;
    try {
      const { body, header } = await this.within(stay, (signal) => this.getter.get(url, signal));
      if (stay.over.signal.aborted) return;
      const answer = readAnswer(body, header);
      this.schedule.succeeded(this.env.now());
      this.become("live");
      this.accept(stay, answer);
    } catch (thrown) {
      if (stay.over.signal.aborted) return;
      const error = BackplaneError.from(thrown);
      this.schedule.failed(this.env.now(), this.env.random(), error.retryAfter);
      this.become("retrying");
      this.listener.error(error);
    } finally {
      stay.polling = false;
    }
    this.plan();
  }

  private accept(stay: Stay, answer: Answer): void {
    const fresh = stay.position.take(answer);
    const frames = stay.firstRead ? this.listener.first(fresh) : fresh;
    if (!stay.firstRead && (answer.resume === "gap" || answer.resume === "reset")) {
      this.listener.gap({ reason: answer.resume });
    }
    stay.firstRead = false;
    for (const frame of frames) {
      // A subscriber may have closed the connection or left the channel.
      if (stay.over.signal.aborted) return;
      this.deliver(frame);
    }
  }

  private deliver(frame: Frame): void {
    let message: Message;
    try {
      message = unwrap(frame.message);
    } catch (error) {
      // The server refuses envelopes without a sound message; this one must not hold up those behind it.
      this.env.report(error);
      return;
    }
    this.expectations.meet(this.env.now(), message.type);
    this.listener.message(message, frame);
  }

  /** Runs a request that ends with the stay, or by itself after some time. */
  private async within<T>(stay: Stay, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const request = new AbortController();
    const abort = (): void => request.abort();
    let late = false;
    const cancel = this.env.after(REQUEST_TIMEOUT, () => {
      late = true;
      abort();
    });
    stay.over.signal.addEventListener("abort", abort);
    try {
      return await run(request.signal);
    } catch (error) {
      throw late ? new BackplaneError(`no answer within ${REQUEST_TIMEOUT / 1_000} seconds`) : error;
    } finally {
      cancel();
      stay.over.signal.removeEventListener("abort", abort);
    }
  }

  private become(state: State): void {
    if (this.state === state) return;
    this.state = state;
    this.listener.state(state);
  }
}
