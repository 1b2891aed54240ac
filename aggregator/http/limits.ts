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
  /** Of a log-in; nothing else has a body. */
  bodyBytes: 16_384,
  /** A name in a path. */
  parameterBytes: 253,
  /** Of each listener. */
  connections: 200,
  /** Of them, those of one address over TLS: nobody else's, the kubelet's among them, may be shut out by one. */
  connectionsOfOne: 40,
  handshakeMs: 10_000,
  /** One person, whatever the number of tokens; a page asks for much at once when it opens. */
  person: { perSecond: 20, atOnce: 40 },
  /** One address, before somebody is known. */
  source: { perSecond: 5, atOnce: 20 },
  /** One address: ten in a minute. */
  logIns: { perSecond: 1 / 6, atOnce: 10 },
  /** Connections are looked at this often for those whose time is over. */
  checkMs: 1_000,
} as const;
