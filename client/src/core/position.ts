/**
 * Pure: where in the channel the page is, and so which frames are new to it.
 *
 * By RET-4 a server answers with its whole window when it no longer has the message that `since` names; the page
 * must not see those again that it has seen. A server that sends `Backplane-Resume` gives out ids that sort as
 * text and rise within a bus, and shows nothing at or below a position it gave out: what is above the position
 * is new. After a `reset`, and when the answer names another epoch than the position has, its ids may have started
 * lower, and servers that say nothing promise nothing: there a frame is new unless its very id was seen.
 */

import type { Frame } from "../public";
import type { Answer } from "./answer";

/** How many ids are remembered: many times the window of a channel, by default 100 messages. */
export const REMEMBERED = 4_096;

export class Position {
  /** The last message that was seen, or the one that the server said to go on from. */
  since: string | undefined;
  /** Which history of the server `since` belongs to, if the server says so. */
  private epoch: string | undefined;
  private readonly seen = new Set<string>();

  /** What to ask for: a query with its question mark, or nothing without a position. */
  get query(): string {
    if (this.since === undefined) return "";
    const since = `?since=${encodeURIComponent(this.since)}`;
    return this.epoch === undefined ? since : `${since}&epoch=${encodeURIComponent(this.epoch)}`;
  }

  /** Moves on by an answer and returns its new frames, in order. */
  take(answer: Answer): Frame[] {
    const sameEpoch = this.since === undefined || answer.next?.epoch === this.epoch;
    const rising = sameEpoch && (answer.resume === "complete" || answer.resume === "gap");
    const fresh: Frame[] = [];
    let highest = rising ? this.since : undefined;
    for (const frame of answer.frames) {
      const above = highest === undefined || frame.id > highest;
      if (rising ? above : !this.seen.has(frame.id)) fresh.push(frame);
      if (above || !rising) highest = frame.id;
    }
    this.remember(answer.frames);
    const said = answer.next?.since;
    const next = rising ? later(highest, said) : (said ?? highest);
    if (next !== undefined) {
      this.since = next;
      this.epoch = answer.next?.epoch;
    }
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
