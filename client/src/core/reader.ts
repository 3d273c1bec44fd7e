/** Pure: one channel, out of reads and pushes: each message once and in order, and nothing passed over (I-10). */

import type { Frame } from "../public";
import type { Answer, Resume } from "./answer";
import { Position } from "./position";
import type { Segment } from "./segment";

/** How much is kept while a read is under way; what is more is read. */
export const HELD = 1_000;

/** What is new. */
export interface News {
  /** The answer's. */
  readonly frames: readonly Frame[];
  /** What was pushed while the read was under way. */
  readonly later: readonly Frame[];
  readonly resume: Resume | undefined;
  /** Pushes had a hole, which no server said. */
  readonly mended: boolean;
}

export class Reader {
  readonly position = new Position();
  /** Whether the channel must be read: at first, and when something may be missing. */
  wanting = true;
  private reading = false;
  /** The first push that did not fit. */
  private unfit: Segment | undefined;
  private held: Segment[] = [];
  /** Those that were there before the read began, which therefore covers them (RET-10). */
  private covered: Segment[] = [];

  /** New frames out of a push; none while a read is needed or under way, for which it waits. */
  take(segment: Segment): readonly Frame[] {
    const fresh = this.wanting || this.reading ? undefined : this.position.follow(segment);
    if (fresh !== undefined) return fresh;
    if (!this.wanting && !this.reading) {
      this.wanting = true;
      this.unfit = segment;
    }
    if (this.held.length + this.covered.length >= HELD) this.held = [];
    this.held.push(segment);
    return [];
  }

  /** Something may have been missed, by the word of who pushes. */
  check(): void {
    this.wanting = true;
  }

  /** A read begins: what to ask for. */
  ask(): string {
    this.reading = true;
    this.wanting = false;
    this.covered.push(...this.held.splice(0));
    return this.position.query;
  }

  /** The read has failed. */
  failed(): void {
    this.reading = false;
    this.wanting = true;
  }

  /** The read was answered. */
  answered(answer: Answer): News {
    this.reading = false;
    const { unfit } = this;
    this.unfit = undefined;
    const frames = this.position.take(answer);
    // What the stream has lost may have been another channel's.
    const mended = unfit?.broken === true && frames.some(({ id }) => id <= unfit.from.since);
    const later: Frame[] = [];
    // One that still does not fit was damaged on the way; what it brought is in the answer.
    for (const segment of this.covered.splice(0)) later.push(...(this.position.follow(segment) ?? []));
    for (const segment of this.held.splice(0)) later.push(...this.take(segment));
    return { frames, later, resume: answer.resume, mended };
  }
}
