/** Pure: looks at values that came as JSON. */

import type { Frame } from "../public";

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is no frame is passed over: without an id nothing can be said about it. */
export function isFrame(value: unknown): value is Frame & Readonly<Record<string, unknown>> {
  return isObject(value) && typeof value["id"] === "string" && isObject(value["message"]);
}
