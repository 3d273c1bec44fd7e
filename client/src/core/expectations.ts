/**
 * Pure: which messages are expected, and until when (1.0 section 5.3, JS-7).
 *
 * Within a call any of its types will do; across calls all must be met. One end of the waiting time holds
 * for all: the latest. A call without types is met by its time alone.
 */
export class Expectations {
  private open: ReadonlyArray<readonly string[]> = [];
  /** When waiting for `open` ends. */
  private until = -Infinity;
  /** When the calls without types end. */
  private untyped = -Infinity;
  /** When nothing was expected any more, if `open` is empty. */
  private end = -Infinity;

  /** Adds what one call expects. */
  expect(now: number, seconds: number, types?: string | readonly string[]): void {
    this.expire(now);
    const until = now + seconds * 1_000;
    const list = typeof types === "string" ? [types] : (types ?? []);
    if (list.length > 0) {
      this.open = [...this.open, [...list]];
      this.until = Math.max(this.until, until);
    } else {
      this.untyped = Math.max(this.untyped, until);
      this.end = Math.max(this.end, until);
      this.until = Math.max(this.until, until);
    }
  }

  /** A message of this type has come. */
  meet(now: number, type: string): void {
    this.expire(now);
    if (this.open.length === 0) return;
    this.open = this.open.filter((types) => !types.includes(type));
    if (this.open.length === 0) this.finish(now);
  }

  /** How long nothing has been expected: 0 while something is, infinite if nothing ever was. */
  calm(now: number): number {
    this.expire(now);
    return this.open.length > 0 ? 0 : Math.max(0, now - this.end);
  }

  private expire(now: number): void {
    if (this.open.length === 0 || now < this.until) return;
    this.open = [];
    this.finish(this.until);
  }

  /** The waiting time belongs to what was met: it does not lengthen what is expected later. */
  private finish(at: number): void {
    this.end = Math.max(this.untyped, at);
    this.until = this.untyped;
  }
}
