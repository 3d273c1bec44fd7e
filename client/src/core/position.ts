/**
 * Pure: where in the channel the page is, and so which frames are new to it.
 *
 * By RET-4 a server answers with its whole window when it no longer has the message that `since` names; the page
 * must not see those again that it has seen. A server that sends `Backplane-Resume` gives out ids that sort as
 * text and rise within a bus, and shows nothing at or below a position it gave out: what is above the position
 * is new. After a `reset`, and when the answer names another epoch than the position has, its ids may have started
 * lower, and servers that say nothing promise nothing: there a frame is new unless its very id was seen.
 *
 * What is pushed is taken only if it continues what the page has (I-10).
 */

import type { Frame } from "../public";
import { queryFor, type Answer, type Next } from "./answer";
import type { Segment } from "./segment";

/** How many ids are remembered: many times the window of a channel, by default 100 messages. */
export const REMEMBERED = 4_096;

export class Position {
  /** Where to go on from: the last message that was seen, or what the server said. The page has all up to there. */
  next: Next | undefined;
  private readonly seen = new Set<string>();

  /** Begins at a position of an earlier page. */
  begin(next: Next): void {
    this.next = next;
  }

  get since(): string | undefined {
    return this.next?.since;
  }

  /** What a read asks for: a query with its question mark, or nothing without a position. */
  get query(): string {
    return queryFor(this.next);
  }

  /** Moves on by the answer to a read and returns its new frames, in order. */
  take(answer: Answer): Frame[] {
    const before = this.next;
    const sameEpoch = before === undefined || answer.next?.epoch === before.epoch;
    const rising = sameEpoch && (answer.resume === "complete" || answer.resume === "gap");
    const fresh: Frame[] = [];
    let highest = rising ? before?.since : undefined;
    for (const frame of answer.frames) {
      const above = highest === undefined || frame.id > highest;
      if (rising ? above : !this.seen.has(frame.id)) fresh.push(frame);
      if (above || !rising) highest = frame.id;
    }
    this.remember(answer.frames);
    const said = answer.next?.since;
    const next = rising ? later(highest, said) : (said ?? highest);
    if (next !== undefined) this.begin({ since: next, epoch: answer.next?.epoch });
    return fresh;
  }

  /** Moves on by what was pushed and returns its new frames; `undefined` if something may be missing before it. */
  follow({ from, to, frames }: Segment): Frame[] | undefined {
    const { next } = this;
    if (next === undefined || from.since > next.since || differ(from.epoch, next.epoch)) return undefined;
    const fresh = frames.filter(({ id }) => id > next.since);
    this.remember(fresh);
    if (to.since >= next.since) this.next = to;
    return fresh;
  }

  /** Never fewer than one answer brings, or the next whole window would be new again. */
  private remember(frames: readonly Frame[]): void {
    for (const { id } of frames) {
      this.seen.delete(id);
      this.seen.add(id);
    }
    for (const oldest of this.seen) {
      if (this.seen.size <= Math.max(REMEMBERED, frames.length)) return;
      this.seen.delete(oldest);
    }
  }
}

function later(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
}

/** Whether two epochs are known to be different ones. */
function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
