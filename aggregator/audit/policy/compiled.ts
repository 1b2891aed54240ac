/**
 * Policies made ready for many questions: peers that ask the same are one and have a number, so that what a class of
 * pods is to a peer is worked out once; blocks are sets of addresses.
 */
import { type PrefixSet, prefixSet, subtract } from '../../../proto/prefixes.ts';
import { type AddressSegments, addressSegments } from './address-segments.ts';
import type { LabelSelector, NetworkPolicy, PolicyDirection, PolicyPeer, PolicyPort } from '../../model/policy.ts';

/** A peer by labels. */
export interface LabelPeer {
  /** Equal peers have one number, from 0 on. */
  readonly number: number;
  /** The namespace of its pods; null = those that namespaceSelector selects. */
  readonly namespace: string | null;
  readonly namespaceSelector: LabelSelector | null;
  /** Null = all pods there. */
  readonly podSelector: LabelSelector | null;
}

export interface CompiledRule {
  readonly direction: PolicyDirection;
  readonly policy: NetworkPolicy;
  /** Index in the policy's list. */
  readonly index: number;
  /** No peer is named: everyone. */
  readonly everyone: boolean;
  /** With their index among the rule's peers. */
  readonly labelPeers: readonly { readonly index: number; readonly peer: LabelPeer }[];
  readonly blocks: readonly { readonly index: number; readonly set: PrefixSet }[];
  readonly ports: readonly PolicyPort[];
}

export interface CompiledPolicy {
  readonly policy: NetworkPolicy;
  /** `shop/allow-web`. */
  readonly key: string;
  /** Rules, peers and ports, of both directions: what a question costs. */
  readonly size: number;
  /** By direction; null = the policy says nothing of this direction. */
  readonly rules: Readonly<Record<PolicyDirection, readonly CompiledRule[] | null>>;
}

export interface CompiledPolicies {
  /** By namespace, sorted by name. */
  readonly byNamespace: ReadonlyMap<string, readonly CompiledPolicy[]>;
  readonly peers: readonly LabelPeer[];
  /** Names of ports that rules ask for. */
  readonly portNames: ReadonlySet<string>;
  /** Null: no rule has a block. */
  readonly segments: AddressSegments | null;
}

/** Costs as much as there are policies. */
export function compilePolicies(policies: Iterable<NetworkPolicy>): CompiledPolicies {
  const peers = new Map<string, LabelPeer>();
  const portNames = new Set<string>();
  const compiled = [...policies].map((policy) => compiledPolicy(policy, { peers, portNames }));
  compiled.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    byNamespace: Map.groupBy(compiled, ({ policy }) => policy.namespace),
    peers: [...peers.values()],
    portNames,
    segments: addressSegments(compiled.flatMap(blocksOf)),
  };
}

function blocksOf({ rules }: CompiledPolicy): readonly PrefixSet[] {
  const all = [...(rules.ingress ?? []), ...(rules.egress ?? [])];
  return all.flatMap(({ blocks }) => blocks.map(({ set }) => set));
}

interface Known {
  readonly peers: Map<string, LabelPeer>;
  readonly portNames: Set<string>;
}

function compiledPolicy(policy: NetworkPolicy, known: Known): CompiledPolicy {
  const rulesOf = (direction: PolicyDirection) =>
    policy.types.includes(direction)
      ? policy[direction].map((_, index) => compiledRule(policy, { direction, index }, known))
      : null;
  return {
    policy,
    key: `${policy.namespace}/${policy.name}`,
    size: [...policy.ingress, ...policy.egress].reduce(
      (sum, { peers, ports }) => sum + 1 + peers.length + ports.length,
      0,
    ),
    rules: { ingress: rulesOf('ingress'), egress: rulesOf('egress') },
  };
}

function compiledRule(
  policy: NetworkPolicy,
  { direction, index }: { readonly direction: PolicyDirection; readonly index: number },
  known: Known,
): CompiledRule {
  const { peers = [], ports = [] } = policy[direction][index] ?? {};
  for (const { port } of ports) if (typeof port === 'string') known.portNames.add(port);
  return {
    direction,
    policy,
    index,
    everyone: peers.length === 0,
    labelPeers: peers.flatMap((peer, at) =>
      peer.kind === 'pods' ? [{ index: at, peer: labelPeer(peer, policy.namespace, known) }] : [],
    ),
    blocks: peers.flatMap((peer, at) =>
      peer.kind === 'block' ? [{ index: at, set: subtract(prefixSet([peer.cidr]), prefixSet(peer.except)) }] : [],
    ),
    ports,
  };
}

function labelPeer(
  { podSelector, namespaceSelector }: Extract<PolicyPeer, { readonly kind: 'pods' }>,
  own: string,
  { peers }: Known,
): LabelPeer {
  const namespace = namespaceSelector === null ? own : null;
  const content = JSON.stringify([namespace, namespaceSelector, podSelector]);
  const first = peers.get(content);
  if (first !== undefined) return first;
  const made = { number: peers.size, namespace, namespaceSelector, podSelector };
  peers.set(content, made);
  return made;
}
