/**
 * Pure: where a push of one bus goes on from, and what its events say about each channel (docs/PUSH.md).
 *
 * One channel is read at its own resource. Several are read together; what their positions have behind id and epoch only
 * the server reads: in the long ones it names the channels, the short ones go with the same set only.
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

/** The positions of a bus's pushes, from one connection to the next. */
export class Course {
  private names: readonly string[] = [];
  /** What has been passed on of each channel. */
  at: ReadonlyMap<string, Next> = new Map();
  /** The latest id that this push has told, with whichever channel. */
  private latest = "";
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
    this.latest = "";
    if (this.only !== undefined) return `/channel/${this.only}${queryFor(this.at.get(this.only))}`;
    const since = queryFor(this.short ?? this.long);
    const list = names.map((name) => `channel=${name}`).join("&");
    return `/channels${since}${since === "" ? "?" : "&"}${list}`;
  }

  /** An event of a stream, with its id. Throws for a frame of a channel that was not asked for. */
  told(said: Exclude<Fact, { kind: "end" }> | Pushed, id: string): Told {
    if (said.kind === "frame") return this.frame(said, id);
    const fresh = this.remember(whole(said.cursor), whole(id));
    const doubtful = new Set(said.kind === "cursor" ? [] : fresh);
    if (said.kind === "resume" && said.resume !== "complete") {
      for (const name of said.channels.length > 0 ? said.channels : this.names) doubtful.add(name);
    }
    const to = nextFrom(said.cursor);
    this.latest = to.since;
    return { segments: this.all("moved", to, [], doubtful), check: [...doubtful] };
  }

  /** The answer to a long poll. `undefined` if it does not say where to go on. */
  answered({ frames, next, resume }: Answer): Told | undefined {
    if (next === undefined) return undefined;
    const fresh = this.remember(next, undefined);
    const check = resume === "complete" ? fresh : this.names;
    const to = this.only === undefined ? nextFrom(next.since) : next;
    return { segments: this.all("answer", to, frames, new Set(check)), check };
  }

  /** Up to here there is nothing but these frames, for all channels but those that are doubtful. */
  private all(kind: "moved" | "answer", to: Next, frames: readonly Frame[], doubtful: ReadonlySet<string>): Segment[] {
    const before = this.at;
    this.at = new Map(this.names.map((name) => [name, to]));
    return this.names.flatMap((channel) => {
      if (doubtful.has(channel)) return [];
      const own = frames.filter(({ channel_name: name = channel }) => name === channel);
      return [{ kind, channel, from: before.get(channel) ?? to, to, frames: own }];
    });
  }

  private frame({ frame, prev }: Pushed, id: string): Told {
    const { only } = this;
    const channel = only ?? frame.channel_name;
    if (channel === undefined || !this.names.includes(channel)) throw new SyntaxError("a frame of another channel");
    if (only === undefined) this.short = whole(id);
    const { epoch } = nextFrom(id);
    const to = { since: frame.id, epoch };
    const broken = prev > this.latest;
    this.at = new Map(this.at).set(channel, to);
    this.latest = to.since;
    return { segments: [{ kind: "frame", channel, from: { since: prev, epoch }, to, frames: [frame], broken }], check: [] };
  }

  /** Keeps the position of the whole set; returns the channels that the one before did not name. */
  private remember(long: Next | undefined, short: Next | undefined): readonly string[] {
    // The position of one channel is none of several.
    if (this.only !== undefined) {
      this.long = this.short = undefined;
      this.named = [];
      return [];
    }
    const fresh = this.names.filter((name) => !this.named.includes(name));
    this.long = long;
    this.named = this.names;
    this.short = short;
    return fresh;
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
