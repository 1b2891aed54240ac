/** What ingest keeps of one node over all its streams, so that an agent that returns need not send anything again. */
import type { ProbeTarget } from '../model/feeds.ts';
import type { Claims } from './claims.ts';
import { type IngestLimits, NodeLimits } from './limits.ts';

export class AgentMemory {
  readonly node: string;
  readonly limits: NodeLimits;
  /** 32 hexadecimal digits; null before the first stream. */
  epoch: string | null = null;
  /** The last message's sequence, in this epoch. */
  sequence = 0n;
  /** The newest reading's number, in this epoch. */
  reading = 0n;
  /** What the node said last; null before a whole State, and when the thread was lost. */
  claims: Claims | null = null;
  /** The sequence of the newest report, in this epoch. */
  reportedSequence = 0n;
  /** Entries whose rules are asked for, and that did not come yet. */
  readonly wantedEvidence = new Set<string>();
  /** What its agent shall probe; null before anybody said so. */
  targets: readonly ProbeTarget[] | null = null;
  /** When the last stream ended, monotonic; null while there is one. */
  idleSince: number | null = null;

  constructor(node: string, limits: IngestLimits) {
    this.node = node;
    this.limits = new NodeLimits(limits);
  }

  /** A new process of the agent: all that was said before is void. */
  begin(epoch: string): void {
    this.epoch = epoch;
    this.sequence = 0n;
    this.reading = 0n;
    this.claims = null;
    this.reportedSequence = 0n;
  }
}
