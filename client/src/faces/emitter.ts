/** Calls handlers so that one that throws does not keep the others from theirs (JS-5). */

import type { Environment } from "../engine/environment";
import type { Unsubscribe } from "../public";

/** Calls one function of the page; what it throws is reported, not thrown. */
export function guarded(env: Environment, call: () => void): void {
  try {
    call();
  } catch (error) {
    env.report(error);
  }
}

/** A list of handlers, called in the order in which they were added. */
export class Emitter<Arguments extends readonly unknown[]> {
  private readonly handlers = new Map<number, (...values: Arguments) => void>();
  private last = 0;

  constructor(private readonly env: Environment) {}

  /** Adds a handler and returns its id, from 1. The same function may be added twice. */
  add(handler: (...values: Arguments) => void): number {
    this.last += 1;
    this.handlers.set(this.last, handler);
    return this.last;
  }

  /** Whether there was such a handler. */
  remove(id: number): boolean {
    return this.handlers.delete(id);
  }

  on(handler: (...values: Arguments) => void): Unsubscribe {
    const id = this.add(handler);
    return () => void this.remove(id);
  }

  /** Handlers that are added meanwhile wait for the next call, removed ones are not called any more. */
  emit(...values: Arguments): void {
    for (const [id, handler] of [...this.handlers]) {
      if (this.handlers.has(id)) guarded(this.env, () => handler(...values));
    }
  }

  clear(): void {
    this.handlers.clear();
  }
}
