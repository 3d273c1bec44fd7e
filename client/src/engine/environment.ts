/** Everything that the engine needs of the outside, so that tests can bring their own. Times are milliseconds. */

/** Ends what it was handed out for. */
export type Cancel = () => void;

/** Why the engine should look again at when to poll. */
export type Wake = "visibility" | "online" | "offline" | "suspended" | "restored";

export interface Reply {
  /** The body, parsed. */
  readonly body: unknown;
  /** A header's value; always `null` where the transport has no headers. */
  header(name: string): string | null;
}

/** Gets a JSON value; rejects with a `BackplaneError` when there is none, and soon after the signal. */
export interface Getter {
  get(url: string, signal: AbortSignal): Promise<Reply>;
}

/** Where a stream's text goes. What it throws ends the stream. */
export interface Sink {
  /** The answer is a stream, and its head has come. */
  head(): void;
  text(text: string): void;
}

export interface Streamer {
  /**
   * Resolves when the stream has ended: `true`; `false` if the answer was none. Rejects as a `Getter` does, and when the
   * connection breaks.
   */
  open(url: string, signal: AbortSignal, sink: Sink): Promise<boolean>;
}

/** A way to speak to the other pages of the origin. */
export interface Port {
  post(word: unknown): void;
  close(): void;
}

export interface Tabs {
  /** Everybody who is connected by this name hears what the others post. */
  connect(name: string, hear: (word: unknown) => void): Port;
  /**
   * Waits for a lock, or takes it away from who has it, calls `held`, and keeps it until the signal. Resolves when it is over or
   * was taken away; rejects if there are no locks.
   */
  lead(name: string, steal: boolean, signal: AbortSignal, held: () => void): Promise<void>;
}

export interface Environment {
  /** A clock that never steps back. */
  now(): number;
  /** The time of day. */
  date(): number;
  after(wait: number, run: () => void): Cancel;
  /** From 0 up to 1. */
  random(): number;
  /** Cryptographically random. */
  randomBytes(count: number): Uint8Array;
  /** The page's cookies; the empty text where they are blocked. */
  readCookie(): string;
  writeCookie(cookie: string): void;
  /** What this tab kept, else what another of the visitor's did; the empty text if there is nothing. */
  recall(key: string): string;
  /** `beyond`: for other tabs and later ones, too. */
  keep(key: string, text: string, beyond: boolean): void;
  /** Runs a function while no other tab of the site runs one, where browsers can see to that. It must not throw. */
  alone(run: () => void): Promise<void>;
  /** The page's address. */
  pageURL(): string;
  isOnline(): boolean;
  isHidden(): boolean;
  onWake(listener: (wake: Wake) => void): Cancel;
  /** Tells the page's developer, without disturbing whoever calls. */
  report(error: unknown): void;
  readonly fetch: Getter;
  /** `undefined` where answers can only be had whole. */
  readonly stream: Streamer | undefined;
  readonly jsonp: Getter;
  /** `undefined` where pages cannot speak to each other. */
  readonly tabs: Tabs | undefined;
}
