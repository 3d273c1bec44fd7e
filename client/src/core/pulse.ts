/** Pure: whether a stream is alive. Times are milliseconds. */

/** To the head of the answer, of a server that has just been read. */
export const HEAD_WITHIN = 5_000;
/** From there to the first fact, and to the rest of an event. A server sends both at once, so that only a proxy can have kept it. */
export const FACT_WITHIN = 5_000;
/** Between signs of life, where the server does not say. */
export const HEARTBEAT = 15_000;
/** A timer that is so late says that the machine slept. */
const SLEPT = 5_000;
/** What comes so soon after the first fact may have come with it. */
const TOGETHER = 1_000;

/**
 * - `unanswered`: no head
 * - `buffered`: a proxy keeps what the server sends
 * - `dead`: it was alive once
 */
export type Verdict = "unanswered" | "buffered" | "dead";

export class Pulse {
  /** When it counts as dead. */
  due: number;
  private heartbeat = HEARTBEAT;
  private head = false;
  private fact: number | undefined;
  /** Whether it was seen that heartbeats come through. */
  alive = false;

  constructor(now: number) {
    this.due = now + HEAD_WITHIN;
  }

  /** The answer's head has come. */
  headed(now: number): void {
    this.head = true;
    this.due = now + FACT_WITHIN;
  }

  /** Whether the first fact has come. */
  get opened(): boolean {
    return this.fact !== undefined;
  }

  /**
   * Anything has come. A server sends whole events: who lets go of what does not fit any more, and keeps the rest of an event, is a
   * proxy.
   */
  beat(now: number, torn = false): void {
    if (this.fact === undefined) return;
    if (!torn && now >= this.fact + TOGETHER) this.alive = true;
    this.due = now + (torn && !this.alive ? FACT_WITHIN : 2 * this.heartbeat);
  }

  /** The first fact has come. */
  told(now: number, heartbeat: number | undefined): void {
    this.heartbeat = heartbeat ?? this.heartbeat;
    this.fact ??= now;
    this.beat(now);
  }

  /** What is to be said when it is due. */
  verdict(now: number): Verdict {
    if (this.alive || now > this.due + SLEPT) return "dead";
    return this.head ? "buffered" : "unanswered";
  }
}
