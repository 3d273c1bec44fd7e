/** Every type that a page meets. Imports nothing, so that it can be published as it is. */

/** A message as its poster sent it, taken out of its Magic Envelope if it came in one (JS-8). */
export interface Message<Payload = unknown> {
  readonly source: string;
  readonly type: string;
  readonly payload: Payload;
  /** Fields of later versions (`sticky`, `expire`) and the poster's own. */
  readonly [field: string]: unknown;
}

/**
 * A message of version 2.0 as pages see it: all but its payload, which the widget's server fetches with a token of its own (V2-ACC-2,
 * V2-GET-2).
 */
export interface Header {
  /** Where whoever may have the payload gets the message. */
  readonly messageURL: string;
  readonly source: string;
  readonly type: string;
  readonly bus: string;
  readonly channel: string;
  readonly sticky: boolean;
  /** `YYYY-MM-DDTHH:MM:SSZ` */
  readonly expire: string;
}

/** What the server wraps around a message (1.0 section 4.3). */
export interface Frame {
  /** The message as posted: possibly a Magic Envelope. */
  readonly message: Readonly<Record<string, unknown>>;
  readonly channel_name?: string;
  readonly id: string;
}

/**
 * - `connecting`: no first read has succeeded yet
 * - `live`: messages are pushed, or the last poll succeeded
 * - `retrying`: the last request failed; another is scheduled
 * - `offline`: the browser says that there is no network; requests pause
 * - `closed`: ended by `close()`, the signal or a `final` error
 */
export type State = "connecting" | "live" | "retrying" | "offline" | "closed";

/** Messages may have been missed: expired or evicted before they were read. */
export interface Gap {
  /**
   * - `gap`: the server no longer has everything since the last that was read; also after a restart that lost messages
   * - `reset`: the server never gave out the last position, as when an old copy of its log was put back
   */
  readonly reason: "gap" | "reset";
}

/** What went wrong with a request. */
export interface RequestError extends Error {
  /** The answer's HTTP status; absent when there was no answer that could be read. */
  readonly status?: number;
  /** The server's error code, such as `unknown_bus`; `break`: see `Bus.onError`. */
  readonly code?: string;
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryAfter?: number;
  /** It will not be tried again: the bus does not exist, or the server has ended the stream for good. */
  readonly final?: true;
}

/**
 * - `fetch`: pushed where that works, else polled
 * - `poll`: polled only, as in 1.0
 * - `jsonp`: polled by script tags
 */
export type Transport = "fetch" | "poll" | "jsonp";

/** How messages come: by server-sent events, by long polls, by polls. */
export type Via = "stream" | "block" | "poll";

/**
 * - `here`: what is posted from now on (JS-4)
 * - `start`: all that the channel's window still has, then the rest
 * - `last`: what came since this visitor's last page; `here` if there was none
 */
export type From = "here" | "start" | "last";

export interface CookieOptions {
  /** When it ends; `""`: with the browser's session. Default: in five years (JS-3). */
  readonly expires?: Date | string;
  /** A host above the page's, whose other hosts are to share the channel. Default: the page's own host. */
  readonly domain?: string;
  /** `none` for frames in pages of other sites. Default: `lax`. */
  readonly sameSite?: "lax" | "strict" | "none";
}

export interface CommonOptions {
  readonly busName: string;
  /** `"jsonp"` only for servers that cannot answer other origins otherwise: it runs what they send. */
  readonly transport?: Transport;
  /** Which messages to begin with. Default: `here`. */
  readonly from?: From;
  /** How the page's cookie keeps the channel; `false`: not at all. */
  readonly cookie?: false | CookieOptions;
  /** Closes the connection. */
  readonly signal?: AbortSignal;
}

export interface ConnectOptions extends CommonOptions {
  /** The server's address up to its version: `https://backplane.customer.com/v1`. */
  readonly serverBaseURL: string;
  /** Used when the page's cookie knows no channel of this bus yet (JS-2). */
  readonly channelName?: string;
  /** `false`: a new channel name is made by the page at once instead of being asked of the server. */
  readonly serverChannel?: boolean;
}

/** Version 2.0: the server gives out a token and a channel, and messages come without their payloads. */
export interface Connect2Options extends CommonOptions {
  readonly version: 2;
  /** The server's address up to its version: `https://backplane.customer.com/v2`. */
  readonly serverBaseURL: string;
  /**
   * Which messages to be told of: `field:value`, with spaces between several, of the fields `type`, `source`, `sticky` and `messageURL`. Of one
   * field any will do, of several fields all must (V2-SCOPE-1). It is the channel's: another scope is another channel. Default: all messages.
   */
  readonly scope?: string;
}

export type Unsubscribe = () => void;
export type MessageHandler<Payload = unknown> = (message: Message<Payload>, frame: Frame) => void;

