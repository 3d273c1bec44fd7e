/** Pure: when the next request is due. Times are milliseconds. */

import { backoff } from "../core/backoff";
import { pollInterval } from "../core/curve";

export class Schedule {
  /** When the last poll ended. */
  private ended = -Infinity;
  private failures = 0;
  private retryAt = -Infinity;
  /** The server's word (`Retry-After`): nothing overrides it. */
  private notBefore = -Infinity;

  /** The next poll's time; it may lie in the past. */
  due(calm: number, hidden: boolean): number {
    const wanted = this.failures > 0 ? this.retryAt : this.ended + pollInterval(calm, hidden);
    return Math.max(wanted, this.notBefore);
  }

  /** When something that cannot wait for the next poll may be asked for; it may lie in the past. */
  soonest(): number {
    return Math.max(this.failures > 0 ? this.retryAt : -Infinity, this.notBefore);
  }

  /** Not before this time. */
  wait(until: number): void {
    this.notBefore = until;
  }

  succeeded(now: number): void {
    this.ended = now;
    this.failures = 0;
  }

  failed(now: number, random: number, retryAfter: number | undefined): void {
    this.ended = now;
    this.failures += 1;
    this.retryAt = now + backoff(this.failures, random);
    if (retryAfter !== undefined) this.wait(now + retryAfter);
  }

  /** Whether the last poll failed. */
  get failing(): boolean {
    return this.failures > 0;
  }

  /** The network has changed, or the channel is another: the next poll is due at once. */
  restart(): void {
    this.ended = -Infinity;
    this.failures = 0;
  }
}
