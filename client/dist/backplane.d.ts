/** The ES module. */
import type { Bus, ConnectOptions } from "./public.js";
export type * from "./public.js";
/** This library's version. */
export declare const version: string;
/**
 * Connects to a channel of a bus: the one in the page's `backplane-channel` cookie, else `channelName`, else a new one.
 * Polling starts at once. Messages that were there before are not delivered.
 *
 * Throws a `TypeError` if an option is missing or wrong.
 */
export declare function connect(options: ConnectOptions): Bus;
