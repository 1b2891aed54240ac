/** One node's probes as a process in its namespace, see probe-peer.ts. */
import type { ProbesReport } from '../../proto/parts.ts';
import { LinePeer } from './line-peer.ts';
import type { PeerAnswer, PeerCommand } from './probe-peer.ts';

/** Forty seconds pass in one: each probe is sent twice a second. */
export const hasty = 40;

export interface PeerPlan {
  /** What may be probed and answered, as `--probe-ranges` has it. */
  readonly ranges: string;
  /** How many seconds pass in one. */
  readonly haste?: number;
}

export class ProbingPeer extends LinePeer<PeerCommand, PeerAnswer> {
  constructor(namespace: string, { ranges, haste = hasty }: PeerPlan) {
    super(namespace, 'probe-peer.ts', [haste, ranges]);
  }

  async report(): Promise<ProbesReport> {
    return (await this.do({ do: 'report' })).report;
  }
}