/** A connection to a channel of a bus, of either version. */
export interface Connection {
  /** The channel's URL, once it is known. */
  readonly channelId: string | undefined;
  /** Resolves to the channel's URL; rejects if the connection is closed before there is one. */
  readonly ready: Promise<string>;
  readonly state: State;
  /** How messages come at this moment; `poll` before the first read has succeeded. */
  readonly via: Via;
  /** Calls the handler when messages may have been missed, before it is called with those that were not. */
  onGap(handler: (gap: Gap) => void): Unsubscribe;
  /** Calls the handler with the channel's URL, as soon as it is known and each time that it is another one. */
  onChannel(handler: (channelId: string) => void): Unsubscribe;
  onState(handler: (state: State) => void): Unsubscribe;
  /**
   * Calls the handler with every failed request; it goes on by itself, unless the error is `final`. With `code` `break`
   * it tells that something was dropped or damaged on the way, and has been read again.
   */
  onError(handler: (error: RequestError) => void): Unsubscribe;
  /**
   * Says that messages will come soon. Where they are not pushed it polls about once a second until one of `types` has come, or, without
   * types, for all of `seconds`. Several calls add up: all must be met (JS-7).
   */
  expect(seconds: number, types?: string | readonly string[]): void;
  /**
   * Leaves the channel for a new one, as at a logout: with all connections of the site's pages that are there. Resolves to its
   * URL; rejects if the connection is closed before there is one.
   */
  reset(): Promise<string>;
  close(): void;
}

/** A connection of versions 1.x. Iterating over it yields every message from then on. */
export interface Bus extends Connection, AsyncIterable<Message> {
  /** Calls the handler with every message of this type. */
  on<Payload = unknown>(type: string, handler: MessageHandler<Payload>): Unsubscribe;
  /** Calls the handler with every message. */
  onAny(handler: MessageHandler): Unsubscribe;
}

/** A connection of version 2.0. Iterating over it yields every header from then on. */
export interface HeaderBus extends Connection, AsyncIterable<Header> {
  /** Calls the handler with the header of every message of this type. */
  on(type: string, handler: (header: Header) => void): Unsubscribe;
  /** Calls the handler with the header of every message. */
  onAny(handler: (header: Header) => void): Unsubscribe;
}

/** What `Backplane.init` takes (JS-2, JS-9). */
export interface InitOptions {
  serverBaseURL: string;
  busName: string;
  channelName?: string;
  /** `false`: a new channel name is made by the page at once instead of being asked of the server. */
  serverChannel?: boolean;
  /** The `expires` of the cookie, as a date in cookie form; `""` ends it with the session. Default: in five years. */
  channelExpires?: string | Date;
  /** Chooses which frames of the first read are delivered after all. Default: none (JS-4). */
  initFrameFilter?: (frames: Frame[]) => Frame[];
  /** How many of the last messages a late subscriber is called with at once. Default: 0. */
  cacheMax?: number;
  transport?: Transport;
}

/** The global `Backplane` of the classic script. */
export interface BackplaneGlobal {
  /** Runs the function once there is a channel: at once if there is. */
  (ready: () => void): void;
  readonly version: string;
  /** `false` if options are missing or wrong, or if it was called before. */
  init(options: InitOptions): boolean;
  /** An id for `unsubscribe`; `false` if the callback is no function. */
  subscribe(callback: (message: Message) => void): number | false;
  unsubscribe(id: number): boolean;
  /** The channel's URL; `false` before there is one (JS-6). */
  getChannelID(): string | false;
  getChannelName(): string | false;
  /** Where messages are not pushed: polls about once a second for a while (JS-7). `false` before `init` or without a time. */
  expectMessagesWithin(seconds: number, types?: string | readonly string[]): boolean;
  /** The same within a minute. */
  expectMessages(types?: string | readonly string[]): boolean;
  /** Leaves the channel, as at a logout, and goes on with a new one. */
  resetCookieChannel(): void;
  /** The API of the ES module. */
  connect(options: ConnectOptions): Bus;
}

/** What `Backplane.init` of the script `backplane2.js` takes (V2-JS-1). */
export interface Init2Options {
  serverBaseURL: string;
  busName: string;
  /** The `expires` of the cookie, as a date in cookie form; `""` ends it with the session. Default: in five years. */
  channelExpires?: string | Date;
  /** How many of the last messages a late subscriber is called with at once. Default: 10. */
  cacheMax?: number;
  /** `true`: each subscriber is called at once with the messages that earlier pages had and that have not expired. */
  replayOnPageLoad?: boolean;
  /** Chooses which messages of the first read are delivered. Default: all. */
  initFrameFilter?: (headers: Header[]) => Header[];
  /** Taken as it has always been, and not needed: messages are pushed. */
  block?: number;
  /** As in `Connect2Options`. */
  scope?: string;
  transport?: Transport;
}

/** The global `Backplane` of the script `backplane2.js`. */
export interface Backplane2Global {
  /** Runs the function once there is a channel: at once if there is; and again each time that it is another one. */
  (ready: () => void): void;
  /** The version of the historical library whose API this is: pages look for `2.0`. */
  readonly version: string;
  /** `false` if options are missing or wrong, or if it was called before. */
  init(options: Init2Options): boolean;
  /** An id for `unsubscribe`; `false` if the callback is no function. `replay`: as `replayOnPageLoad`, for this one. */
  subscribe(callback: (header: Header) => void, replay?: boolean): number | false;
  unsubscribe(id: number): boolean;
  /** The messages of the channel that this visitor's pages have had and that have not expired: 100 at most. */
  getCachedMessages(): Header[];
  /** The channel's URL; `false` before there is one (JS-6). */
  getChannelID(): string | false;
  getChannelName(): string | false;
  /** Where messages are not pushed: polls about once a second for a while (JS-7). `false` before `init` or without a time. */
  expectMessagesWithin(seconds: number, types?: string | readonly string[]): boolean;
  /** The same within a minute. */
  expectMessages(types?: string | readonly string[]): boolean;
  /** Leaves the channel, as at a logout, and goes on with a new one. */
  resetCookieChannel(): void;
  /** The API of the ES module. */
  connect(options: Connect2Options): HeaderBus;
  connect(options: ConnectOptions): Bus;
}
