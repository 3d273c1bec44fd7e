/** Pure: the filters of a scope (V2-SCOPE-1), `field:value` with spaces between them. */

/** What a page may filter by; its bus and channel are the token's (V2-ANON-2). */
export const FILTERS = ["messageURL", "source", "sticky", "type"];
/** Characters. It stands in an address. */
export const LONGEST_SCOPE = 1_024;

/** A scope that a page asks for, in one order and each filter once. `undefined` if it is none. */
export function scopeFrom(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length > LONGEST_SCOPE) return undefined;
  const fields = text.split(" ").filter((field) => field !== "");
  return fields.every(isFilter) ? ordered(fields) : undefined;
}

/** The filters of a token's scope, in that order. */
export function filtersOf(scope: string): string {
  return ordered(scope.split(" ").filter(isFilter));
}

function ordered(fields: readonly string[]): string {
  return [...new Set(fields)].sort().join(" ");
}

function isFilter(field: string): boolean {
  const at = field.indexOf(":");
  return at > 0 && at < field.length - 1 && FILTERS.includes(field.slice(0, at));
}
