/** All that findings are made of, at one moment: what a snapshot holds. */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { NodeHistory } from './check.ts';
import type { ClusterSnapshot } from './cluster.ts';
import type { NodeReport } from './feeds.ts';
import type { TrackedFinding } from './lifecycle.ts';
import type { NodeRecord } from './record.ts';

/** One node, with what its findings were made of. */
export interface NodeMoment {
  readonly record: NodeRecord;
  /** Why nothing can be said of it now; null = it was judged. */
  readonly notJudgedBecause: string | null;
  /** What it was judged by last; null where it was never heard. */
  readonly report: NodeReport | null;
  /** As the checks saw it; null unless it was judged. */
  readonly history: NodeHistory | null;
  /** Frontends whose difference is still on its way, and so is told to nobody. */
  readonly converging: readonly FrontendKey[];
}

/** Nothing of it changes afterwards. */
export interface AuditMoment {
  /** By name; those that the API has. */
  readonly nodes: readonly NodeMoment[];
  /** Every finding that has not ended. */
  readonly findings: readonly TrackedFinding[];
  readonly objects: ClusterSnapshot;
}

/** One file of a snapshot. Its name may have folders; one that ends in `/` is a folder, and empty. */
export interface SnapshotFile {
  readonly name: string;
  /** Its content, the same each time: a long one is gone through for its length and again to be sent. */
  pieces(): Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;
}

/** A snapshot of the moment at which it was asked for. */
export interface Snapshot {
  /** Unix milliseconds. */
  readonly takenAt: number;
  readonly files: Iterable<SnapshotFile>;
}

/**
 * Takes one of now. It counts as being made until the signal comes, and meanwhile there is no other: null.
 * @param signal comes when the snapshot is done, or is not wanted any more.
 */
export type TakeSnapshot = (signal: AbortSignal) => Promise<Snapshot | null>;
