/** What one client may cost. */

/** Seconds and bytes as Node and fastify take them. */
export const limits = {
  /** A request must have arrived whole in this time. */
  requestMs: 10_000,
  /** Nothing at all may happen on a connection for so long; events have a sign of life more often. */
  idleMs: 60_000,
  /** A connection without a request is kept for so long. */
  keepAliveMs: 15_000,
  headerBytes: 16_384,
  urlBytes: 4_096,
  /** A name in a path. */
  parameterBytes: 253,
  connections: 200,
  /** Connections are looked at this often for those whose time is over. */
  checkMs: 1_000,
} as const;
