/** The ways by which an agent reaches the aggregator. That one works and another does not is a fact about its node. */

/** What an address of the aggregator is: its Service, a name of its pods, a pod itself, a unix socket, or anything. */
export const wayKinds = ['service', 'headless', 'pod', 'socket', 'other'] as const;
export type WayKind = (typeof wayKinds)[number];

/** Why no connection came about. `unreachable` also stands for what has no word of its own. */
export const wayFailures = ['refused', 'timeout', 'name-unknown', 'tls', 'unreachable'] as const;
export type WayFailure = (typeof wayFailures)[number];

/** One way, and how it went when it was tried. Ages in milliseconds; null = that did not happen since the agent's start. */
export interface Way {
  /** `host:port`, `[::1]:port` or `unix:/path`. */
  readonly address: string;
  readonly kind: WayKind;
  /** The agent's stream goes over it. */
  readonly inUse: boolean;
  readonly workedAgeMs: number | null;
  readonly failedAgeMs: number | null;
  /** Since the first failure after which none worked; null: the last one worked, or there was none. */
  readonly failingAgeMs: number | null;
  /** Why the last one failed; null where none did, or for a reason that has no word here. */
  readonly reason: WayFailure | null;
}

/** Ways that one agent tells of, at most. */
export const mostWays = 16;
/** Characters of one address, at most. */
export const longestAddress = 253;
