/**
 * What kube-proxy must have known of one service port for its frontends to fare as a table says: worked out backwards
 * from the fates, since a table holds no chains and no policies.
 */
import type { DesiredOwner } from '../../aggregator/model/desired.ts';
import type { Backend, Family, Prefix } from '../../proto/address.ts';
import { chainHash, servicePortName } from '../../proto/chain-names.ts';
import type { Entry, Fate, Protocol } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import type { LocalDetector } from '../../proto/profile.ts';

export interface OwnedEntry extends Entry {
  readonly owner: DesiredOwner;
}

export interface ServiceRulesInput {
  readonly family: Family;
  /** The entries of one service port and family; at most one of kind clusterIP. */
  readonly entries: readonly OwnedEntry[];
  readonly detector: LocalDetector;
  readonly localhostNodePorts: boolean;
  /** The load-balancer source ranges behind an entry whose sources are limited. */
  readonly rangesOf: (entry: Entry) => readonly Prefix[];
}

/** All that the rules of one service port have in common. */
export interface WrittenServicePort extends ServiceRulesInput {
  readonly text: string;
  readonly hash: string;
  readonly protocol: Protocol;
  readonly affinitySeconds: number;
  /** What KUBE-SVC- and KUBE-SVL- hold; null = no such chain. */
  readonly clusterSet: readonly Backend[] | null;
  readonly localSet: readonly Backend[] | null;
  readonly externalPolicy: 'Cluster' | 'Local';
}

/** @throws on fates that a healthy kube-proxy never brings about. */
export function servicePortOf(input: ServiceRulesInput): WrittenServicePort {
  const { entries, detector } = input;
  const [first] = entries;
  if (first === undefined) throw new Error('a service port without frontends has no rules');
  const clusterIp = entries.find(({ owner }) => owner.kind === 'clusterIP');
  const externals = entries.filter(({ owner }) => owner.kind !== 'clusterIP');
  const externalPolicy = policyOf(externals);
  const internal = clusterIp === undefined ? null : backendsOf(clusterIp.forwarding.node);
  // The node's own packets use the whole cluster's endpoints under either external policy, known pods' too.
  const wide =
    firstOf(externals, ({ forwarding }) => backendsOf(forwarding.node)) ??
    (detector.kind === 'none' ? null : firstOf(externals, ({ forwarding }) => backendsOf(forwarding.pod)));
  const narrow = firstOf(externals, (entry) => backendsOf(entry.forwarding.outside));
  const clusterSet = wide ?? (externalPolicy === 'Cluster' ? narrow : null) ?? internal;
  const internalIsLocal = internal !== null && !sameBackends(internal, clusterSet);
  const text = servicePortName(first.owner.namespace, first.owner.name, first.owner.portName);
  const { protocol } = first.frontend;
  return {
    ...input,
    text,
    hash: chainHash(text, protocol),
    protocol,
    affinitySeconds: firstOf(entries, (entry) => firstOf(fatesOf(entry), affinityOf)) ?? 0,
    clusterSet,
    localSet: internalIsLocal ? internal : externalPolicy === 'Local' ? narrow : null,
    externalPolicy,
  };
}

/** Whether load-balancer source ranges apply: only they refuse a part of the sources, the node, or known pods. */
export function isLimited(entry: OwnedEntry, detector: LocalDetector): boolean {
  if (entry.owner.kind !== 'loadBalancerIP') return false;
  const { pod, node } = entry.forwarding;
  if (node.route.action === 'drop' || (pod.route.action === 'drop' && detector.kind !== 'none')) return true;
  return fatesOf(entry).some(({ route }) => route.action === 'forward' && route.sources !== 'any');
}

/**
 * The Local policy shows in packets that keep their source, or in outside packets that die where the node's live. Behind
 * source ranges the latter proves nothing, so any masqueraded packet from elsewhere speaks against it.
 */
function policyOf(externals: readonly Entry[]): 'Cluster' | 'Local' {
  const fates = externals.flatMap(({ forwarding: { pod, outside } }) => [pod, outside].map(masqueradeOf));
  if (fates.includes('always')) return 'Cluster';
  if (fates.includes('never')) return 'Local';
  return externals.some(({ forwarding: { node, outside } }) => forwards(node) && !forwards(outside))
    ? 'Local'
    : 'Cluster';
}

export function isForwarded(entry: Entry): boolean {
  return fatesOf(entry).some(forwards);
}

export function backendsOf({ route }: Fate): readonly Backend[] | null {
  return route.action === 'forward' ? route.backends : null;
}

export function sameBackends(a: readonly Backend[] | null, b: readonly Backend[] | null): boolean {
  return a?.join() === b?.join();
}

export function masqueradeOf({ dress }: Fate): 'always' | 'never' | null {
  if (dress === null) return null;
  if (dress.masquerade === 'always' || dress.masquerade === 'never') return dress.masquerade;
  throw new Error('kube-proxy masquerades all packets of an origin or none');
}

function fatesOf({ forwarding }: Entry): readonly Fate[] {
  return origins.map((origin) => forwarding[origin]);
}

function forwards({ route }: Fate): boolean {
  return route.action === 'forward';
}

function affinityOf({ route }: Fate): number | null {
  if (route.action !== 'forward') return null;
  if (route.affinitySeconds === 'partial') throw new Error('kube-proxy gives affinity to every endpoint or to none');
  return route.affinitySeconds;
}

function firstOf<T, R>(items: readonly T[], pick: (item: T) => R | null): R | null {
  for (const item of items) {
    const found = pick(item);
    if (found !== null) return found;
  }
  return null;
}
