/**
 * Pure: where a push of one bus goes on from, and what its events say about each channel (docs/PUSH.md).
 *
 * One channel is read at its own resource. Several are read together; what their positions have behind id and epoch only
 * the server reads: in the long ones it names the channels, the short ones go with the same set only.
 *
 * All that a stream says is one chain, whichever channel it is of (I-10): each frame names the one before it, and so does
 * the word that the position has moved on. While the chain holds, each channel goes on from where it was; where
 * it does not, something of any of them is missing.
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
  private points = new Map<string, Next>();
  /** The last frame's id; of a stream that begins, or that tells of a gap, the id it stands at; empty before that. */
  private last = "";
  /** Whether `last` is a frame's: then the next `prev` is that, else it is that or lower. */
  private linked = false;
  private long: Next | undefined;
  /** Which channels `long` names. */
  private named: readonly string[] = [];
  private short: Next | undefined;

  /** The channels of the push that was begun last. */
  get channels(): readonly string[] {
    return this.names;
  }

  /** What has been passed on of each channel. */
  get at(): ReadonlyMap<string, Next> {
    return this.points;
  }

  /**
   * Begins a push of these channels; returns what to ask for, behind the bus's address. A channel that was in the push
   * before goes on from there, another from the position that is given.
   */
  begin(points: ReadonlyMap<string, Next>): string {
    const names = [...points.keys()].sort();
    if (!sameNames(names, this.names)) this.short = undefined;
    const before = this.points;
    this.points = new Map([...points].map(([name, point]) => [name, before.get(name) ?? point]));
    this.names = names;
    this.last = "";
    this.linked = false;
    if (this.only !== undefined) return `/channel/${this.only}${queryFor(this.points.get(this.only))}`;
    const since = queryFor(this.short ?? this.long);
    const list = names.map((name) => `channel=${name}`).join("&");
    return `/channels${since}${since === "" ? "?" : "&"}${list}`;
  }

  /** An event of a stream, with its id. Throws for what no server says. */
  told(said: Exclude<Fact, { kind: "end" }> | Pushed, id: string): Told {
    const to = nextFrom(id);
    // The position is believed, so it must not be another event's.
    if (to.since !== nextFrom(said.kind === "frame" ? said.frame.id : said.cursor).since) throw new SyntaxError("an event without its id");
    if (said.kind === "resume") return this.resumed(said, to, id);
    // Without it nobody knows whether something was missed before.
    if (this.last === "") throw new SyntaxError("a stream without its beginning");
    // It came twice, or late: then it was missed by what came before it.
    if (to.since <= this.last) return { segments: [], check: [] };
    const broken = said.prev > this.last;
    if (!broken && this.linked && said.prev !== this.last) throw new SyntaxError("an event out of the chain");
    if (said.kind === "frame") return this.frame(said, to, id, broken);
    this.remember(whole(said.cursor), whole(id));
    if (broken) this.link(said.prev);
    return { segments: this.move(this.names, to, [], broken ? said.prev : undefined), check: [] };
  }

  /** The answer to a long poll. `undefined` if it does not say where to go on. */
  answered({ frames, next, resume }: Answer): Told | undefined {
    if (next === undefined) return undefined;
    const fresh = this.remember(next, undefined);
    const check = resume === "complete" ? fresh : this.names;
    return this.all(this.only === undefined ? nextFrom(next.since) : next, frames, check);
  }

  private resumed({ resume, cursor, channels, heartbeat }: Fact & { kind: "resume" }, to: Next, id: string): Told {
    const complete = resume === "complete";
    const begun = this.last !== "";
    // The chain goes on.
    if (begun && complete) return { segments: [], check: [] };
    this.last = to.since;
    this.linked = false;
    const fresh = this.remember(whole(cursor), whole(id));
    // In the midst of a stream it does not name the frame before it, which may have been lost, and of any channel.
    const all = begun || heartbeat === undefined || (!complete && channels.length === 0);
    return this.all(to, [], this.names.filter((name) => all || fresh.includes(name) || channels.includes(name)));
  }

  private frame({ frame, prev }: Pushed, to: Next, id: string, broken: boolean): Told {
    const { only } = this;
    const channel = only ?? frame.channel_name;
    if (channel === undefined || !this.names.includes(channel)) throw new SyntaxError("a frame of another channel");
    if (only === undefined) this.short = whole(id);
    this.link(to.since);
    return { segments: broken ? this.move(this.names, to, [frame], prev) : this.move([channel], to, [frame]), check: [] };
  }

  private link(last: string): void {
    this.last = last;
    this.linked = true;
  }

  /** Up to here there is nothing but these frames, for all channels but those that are doubtful. */
  private all(to: Next, frames: readonly Frame[], doubtful: readonly string[]): Told {
    for (const name of doubtful) this.points.set(name, to);
    // A position of all may lie before what one of them has passed on.
    const sure = this.names.filter((name) => !doubtful.includes(name) && (this.points.get(name) ?? to).since <= to.since);
    return { segments: this.move(sure, to, frames), check: doubtful };
  }

  /** These channels have gone on; from where they were, or after a break from behind `prev`. */
  private move(names: readonly string[], to: Next, frames: readonly Frame[], prev?: string): Segment[] {
    return names.map((channel) => {
      const from = prev === undefined ? (this.points.get(channel) ?? to) : { since: prev, epoch: to.epoch };
      this.points.set(channel, to);
      const own = frames.filter(({ channel_name: name = channel }) => name === channel);
      return { channel, from, to, frames: own, broken: prev !== undefined };
    });
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
