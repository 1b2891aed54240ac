/** What the audit says of one node. */

export interface FrontendCounts {
  /** What the node should serve, and what it serves beyond that. */
  readonly total: number;
  readonly inSync: number;
  readonly drifted: number;
  readonly unknown: number;
}

/** One node of the report. */
export interface NodeStatus {
  readonly name: string;
  /** The dataplane mode, or `unknown`. */
  readonly mode: string;
  /** `unhealthy` when anything fires, else `unknown` when anything could not be told, else `healthy`. */
  readonly state: 'healthy' | 'unhealthy' | 'unknown';
  readonly frontends: FrontendCounts;
}
