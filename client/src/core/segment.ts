/** Pure: a stretch of a channel, as pushes bring it. */

import type { Frame } from "../public";
import type { Next } from "./answer";

/** All messages of `channel` behind `from` up to `to`. */
export interface Segment {
  /**
   * - `frame`: one message; `from` is the message before it (`prev`)
   * - `moved`: the stream's word that there was none; it proves nothing about what was dropped on the way
   * - `answer`: the whole answer to a long poll
   */
  readonly kind: "frame" | "moved" | "answer";
  readonly channel: string;
  readonly from: Next;
  readonly to: Next;
  readonly frames: readonly Frame[];
  /** The message before it was not told of, nor any position behind that. */
  readonly broken?: boolean;
}
