/** What every reader of a dataplane gives: what the node does, and what of the rules can be told afterwards. */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { ForwardingReport, Part, RuleLine } from '../../proto/parts.ts';
import type { ReadEvidence } from '../reading.ts';

export interface DataplaneReading {
  readonly forwarding: Part<ForwardingReport>;
  /** The rules that packets to a frontend meet, at most 40; none where the reader does not keep the rules. */
  readonly explain: (key: FrontendKey) => readonly RuleLine[];
  /** The service port that a rule claims to serve with a frontend, where its chain's name proves it. */
  readonly ownerHint: (key: FrontendKey) => string | null;
  /** The rules behind each entry that was asked for. */
  readonly evidence: readonly ReadEvidence[];
}

/** What a reading is wanted for. */
export interface Wishes {
  /** Digests of entries whose rules are wanted: they are parsed then, changed or not. */
  readonly evidenceFor: readonly string[];
  /** Something says that the rules have changed: they are parsed at once, instead of being dumped for a digest first. */
  readonly expectsChange: boolean;
}

export const noWishes: Wishes = { evidenceFor: [], expectsChange: false };

export const nothingRead: DataplaneReading = {
  forwarding: { state: 'absent' },
  explain: () => [],
  ownerHint: () => null,
  evidence: [],
};

/** A reader that could not read: nothing is known of what the node does. */
export function notRead(reason: string): DataplaneReading {
  return { ...nothingRead, forwarding: { state: 'failed', reason } };
}
