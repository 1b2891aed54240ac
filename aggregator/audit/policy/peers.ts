/** Whether a rule names a peer: by its labels, or by an address of it in a block. */
import type { Address } from '../../../proto/address.ts';
import { contains } from '../../../proto/prefixes.ts';
import type { PeerFit, PodClasses } from './classes.ts';
import type { CompiledRule } from './compiled.ts';
import type { SeenEnd } from './flow-ends.ts';

/** Why it cannot be told whether a rule names a peer. */
export type PeerDoubt =
  /** A pod in its node's network, selected by labels. */
  | 'host-network'
  | 'namespace-unknown'
  /** A block holds some of the addresses that the packet may come from. */
  | 'some-addresses'
  /** A pod that has no address of this family yet. */
  | 'no-address'
  /** A block holds the Service's address and not what it was translated into. */
  | 'before-translation'
  /** The port's name is one that a pod in its node's network has. */
  | 'host-port-name'
  /** The peer is named, and its address may have been rewritten by then. */
  | 'rewritten-source';

/** `index`: in the rule's list of peers; null = it names nobody and so lets everyone. */
export type PeerAnswer =
  | { readonly fit: 'yes'; readonly index: number | null }
  | { readonly fit: 'maybe'; readonly index: number; readonly doubt: PeerDoubt }
  | { readonly fit: 'no' };

export interface PeerQuestion {
  readonly peer: SeenEnd;
  /** Of egress: the Service's address; null = none was translated. */
  readonly through: Address | null;
  readonly sourceMayBeRewritten: boolean;
}

const no: PeerAnswer = { fit: 'no' };
const everyone: PeerAnswer = { fit: 'yes', index: null };

/** What a rule says of a peer; the first entry that names it for certain comes before those that may. */
export function peerAnswer(rule: CompiledRule, question: PeerQuestion, classes: PodClasses): PeerAnswer {
  if (rule.everyone) return everyone;
  const byLabels = labelAnswer(rule, question, classes);
  if (byLabels.fit === 'yes' || rule.blocks.length === 0) return byLabels;
  const byBlocks = blockAnswer(rule, question);
  if (byBlocks.fit === 'yes') return byBlocks;
  return byLabels.fit === 'maybe' ? byLabels : byBlocks;
}

function labelAnswer({ labelPeers }: CompiledRule, question: PeerQuestion, classes: PodClasses): PeerAnswer {
  const { podClass } = question.peer;
  if (podClass === null) return no;
  let doubtful: PeerAnswer = no;
  for (const { index, peer } of labelPeers) {
    const fit = classes.fit(podClass, peer);
    if (fit === 'yes' && !question.sourceMayBeRewritten) return { fit, index };
    if (fit === 'no' || doubtful.fit !== 'no') continue;
    doubtful = { fit: 'maybe', index, doubt: labelDoubt(fit) };
  }
  return doubtful;
}

function labelDoubt(fit: Exclude<PeerFit, 'no'>): PeerDoubt {
  switch (fit) {
    case 'yes':
      return 'rewritten-source';
    case 'host':
      return 'host-network';
    case 'namespace-unknown':
      return fit;
  }
}

function blockAnswer({ blocks }: CompiledRule, { peer, through, sourceMayBeRewritten }: PeerQuestion): PeerAnswer {
  const holding = (address: Address) => blocks.find(({ set }) => contains(set, address))?.index ?? null;
  const [first] = blocks;
  if (first === undefined || peer.podClass?.kind === 'finished') return no;
  if (sourceMayBeRewritten) return { fit: 'maybe', index: first.index, doubt: 'rewritten-source' };
  if (peer.addresses.length === 0) return { fit: 'maybe', index: first.index, doubt: 'no-address' };
  const held = peer.addresses.map(holding);
  const index = held.find((one) => one !== null) ?? null;
  if (index !== null) {
    return held.includes(null) ? { fit: 'maybe', index, doubt: 'some-addresses' } : { fit: 'yes', index };
  }
  const before = through === null ? null : holding(through);
  return before === null ? no : { fit: 'maybe', index: before, doubt: 'before-translation' };
}
