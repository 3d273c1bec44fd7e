/** Pure: the headers that a visitor's pages have had of a channel, as text that the browser keeps (V2-JS-1). */

import type { Header } from "../public";
import { hashOf } from "./hash";
import { isObject } from "./json";

/** How many are kept: the latest. */
export const KEPT = 100;

/** Those of a channel that have not expired at this time. */
export function keptIn(text: string, channel: string, date: number): Header[] {
  try {
    const all: unknown = JSON.parse(text);
    if (!Array.isArray(all) || all[0] !== hashOf(channel)) return [];
    return unexpired(all.slice(1).filter(isHeader), date);
  } catch {
    return [];
  }
}

export function keptText(channel: string, headers: readonly Header[]): string {
  return JSON.stringify([hashOf(channel), ...headers]);
}

/** The headers with one more, each once. */
export function keptWith(headers: readonly Header[], header: Header): Header[] {
  return [...headers.filter(({ messageURL }) => messageURL !== header.messageURL), header].slice(-KEPT);
}

export function unexpired(headers: readonly Header[], date: number): Header[] {
  return headers.filter(({ expire }) => Date.parse(expire) > date);
}

function isHeader(value: unknown): value is Header {
  return isObject(value) && typeof value["messageURL"] === "string" && typeof value["expire"] === "string";
}
