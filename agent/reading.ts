/** One reading of the node as the loop hands it to the stream, and what the stream may ask of the loop. */
import type { Leaf } from '../proto/bucket-tree.ts';
import type { FrontendKey } from '../proto/forwarding.ts';
import type { NodeParts, RuleLine } from '../proto/parts.ts';
import type { NodeProfile } from '../proto/profile.ts';

/** What one reading found. */
export interface NodeReading {
  /** Rises by one with each reading of this process; the first is 1. */
  readonly number: number;
  /** Wall clock when the reading ended. */
  readonly takenAt: Date;
  /** The same moment on the monotonic clock (`performance.now()`), milliseconds. */
  readonly endedAtMs: number;
  readonly profile: NodeProfile;
  /** Of `forwarding`, everything but its table and owners counts: those are in `leaves` and `ownerHint`. */
  readonly parts: NodeParts;
  /** The table as 1,024 leaves; null when it could not be read. The same array as before when nothing changed. */
  readonly leaves: readonly Leaf[] | null;
  /** `ns/name:port` where a rule claims it and its chain's name agrees; null otherwise. */
  readonly ownerHint: (key: FrontendKey) => string | null;
  /** Answers to `wantEvidence`, each once. */
  readonly evidence: readonly ReadEvidence[];
}

/** The rules behind one entry. */
export interface ReadEvidence {
  /** The digest of the entry that was asked for (proto/canonical.ts, entryDigest). */
  readonly entry: string;
  /** No entry of that digest is in the table any more. */
  readonly repaired: boolean;
  /** At most 40. */
  readonly lines: readonly RuleLine[];
  readonly total: number;
}

/** The agent's own figures; they travel in the heartbeat. */
export interface LoopFigures {
  readonly rssBytes: number;
  readonly childPeakBytes: number;
  /** Of the agent and its children, since its start. */
  readonly cpuSeconds: number;
  readonly uptimeSeconds: number;
  readonly readings: number;
  readonly unchangedReadings: number;
  readonly failedReadings: number;
  readonly lastReadingSeconds: number;
  readonly intervalSeconds: number;
  readonly hints: number;
  readonly hintSources: readonly ('nft-generation' | 'kube-proxy-sync')[];
}

/** The loop, as the stream sees it. */
export interface ReadingSource {
  /** The newest; null before the first. */
  latest(): NodeReading | null;
  /** Called after each reading. @returns what ends the subscription. */
  subscribe(listener: (reading: NodeReading) => void): () => void;
  /** The next reading answers; it comes soon. At most 200 are kept, the rest is forgotten. */
  wantEvidence(entries: readonly string[]): void;
  /** The aggregator asks for no more readings than one in so many seconds; null takes that back. */
  slowDown(intervalSeconds: number | null): void;
  figures(): LoopFigures;
}
