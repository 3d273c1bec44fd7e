/** Pure: where a visitor's pages have stopped in the channels of a bus, as text to be kept by the browser. */

import type { Next } from "./answer";

/** Channels that are remembered: each logout makes another. */
const KEPT = 8;

type Entry = readonly [channel: string, since: string, epoch?: string];

/** Where they stopped in a channel, if that is known. */
export function lastIn(text: string, channel: string): Next | undefined {
  const [, since, epoch] = entries(text).find(([name]) => name === channel) ?? [];
  return since === undefined ? undefined : { since, epoch };
}

/** The text with this channel's position. */
export function lastWith(text: string, channel: string, { since, epoch }: Next): string {
  const others = entries(text).filter(([name]) => name !== channel);
  return JSON.stringify([[channel, since, epoch], ...others].slice(0, KEPT));
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
  return Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "string";
}
