/**
 * A finding's life. One episode goes pending -> firing -> resolved; `gone` ends it when its node or object was deleted,
 * `unknown` freezes it while nothing can be said, `suppressed` shows it accepted by its owner.
 */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { Finding } from './finding.ts';

/** A finding with its life so far. Times are RFC 3339, UTC, by the aggregator's clock. */
export interface TrackedFinding extends Finding {
  /** Counts the times that this fingerprint was opened; the first is 1. Fingerprint and episode are one row. */
  readonly episode: number;
  /** The UID of the node in the API; null for the whole cluster, or where the API does not know the node. */
  readonly nodeUid: string | null;
  /**
   * Since when the fault holds, as well as it can be told: the end of the last desired state that the node shows, or
   * else the first reading that showed the fault.
   */
  readonly since: string;
  /** What the node shows: a desired state that ended at `since`, or something that was never wanted; null = not dated. */
  readonly shows: 'past-state' | 'never-wanted' | null;
  /** When it was first seen, in this episode. */
  readonly pendingAt: string;
  /** When it fired; null while it never did. */
  readonly firedAt: string | null;
  /** When it ended, resolved or gone; null while it is open. */
  readonly endedAt: string | null;
  /** The last evaluation that showed it. */
  readonly lastSeenAt: string;
  /** `state` tells what is shown; this is what is known beneath `unknown` and `suppressed`. */
  readonly knownState: 'pending' | 'firing';
  /** Why nothing can be said now, where state is `unknown`. */
  readonly unknownBecause: string | null;
  /** Until when it is accepted; `always` without an end, null where it is not. */
  readonly acceptedUntil: string | null;
  /** The first reading without it, since it was last seen; null while it is seen. */
  readonly clean: CleanMark | null;
  /** The number of different readings that have shown it in this episode, up to 2: what fires was seen twice. */
  readonly readings: number;
  /** The reading that showed it last: `epoch/number`. */
  readonly lastReading: string;
  /** The same check and subject, on whatever node: more than five nodes are one group, one alert. */
  readonly group: string;
  /** The frontends that it speaks of. */
  readonly frontends: readonly FrontendKey[];
}

/** A reading that no longer shows a finding. */
export interface CleanMark {
  readonly reading: string;
  readonly at: string;
}

export type TransitionKind =
  | 'pending'
  | 'firing'
  | 'resolved'
  | 'gone'
  | 'unknown'
  | 'known'
  | 'suppressed'
  | 'unsuppressed'
  /** A pending finding that was not there any more before it could fire. */
  | 'withdrawn';

/** One step of one finding's life; the history is made of these. */
export interface Transition {
  readonly fingerprint: string;
  readonly episode: number;
  readonly at: string;
  readonly kind: TransitionKind;
  /** What was seen or missed, in one sentence. */
  readonly because: string;
}

/** What one round of the engine changes on disk, all or nothing. */
export interface JournalEntry {
  /** New and changed rows, whole; `unchanged life` counts as changed when evidence or summary did. */
  readonly findings: readonly TrackedFinding[];
  /** Pending findings that ended before they fired: their rows go. */
  readonly withdrawn: readonly { readonly fingerprint: string; readonly episode: number }[];
  readonly transitions: readonly Transition[];
}

/** The durable history of findings. `aggregator/journal` keeps it in a database. */
export interface Journal {
  /** Every finding that has not ended, for the start. */
  open(): readonly TrackedFinding[];
  /** The newest episode number of each fingerprint that ever was, for numbering the next; 0 where there is none. */
  lastEpisode(fingerprint: string): number;
  /**
   * Writes all of it in one transaction, durable when this returns.
   * @throws when the disk refuses; nothing of it is then kept, and nothing may be acknowledged.
   */
  commit(entry: JournalEntry): void;
  /** Findings that ended, newest first. */
  ended(query: EndedQuery): readonly TrackedFinding[];
  /** One finding by fingerprint: its newest episode; null where there never was one. */
  find(fingerprint: string): TrackedFinding | null;
  /** The life of one fingerprint, over all episodes, newest first. */
  history(fingerprint: string, limit: number): readonly Transition[];
  close(): void;
}

export interface EndedQuery {
  /** At most this many. */
  readonly limit: number;
  /** Only what ended before this time and fingerprint, as the last page's last row has them. */
  readonly before?: { readonly endedAt: string; readonly fingerprint: string };
}
