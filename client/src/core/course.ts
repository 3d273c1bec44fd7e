/**
 * Pure: where a push of one bus goes on from, and what its events say about each channel (docs/PUSH.md).
 *
 * One channel is read at its own resource, with its own position. Several are read together; their positions are
 * texts that only the server reads: a long one, which names its channels, and a short one, which goes with the same set only.
 */

import type { Frame } from "../public";
import { nextFrom, queryFor, type Answer, type Next } from "./answer";
import type { Fact, Pushed } from "./fact";
import type { Segment } from "./segment";

/** What is to be done with what was pushed: parts of channels to take, channels to read. */
export interface Told {
  readonly segments: readonly Segment[];
  readonly check: readonly string[];
}

const NOTHING: Told = { segments: [], check: [] };

/** The positions of a bus's pushes, from one connection to the next. */
export class Course {
  private names: readonly string[] = [];
  /** What has been passed on of each channel. */
  at: ReadonlyMap<string, Next> = new Map();
  private long: Next | undefined;
  /** Which channels `long` names. */
  private named: readonly string[] = [];
  private short: Next | undefined;

  /** The channels of the push that was begun last. */
  get channels(): readonly string[] {
    return this.names;
  }

  /**
   * Begins a push of these channels; returns what to ask for, behind the bus's address. A channel that was in the push
   * before goes on from there, another from the position that is given.
   */
  begin(points: ReadonlyMap<string, Next>): string {
    const names = [...points.keys()].sort();
    if (!sameNames(names, this.names)) this.short = undefined;
    const before = this.at;
    this.at = new Map([...points].map(([name, point]) => [name, before.get(name) ?? point]));
    this.names = names;
    if (this.only !== undefined) return `/channel/${this.only}${queryFor(this.at.get(this.only))}`;
    const since = queryFor(this.short ?? this.long);
    const list = names.map((name) => `channel=${name}`).join("&");
    return `/channels${since}${since === "" ? "?" : "&"}${list}`;
  }

  /** An event of a stream, with its id. Throws for a frame of a channel that was not asked for. */
  told(said: Exclude<Fact, { kind: "end" }> | Pushed, id: string): Told {
    if (said.kind === "frame") return this.frame(said, id);
    if (this.only !== undefined) return this.moved(this.only, said);
    const fresh = this.remember(whole(said.cursor), whole(id));
    if (said.kind === "cursor") return NOTHING;
    const doubtful = said.resume === "complete" || said.channels.length > 0 ? said.channels : this.names;
    return { segments: [], check: [...new Set([...fresh, ...doubtful])] };
  }

  /** The answer to a long poll. `undefined` if it does not say where to go on. */
  answered({ frames, next, resume }: Answer): Told | undefined {
    if (next === undefined) return undefined;
    const { only } = this;
    if (only !== undefined) {
      const from = this.at.get(only) ?? next;
      this.pass(only, next);
      if (resume !== "complete") return { segments: [], check: [only] };
      return { segments: [{ kind: "answer", channel: only, from, to: next, frames }], check: [] };
    }
    const check = this.remember(next, undefined);
    if (resume !== "complete") return { segments: [], check: this.names };
    return { segments: this.names.flatMap((channel) => this.part(channel, frames)), check };
  }

  private moved(channel: string, said: Exclude<Fact, { kind: "end" }>): Told {
    const to = nextFrom(said.cursor);
    const from = this.at.get(channel) ?? to;
    this.pass(channel, to);
    if (said.kind === "resume" && said.resume !== "complete") return { segments: [], check: [channel] };
    return { segments: [{ kind: "moved", channel, from, to, frames: [] }], check: [] };
  }

  private frame({ frame, prev }: Pushed, id: string): Told {
    const { only } = this;
    const channel = only ?? frame.channel_name;
    if (channel === undefined || !this.names.includes(channel)) throw new SyntaxError("a frame of another channel");
    if (only === undefined) this.short = whole(id);
    const epoch = only === undefined ? undefined : nextFrom(id).epoch;
    const to = { since: frame.id, epoch };
    this.pass(channel, to);
    return { segments: [{ kind: "frame", channel, from: { since: prev, epoch }, to, frames: [frame] }], check: [] };
  }

  /** The frames of one channel in the answer for several. */
  private part(channel: string, all: readonly Frame[]): Segment[] {
    const frames = all.filter((frame) => frame.channel_name === channel);
    const last = frames[frames.length - 1];
    const from = this.at.get(channel);
    if (last === undefined || from === undefined) return [];
    const to = { since: last.id, epoch: undefined };
    this.pass(channel, to);
    return [{ kind: "answer", channel, from, to, frames }];
  }

  /** Keeps the position of the whole set; returns the channels that the one before did not name. */
  private remember(long: Next | undefined, short: Next | undefined): readonly string[] {
    const fresh = this.names.filter((name) => !this.named.includes(name));
    this.long = long;
    this.named = this.names;
    this.short = short;
    return fresh;
  }

  private pass(channel: string, to: Next): void {
    this.at = new Map(this.at).set(channel, to);
  }

  /** The channel, if it is one. */
  private get only(): string | undefined {
    return this.names.length === 1 ? this.names[0] : undefined;
  }
}

/** A position whose text is for the server alone. */
function whole(text: string): Next | undefined {
  return text === "" ? undefined : { since: text, epoch: undefined };
}

export function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at]);
}
