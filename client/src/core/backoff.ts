/** Pure: when to ask again after an error. Times are milliseconds. */

/** Never sooner than the fastest polling. */
export const SOONEST = 1_000;
const FIRST = 2_000;
const LONGEST = 120_000;
/** Timers take no more than some 24 days; no server that means a page says more than a day. */
const RETRY_AFTER_MAX = 86_400_000;

/** The wait after so many failures in a row: full jitter, so that pages do not come back in step. */
export function backoff(failures: number, random: number): number {
  const most = Math.min(LONGEST, FIRST * 2 ** Math.max(0, failures - 1));
  return SOONEST + random * (most - SOONEST);
}

/** A `Retry-After`: seconds or a date (RFC 9110 section 10.2.3). `undefined` if it is neither. */
export function retryAfter(header: string | null, date: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - date;
  return Number.isNaN(wait) ? undefined : Math.min(RETRY_AFTER_MAX, Math.max(0, wait));
}
