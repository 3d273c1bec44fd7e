/** The ES module. */

import { browserEnvironment } from "./engine/browser";
import type { Environment } from "./engine/environment";
import { connectAny } from "./faces/connect-any";
import type { Bus, Connect2Options, ConnectOptions, HeaderBus } from "./public";
import { VERSION } from "./version";

export type * from "./public";

/** This library's version. */
export const version: string = VERSION;

let environment: Environment | undefined;

/**
 * Connects by version 2.0 to a channel of a bus: the one in the page's cookie `backplane2-channel`, else one that the server gives out
 * with a token. Pages of the site that are in the same channel share one connection to the server. Otherwise as below.
 */
export function connect(options: Connect2Options): HeaderBus;
/**
 * Connects to a channel of a bus: the one in the page's `backplane-channel` cookie, else `channelName`, else a new one.
 * All connections of the page, and of the site's other pages, share one connection to the server. Messages that were there
 * before are delivered if `from` says so.
 *
 * Throws a `TypeError` if an option is missing, wrong or unknown.
 */
export function connect(options: ConnectOptions): Bus;
export function connect(options: ConnectOptions | Connect2Options): Bus | HeaderBus {
  return connectAny((environment ??= browserEnvironment()), options as ConnectOptions);
}
