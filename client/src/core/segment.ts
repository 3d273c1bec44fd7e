/** Pure: a stretch of a channel, as pushes bring it. */

import type { Frame } from "../public";
import type { Next } from "./answer";

/** All messages of `channel` behind `from` up to `to`. */
export interface Segment {
  readonly channel: string;
  readonly from: Next;
  readonly to: Next;
  readonly frames: readonly Frame[];
  /** What the stream has said before `from` did not all arrive. */
  readonly broken?: boolean;
}
