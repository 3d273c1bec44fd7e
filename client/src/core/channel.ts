/** Pure: names and addresses of channels (MSG-8, JS-2, V1-NEW-1). */

/** As in the server: longer names are refused. */
const LONGEST = 128;
/** 24 bytes are 32 characters and 192 bits. */
export const RANDOM_BYTES = 24;

/** Whether a value is a channel name. `new` never is: it is where new names come from (V1-NEW-1). */
export function isChannelName(value: unknown): value is string {
  return typeof value === "string" && value.length <= LONGEST && /^[\w-]+$/.test(value) && value !== "new";
}

/** A new name out of random bytes, in base64url. */
export function channelNameFrom(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_");
}

/**
 * The server's address as pages have written it since 2011: with or without a scheme, with slashes or spaces at
 * the end, or as a path on the page's own server. `undefined` if it is none.
 */
export function serverBase(text: unknown, page: string): string | undefined {
  if (typeof text !== "string") return undefined;
  const bare = text.trim();
  if (bare === "") return undefined;
  const absolute = /^(https?:)?\/\//i.test(bare) || bare.startsWith("/") ? bare : `//${bare}`;
  try {
    const url = new URL(absolute, page);
    return /^https?:$/.test(url.protocol) && !url.search && !url.hash ? url.href.replace(/\/+$/, "") : undefined;
  } catch {
    return undefined;
  }
}

/** The channel's URL, which is its ID (1.0 section 2.2). */
export function channelURL(base: string, bus: string, channel: string): string {
  return `${base}/bus/${encodeURIComponent(bus)}/channel/${channel}`;
}

/** Where the server gives out new names: version 1.1 and later, beside 1.0. `undefined` if it cannot be asked. */
export function newChannelURL(base: string, bus: string): string | undefined {
  const [version, minor] = /\/v1(\.[1-9])?$/.exec(base) ?? [];
  if (version === undefined) return undefined;
  return channelURL(minor === undefined ? `${base}.1` : base, bus, "new");
}
