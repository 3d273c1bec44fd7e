/**
 * Pure: which way to be pushed to a server. A stream is tried first, then long polls; what did not work is held for bad
 * for a while and then tried again. With neither there are polls, which always go. Times are milliseconds.
 */

/** `stream`: server-sent events. `block`: long polls. */
export type Push = "stream" | "block";

const ORDER: readonly Push[] = ["stream", "block"];
/** How long a way is held for bad, at first; then twice as long each time. */
export const HOLD = 60_000;
export const HOLD_MAX = 3_600_000;
/** So many failures in a row that may be anybody's fault: while polls go well, it is this way's. */
export const STRIKES = 2;

interface Record {
  until: number;
  /** How often in a row it was bad. */
  bad: number;
  strikes: number;
  /** Held for strikes alone. */
  doubted: boolean;
}

export class Ladder {
  private readonly records: { readonly [way in Push]: Record } = { stream: clean(), block: clean() };

  /** `streams`: whether the browser has them at all. */
  constructor(streams: boolean) {
    if (!streams) this.records.stream.until = Infinity;
  }

  /** `undefined`: polls, for now. */
  choose(now: number): Push | undefined {
    return ORDER.find((way) => this.records[way].until <= now);
  }

  /** When one of them is tried again. */
  get again(): number {
    return Math.min(...ORDER.map((way) => this.records[way].until));
  }

  /** It works. */
  proved(way: Push): void {
    Object.assign(this.records[way], clean());
  }

  /** It does not work here. `random` keeps pages from coming back in step. */
  bad(way: Push, now: number, random: number, atLeast = 0): void {
    const record = this.records[way];
    const hold = Math.min(HOLD_MAX, HOLD * 2 ** record.bad) * (1 + random / 2);
    record.bad += 1;
    record.strikes = 0;
    record.doubted = false;
    record.until = now + Math.max(atLeast, hold);
  }

  /** It failed, for whatever reason; `weight` counts as so many failures. */
  strike(way: Push, now: number, random: number, weight = 1): void {
    const record = this.records[way];
    record.strikes += weight;
    if (record.strikes < STRIKES) return;
    this.bad(way, now, random);
    record.doubted = true;
  }

  /** A poll failed too: nothing is to be said against pushes. */
  excuse(): void {
    for (const way of ORDER) {
      const record = this.records[way];
      record.strikes = 0;
      if (record.doubted) Object.assign(record, clean());
    }
  }

  /** The network is another one, with other proxies. */
  forget(): void {
    for (const way of ORDER) if (this.records[way].until < Infinity) Object.assign(this.records[way], clean());
  }
}

function clean(): Record {
  return { until: -Infinity, bad: 0, strikes: 0, doubted: false };
}
