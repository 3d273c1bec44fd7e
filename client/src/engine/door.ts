/** What differs from one version of the protocol to the next: how a bus is asked, and how a page comes by its channel. */

import type { Answer } from "../core/answer";
import type { Fact, Pushed } from "../core/fact";
import type { ServerEvent } from "../core/sse";
import type { Environment, Sink } from "./environment";
import type { Read } from "./poller";
import type { Settings } from "./settings";

/** A bus of a server, as one version speaks of it. */
export interface Door {
  /** The channel's URL, which is its ID. */
  id(channel: string): string;
  /** A retrieval, from the position that the query says. */
  read(channel: string, query: string, signal: AbortSignal): Promise<Answer>;
  /** A long poll of what a course says (`Course.begin`). */
  block(path: string, signal: AbortSignal): Promise<Answer>;
  /** A stream of that, as `Streamer` has it; `undefined` where the browser has none. */
  stream(path: string, signal: AbortSignal, sink: Sink): Promise<boolean> | undefined;
  /** What an event of a stream says; throws for what no server says. */
  event(event: ServerEvent): Fact | Pushed | undefined;
  /** The name that pages have in common which may share a connection. */
  crew(channel: string): string;
  /** What another page needs to join this channel, as text. */
  pass(channel: string): string;
  /** The channel that another page has passed on; `undefined` if that is none. */
  admit(pass: string): string | undefined;
  naming(settings: Settings): Naming;
}

/** How a connection finds its channel, and keeps it for others. */
export interface Naming {
  /** The channel to begin with, if there is one. */
  known(): string | undefined;
  /** What another connection of the page or another tab has found in the meantime. */
  taken(): string | undefined;
  /** A new channel of the page's own making, where nobody has to be asked. */
  own(): string | undefined;
  /** A new channel; never without one, but perhaps never. */
  find(): Promise<string>;
  keep(channel: string): void;
  /** The channel is left for good. */
  leave(channel: string | undefined): void;
}

/** What a door needs of the page's hub. */
export interface DoorHost {
  /** Ends with the hub. */
  readonly over: AbortController;
  /** The channel that the page was given last: for pages without cookies. */
  remembered: string | undefined;
  /** A request that takes its turn, and is tried until it succeeds. */
  read(read: Read): void;
  /** The server no longer lets the page into this channel. */
  lost(channel: string): void;
}

export type DoorMaker = (env: Environment, settings: Settings, host: DoorHost) => Door;
