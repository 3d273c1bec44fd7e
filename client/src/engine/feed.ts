/** One channel on this page: what is read and pushed of it, handed to all who listen. */

import type { Answer, Next } from "../core/answer";
import { unwrap } from "../core/envelope";
import { Reader } from "../core/reader";
import type { Segment } from "../core/segment";
import type { Frame, Gap, Message, RequestError } from "../public";
import type { Door } from "./door";
import type { Environment } from "./environment";
import { BackplaneError } from "./error";
import type { Read } from "./poller";

/** Who listens to a channel. None of these may throw. */
export interface Member {
  /** The query of the read that it waits for before it is told anything. */
  readonly waitsFor: string | undefined;
  opened(frames: readonly Frame[], answer: Answer): void;
  message(message: Message, frame: Frame): void;
  gap(gap: Gap): void;
  error(error: RequestError): void;
  /** Another page has left this channel for a new one. */
  move(fresh: string): void;
  /** Leaves the channel for a new one, with all members that are there. */
  renew(): void;
}

export interface FeedHost {
  /** A message of this type is here (JS-7). */
  met(type: string): void;
  /** There is something to read, or a position to be pushed from. */
  changed(): void;
  /** Everybody has been told of everything up to here. */
  moved(channel: string, to: Next): void;
}

export class Feed implements Read {
  readonly members = new Set<Member>();
  readonly reader = new Reader();
  private readonly ended = new AbortController();
  private asked: string | undefined;
  private opened = false;
  private kept: Next | undefined;

  constructor(
    private readonly env: Environment,
    readonly channel: string,
    private readonly door: Door,
    private readonly host: FeedHost,
  ) {}

  get over(): AbortSignal {
    return this.ended.signal;
  }

  /** Whether it has been read: what comes from now on is new. */
  get live(): boolean {
    return this.opened;
  }

  /** Whether no read has begun yet. */
  get untouched(): boolean {
    return this.asked === undefined && this.members.size === 1;
  }

  /** The first read is to go on from here. */
  begin(next: Next): void {
    this.reader.position.next = next;
  }

  /** What the first read asks for. */
  get query(): string {
    return this.asked ?? this.reader.position.query;
  }

  end(): void {
    this.ended.abort();
  }

  async run(signal: AbortSignal): Promise<() => void> {
    this.asked = this.reader.ask();
    const answer = await this.door.read(this.channel, this.asked, signal);
    return () => this.answered(answer);
  }

  failed(): void {
    this.reader.failed();
  }

  private answered(answer: Answer): void {
    const { frames, later, resume, mended } = this.reader.answered(answer);
    if (this.opened && (resume === "gap" || resume === "reset")) this.tell((member) => member.gap({ reason: resume }));
    if (mended) this.tell((member) => member.error(mendedError()));
    if (this.opened) this.deliver(frames);
    else this.open(frames, answer);
    this.deliver(later);
    this.moved();
    this.host.changed();
  }

  /** What was pushed. */
  take(segment: Segment): void {
    this.deliver(this.reader.take(segment));
    this.moved();
    if (this.reader.wanting) this.host.changed();
  }

  /** Something may have been missed. */
  check(): void {
    this.reader.check();
    this.host.changed();
  }

  private moved(): void {
    const { next } = this.reader.position;
    if (next && next !== this.kept) this.host.moved(this.channel, (this.kept = next));
  }

  private open(frames: readonly Frame[], answer: Answer): void {
    this.opened = true;
    for (const member of [...this.members]) {
      if (member.waitsFor === this.asked) member.opened(frames, answer);
    }
  }

  private deliver(frames: readonly Frame[]): void {
    for (const frame of frames) {
      const message = unwrapped(this.env, frame);
      if (message === undefined) continue;
      this.host.met(message.type);
      this.tell((member) => member.message(message, frame));
    }
  }

  /** A handler may have closed a connection or left the channel: whoever is no member any more is told nothing. */
  private tell(say: (member: Member) => void): void {
    for (const member of [...this.members]) if (this.members.has(member)) say(member);
  }
}

/** The message in a frame. What the server should have refused is reported, and must not hold up what is behind it. */
export function unwrapped(env: Environment, frame: Frame): Message | undefined {
  try {
    return unwrap(frame.message);
  } catch (error) {
    env.report(error);
    return undefined;
  }
}

function mendedError(): BackplaneError {
  return new BackplaneError("the stream had a hole; what was missing has been read", { code: "break" });
}
