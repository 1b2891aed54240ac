/**
 * Times as findings tell them, RFC 3339 in UTC, from and to Unix milliseconds. The one place of the pure folders that may
 * say Date: neither function asks what time it is.
 */

export function timestampOf(ms: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: reckons with the calendar, and reads no clock
  return new Date(ms).toISOString();
}

/** NaN for what is no time. */
export function millisecondsOf(timestamp: string): number {
  // biome-ignore lint/style/noRestrictedGlobals: reckons with the calendar, and reads no clock
  return Date.parse(timestamp);
}
