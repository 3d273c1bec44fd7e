/** What networks do to a stream that they should not: one event of many is lost, doubled, damaged, late or out of place. */

import type { Tamper, Wire } from "./proxy";

/**
 * - `drop`: it is lost
 * - `double`: it comes twice
 * - `swap`: the one behind it comes before it
 * - `replace`: an earlier one comes in its place
 * - `delay`: it comes late, and all behind it
 * - `damage`: it can be read no more
 * - `cut`: the connection ends in its midst
 */
export type Fault = "drop" | "double" | "swap" | "replace" | "delay" | "damage" | "cut";

/** The retry of broken streams is shortened to this: a test need not wait for what keeps thousands apart. */
const RETRY = 20;
/** When a stream has proved to be good: until then the library takes its end for the fault of proxies in general. */
const PROVED = 1_500;

export class Faults {
  /** How many of each were made. */
  readonly made = new Map<Fault, number>();
  /** Messages that have come by. */
  seen = 0;

  /** `choose` says what is to happen to the next message. */
  constructor(private readonly choose: () => Fault | undefined) {}

  readonly tamper: Tamper = (wire) => {
    const stream = new Stream(wire, (fault) => this.made.set(fault, (this.made.get(fault) ?? 0) + 1));
    return (event) => {
      if (!event.startsWith("event: message\n")) return stream.fact(event);
      this.seen += 1;
      stream.message(event, this.choose());
    };
  };
}

class Stream {
  private began: number | undefined;
  private before: string | undefined;
  /** One that is to come behind the next. */
  private swapped: string | undefined;
  /** Those that wait for one that is late. */
  private late: string[] | undefined;
  /** An end that waits for the stream to be proved. */
  private end: "damage" | "cut" | undefined;
  private over = false;

  constructor(
    private readonly wire: Wire,
    private readonly made: (fault: Fault) => void,
  ) {}

  fact(event: string): void {
    this.began ??= performance.now();
    this.release();
    this.send(event.replace(/^retry: \d+$/m, `retry: ${RETRY}`));
  }

  message(event: string, fault: Fault | undefined): void {
    if (fault === "damage" || fault === "cut") this.end = fault;
    if (this.end !== undefined && this.proved) return this.finish(event, this.end);
    if (this.swapped !== undefined) {
      this.made("swap");
      this.send(event);
      this.release();
    } else if (fault === "swap") this.swapped = event;
    else this.spoil(event, fault);
    this.before = event;
  }

  private spoil(event: string, fault: Fault | undefined): void {
    const { before } = this;
    if (fault === "replace" && before === undefined) return this.send(event);
    if (fault === "delay") this.delay();
    else if (fault === "drop" || fault === "double" || fault === "replace") this.made(fault);
    if (fault === "replace" && before !== undefined) this.send(before);
    else if (fault !== "drop") this.send(event);
    if (fault === "double") this.send(event);
  }

  private get proved(): boolean {
    return performance.now() - (this.began ?? Infinity) > PROVED;
  }

  private finish(event: string, how: "damage" | "cut"): void {
    if (this.over) return;
    this.made(how);
    this.late = undefined;
    this.send(how === "damage" ? event.replace('"prev":', '"perv":') : event.slice(0, event.length / 2));
    this.over = true;
    if (how === "cut") this.wire.cut();
  }

  private delay(): void {
    if (this.late !== undefined) return;
    this.made("delay");
    this.late = [];
    setTimeout(() => {
      const late = this.late ?? [];
      this.late = undefined;
      late.forEach((event) => this.send(event));
    }, 30);
  }

  /** What was to come later, if nothing has come before it. */
  private release(): void {
    const { swapped } = this;
    this.swapped = undefined;
    if (swapped !== undefined) this.send(swapped);
  }

  private send(event: string): void {
    if (this.over) return;
    if (this.late === undefined) this.wire.send(event);
    else this.late.push(event);
  }
}
