/** The ES module. */

import { browserEnvironment } from "./engine/browser";
import type { Environment } from "./engine/environment";
import { connectIn } from "./faces/connect";
import type { Bus, ConnectOptions } from "./public";
import { VERSION } from "./version";

export type * from "./public";

/** This library's version. */
export const version: string = VERSION;

let environment: Environment | undefined;

/**
 * Connects to a channel of a bus: the one in the page's `backplane-channel` cookie, else `channelName`, else a new one.
 * All connections of the page, and of the site's other pages, share one connection to the server. Messages that were there
 * before are delivered if `from` says so.
 *
 * Throws a `TypeError` if an option is missing, wrong or unknown.
 */
export function connect(options: ConnectOptions): Bus {
  return connectIn((environment ??= browserEnvironment()), options);
}
