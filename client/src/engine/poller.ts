/** Reads of a bus's channels: at first, when something may be missing, and in turn while nothing is pushed. */

import type { Cancel, Environment } from "./environment";
import { BackplaneError } from "./error";
import { Schedule } from "./schedule";
import { within } from "./within";

/** One read of one channel, or another request that takes its turn with them. */
export interface Read {
  /** Ends the read when nobody cares any more. */
  readonly over: AbortSignal;
  /** The read begins: resolves to what is done with its answer. */
  run(signal: AbortSignal): Promise<() => void>;
  failed(): void;
}

export interface PollerHost {
  /** The reads that cannot wait. */
  needed(): readonly Read[];
  /** All channels, for a poll; none while they are pushed. */
  due(): readonly Read[];
  /** How long nothing has been expected (JS-7). */
  calm(): number;
  succeeded(): void;
  failed(error: BackplaneError): void;
  offline(): void;
}

/** Never more than one read at a time. */
export class Poller {
  private readonly schedule = new Schedule();
  private cancelTimer: Cancel = () => undefined;
  private busy = false;
  private ended = false;

  constructor(
    private readonly env: Environment,
    private readonly host: PollerHost,
  ) {}

  /** Sets the timer for the next read, anew each time that something bears on it. */
  plan(): void {
    this.cancelTimer();
    if (this.ended || this.busy) return;
    const now = this.env.now();
    const at = this.next();
    if (at === undefined) return;
    // The browser's word alone is not enough: it knows nothing of servers on the same machine.
    if (this.schedule.failing && !this.env.isOnline()) return this.host.offline();
    this.cancelTimer = this.env.after(Math.max(0, at - now), () => void this.run());
  }

  private next(): number | undefined {
    if (this.host.needed().length > 0) return this.schedule.soonest();
    if (this.host.due().length === 0) return undefined;
    return this.schedule.due(this.host.calm(), this.env.isHidden());
  }

  /** All that is known is from this moment: the next poll has time. */
  rest(): void {
    this.schedule.succeeded(this.env.now());
  }

  /** Past failures no longer count, and the next poll is due. */
  restart(): void {
    this.schedule.restart();
  }

  end(): void {
    this.ended = true;
    this.cancelTimer();
  }

  private async run(): Promise<void> {
    this.busy = true;
    const needed = this.host.needed();
    for (const read of needed.length > 0 ? needed : this.host.due()) {
      if (!(await this.read(read)) || this.ended) break;
    }
    this.busy = false;
    this.plan();
  }

  /** Whether to go on. */
  private async read(read: Read): Promise<boolean> {
    const { over } = read;
    if (over.aborted) return true;
    try {
      const answered = await within(this.env, over, (signal) => read.run(signal));
      if (over.aborted) return true;
      this.schedule.succeeded(this.env.now());
      this.host.succeeded();
      answered();
      return true;
    } catch (thrown) {
      if (over.aborted) return true;
      const error = BackplaneError.from(thrown);
      read.failed();
      this.schedule.failed(this.env.now(), this.env.random(), error.retryAfter);
      this.host.failed(error);
      return false;
    }
  }
}
