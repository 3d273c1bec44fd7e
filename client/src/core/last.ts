/**
 * Pure: where a visitor's pages have stopped in the channels of a bus, as text to be kept by the browser.
 *
 * A channel's name is a secret and stays out of it: four bytes of a hash tell apart the few that one visitor has.
 */

import type { Next } from "./answer";
import { hashOf } from "./hash";

/** Channels that are remembered: each logout makes another. */
const KEPT = 8;

type Entry = readonly [channel: number, since: string, epoch?: string];

/** Where they stopped in a channel, if that is known. */
export function lastIn(text: string, channel: string): Next | undefined {
  const [, since, epoch] = entries(text).find(([hash]) => hash === hashOf(channel)) ?? [];
  return since === undefined ? undefined : { since, epoch };
}

/** The text with this channel's position. */
export function lastWith(text: string, channel: string, { since, epoch }: Next): string {
  const mine = hashOf(channel);
  const others = entries(text).filter(([hash]) => hash !== mine);
  return JSON.stringify([[mine, since, epoch], ...others].slice(0, KEPT));
}

/** Whatever else is there instead, nothing of it is used. */
function entries(text: string): readonly Entry[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(entry: unknown): entry is Entry {
  return Array.isArray(entry) && typeof entry[0] === "number" && typeof entry[1] === "string";
}
