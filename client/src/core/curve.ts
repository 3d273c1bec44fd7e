/** Pure: how long to wait between two polls (JS-7). Times are milliseconds. */

/** Between polls while messages are expected. */
export const FAST = 1_000;
/** Between polls when nothing is expected. */
export const SLOW = 60_000;
/** How long the way back from fast to slow takes. */
export const RETURN = 120_000;
/**
 * How much slower a hidden page polls. Not slower still: while someone logs in in another tab or window, the
 * page that expects the message is the hidden one.
 */
export const HIDDEN = 5;

/** The wait after a poll, `calm` after the end of the last expectation: 0 while there is one, else rising. */
export function pollInterval(calm: number, hidden: boolean): number {
  const back = Math.min(1, Math.max(0, calm) / RETURN);
  return Math.round(FAST + (SLOW - FAST) * back) * (hidden ? HIDDEN : 1);
}
