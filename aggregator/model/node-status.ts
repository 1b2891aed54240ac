/** What the audit says of one node. */
import type { Layer } from './finding.ts';

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

/** How far one layer of a node could be looked at. */
export interface LayerStatus {
  readonly layer: Layer;
  /**
   * `known`: every check of it that can concern the node was asked; `unknown`: one could not be, because something
   * failed; `not-looked-at`: one could not be, because the node has not reported what it takes.
   */
  readonly state: 'known' | 'unknown' | 'not-looked-at';
  /** Why, one line each; empty where it is known. */
  readonly because: readonly string[];
}
