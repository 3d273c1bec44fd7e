/** Pure: whether a stream is alive. Times are milliseconds. */

/** To the head of the answer. */
export const HEAD_WITHIN = 10_000;
/** From there to the first fact. A server sends both at once, so that only a proxy can have kept it. */
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

  /** Anything has come. */
  beat(now: number): void {
    if (this.fact === undefined) return;
    this.due = now + 2 * this.heartbeat;
    if (now >= this.fact + TOGETHER) this.alive = true;
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
