/** The ES module. */

import { browserEnvironment } from "./engine/browser";
import { connectIn } from "./faces/connect";
import type { Bus, ConnectOptions } from "./public";
import { VERSION } from "./version";

export type * from "./public";

/** This library's version. */
export const version: string = VERSION;

/**
 * Connects to a channel of a bus: the one in the page's `backplane-channel` cookie, else `channelName`, else a new one.
 * Polling starts at once. Messages that were there before are not delivered.
 *
 * Throws a `TypeError` if an option is missing or wrong.
 */
export function connect(options: ConnectOptions): Bus {
  return connectIn(browserEnvironment(), options);
}
