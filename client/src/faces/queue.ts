/** What lies between a bus and a `for await` loop. */

/** How many messages may wait for a loop that is slower than its channel. */
export const QUEUE_LIMIT = 1_000;

/**
 * A bounded queue with one reader. When it overflows, the reader gets what had been queued and then an error: a loop that
 * cannot keep up must learn of it, and must not go on as if nothing was missing.
 */
export class Queue<T> implements AsyncIterator<T, undefined> {
  private readonly items: T[] = [];
  private readonly waiting: Array<(result: IteratorResult<T, undefined>) => void> = [];
  private end: { readonly error?: Error } | undefined;

  constructor(private readonly onEnd: () => void) {}

  push(item: T): void {
    if (this.end) return;
    const reader = this.waiting.shift();
    if (reader) reader({ done: false, value: item });
    else if (this.items.length < QUEUE_LIMIT) this.items.push(item);
    else this.finish({ error: new Error(`more than ${QUEUE_LIMIT} messages wait for this loop`) });
  }

  /** No more items will come. */
  close(): void {
    if (!this.end) this.finish({});
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.items.shift();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    if (this.end) {
      const { error } = this.end;
      this.end = {};
      return error ? Promise.reject(error) : Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The loop was left. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.items.length = 0;
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  private finish(end: { error?: Error }): void {
    this.end = end;
    this.onEnd();
    for (const reader of this.waiting.splice(0)) reader({ done: true, value: undefined });
  }
}
