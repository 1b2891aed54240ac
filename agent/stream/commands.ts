/** What the aggregator may ask for. The list is closed: a message that is not of it is refused, whatever it holds. */
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { digestText } from '../../proto/wire/digest-bytes.ts';
import { mostWanted } from './wanted.ts';

export type Command =
  | { readonly kind: 'ack'; readonly sequence: bigint }
  | { readonly kind: 'want'; readonly digests: readonly string[] }
  | { readonly kind: 'wantEvidence'; readonly entries: readonly string[] }
  | { readonly kind: 'targets'; readonly targets: readonly wire.Target[] }
  | { readonly kind: 'slowDown'; readonly seconds: number }
  | { readonly kind: 'resync' }
  | { readonly kind: 'reconnectAfter'; readonly seconds: number };

const mostTargets = 1_000;
/** Nobody has a reason to silence an agent for longer. */
const longestSeconds = 3_600;

/** The command in a message; null for what is unknown, malformed, or more than anybody needs. */
export function readCommand({ message }: wire.ReportResponse): Command | null {
  switch (message?.$case) {
    case 'ack':
      return { kind: 'ack', sequence: message.value.sequence };
    case 'want': {
      const digests = digestsOf(message.value.digests);
      return digests === null ? null : { kind: 'want', digests };
    }
    case 'wantEvidence': {
      const entries = digestsOf(message.value.entries);
      return entries === null ? null : { kind: 'wantEvidence', entries };
    }
    case 'targets':
      return message.value.targets.length > mostTargets ? null : { kind: 'targets', targets: message.value.targets };
    case 'slowDown': {
      const { intervalSeconds } = message.value;
      return intervalSeconds > longestSeconds ? null : { kind: 'slowDown', seconds: intervalSeconds };
    }
    case 'resync':
      return { kind: 'resync' };
    case 'reconnectAfter': {
      const { seconds } = message.value;
      return seconds > longestSeconds ? null : { kind: 'reconnectAfter', seconds };
    }
    case undefined:
      return null;
  }
}

/** Null unless all are digests, at least one, and not more than a node can hold. */
function digestsOf(bytes: readonly Uint8Array[]): readonly string[] | null {
  if (bytes.length === 0 || bytes.length > mostWanted) return null;
  const digests = bytes.map(digestText).filter((digest) => digest !== null);
  return digests.length === bytes.length ? digests : null;
}
