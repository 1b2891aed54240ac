/** Who reaches whom: what endpoints and policies predict, beside what probes saw. */
import type { Protocol } from '../../proto/forwarding.ts';
import type { Layer } from './finding.ts';

/** Pods with one controller, or one pod without. */
export interface Workload {
  /** `deployment/shop/web`, `statefulset/db/pg`, `daemonset/...`, `job/...`, `pod/shop/debug`: unique, and what is shown. */
  readonly ref: string;
  readonly namespace: string;
  readonly pods: number;
}

/** One end of a pair: a workload, a Service (`svc/shop/web`), or a node (`node/node-a`, only where it was probed from). */
export type MatrixEnd = string;

export interface MatrixPair {
  readonly from: MatrixEnd;
  readonly to: MatrixEnd;
  readonly protocol: Protocol;
  /** Ports with the same answer: of a Service its own ports, of a workload those that its containers name. */
  readonly ports: readonly number[];
  /** Null = not known, or not the same for all pods of the pair: `decidedBy` says which. */
  readonly allowed: boolean | null;
  /** `shop/allow-web ingress rule 0`, `shop/default-deny ingress`, `no policy`, `no endpoints`, `no endpoints on its node`. Sorted. */
  readonly decidedBy: readonly string[];
  /** What probes saw in the last minutes; null = nobody probed this pair. */
  readonly observed: MatrixObservation | null;
}

export interface MatrixObservation {
  readonly result: 'reached' | 'not-reached' | 'mixed';
  readonly probes: number;
  readonly answered: number;
  /** The nodes that probed, at most 10. */
  readonly nodes: readonly string[];
  /** Whether it differs from `allowed`. */
  readonly differs: boolean;
  /** The layer that explains the difference, where an open finding or the nodes' facts do; else null. */
  readonly explainedBy: { readonly layer: Layer; readonly finding: string | null; readonly because: string } | null;
}

export interface Matrix {
  readonly workloads: readonly Workload[];
  readonly pairs: readonly MatrixPair[];
  /** Pairs there are in all; more than `pairs` where a limit cut them. */
  readonly total: number;
  /** Policies that are there and are not judged, `CiliumNetworkPolicy shop/web`, at most 100. */
  readonly notJudged: readonly string[];
  /** What could not be told, in words: `nothing is known of pods`. */
  readonly unknownBecause: readonly string[];
}

export interface MatrixQuestion {
  /** Null = all. Pairs that begin or end in it. */
  readonly namespace: string | null;
  /** As an end is written in `MatrixPair`; null = all. */
  readonly from: string | null;
  readonly to: string | null;
  readonly show: 'all' | 'denied' | 'differing';
}

/** The matrix as a grid of letters: one row for each workload, one column for each target. */
export interface MatrixGrid {
  readonly rows: readonly MatrixEnd[];
  readonly columns: readonly MatrixEnd[];
  /**
   * One text for each row: `!` a probe differs, `x` denied, `~` not the same for all ports or pods, `?` not known, `.`
   * allowed, `-` nothing to reach.
   */
  readonly cells: readonly string[];
  /** Rows and columns that a limit left out. */
  readonly hidden: number;
  readonly notJudged: readonly string[];
  readonly unknownBecause: readonly string[];
}
