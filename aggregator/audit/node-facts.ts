/** What of a node and its kube-proxy decides what the node must do, per family. */
import type { Address, Family } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import type { LocalDetector, NodeProfile, Sourced } from '../../proto/profile.ts';
import { valueOr } from '../../proto/profile.ts';
import type { ClusterNode } from '../model/cluster.ts';
import type { ModeFormula } from './fates/formula.ts';
import { formulaOf } from './fates/formulas.ts';

/** The facts of one family. */
export interface NodeFacts {
  readonly family: Family;
  /** What is asked of the node; null where nobody knows what its proxy should do. */
  readonly formula: ModeFormula | null;
  readonly localDetector: LocalDetector;
  readonly masqueradeAll: boolean;
  /** Of this family, loopback included; null when unknown. */
  readonly localAddresses: ReadonlySet<Address> | null;
  /** The one address that kube-proxy takes for the node's own; null when unknown. */
  readonly primaryAddress: Address | null;
  /** Whether any address of the node answers node ports; null when unknown. */
  readonly servesNodePorts: boolean | null;
  /** Only endpoints on the node are masqueraded when they reach themselves. */
  readonly hairpinOwnOnly: boolean;
  /** The node's own packets meet refusals before they are translated. */
  readonly refusesOwnFirst: boolean;
}

/** @param node the API's Node; null where it is not known. */
export function factsOf(profile: NodeProfile, node: ClusterNode | null, family: Family): NodeFacts {
  const known = valueOr<readonly Address[] | null>(profile.localAddresses, null);
  const local = known?.filter((address) => familyOf(address) === family) ?? null;
  const primaryAddress =
    node?.addresses.find((address) => familyOf(address) === family) ??
    local?.find((address) => !isLoopback(address)) ??
    null;
  return {
    family,
    formula: profile.mode.source === 'unknown' ? null : formulaOf(profile.mode.value),
    localDetector: valueOr<LocalDetector>(profile.localDetector[family], { kind: 'none' }),
    masqueradeAll: valueOr(profile.masqueradeAll, false),
    localAddresses: local === null ? null : new Set(local),
    primaryAddress,
    servesNodePorts: servesNodePorts(profile, family, { local, primaryAddress }),
    hairpinOwnOnly: valueOr(profile.hairpin, 'every-endpoint') === 'own-endpoints',
    refusesOwnFirst: valueOr(profile.refusesOwnFirst, false),
  };
}

/**
 * Hints for single nodes (trafficDistribution PreferSameNode) count from v1.34 on, where the feature is on by default;
 * a version that is unknown or no version is taken for the newest.
 */
export function heedsNodeHints(version: Sourced<string>): boolean {
  const [major = '', minor = ''] = valueOr(version, '').replace(/^v/, '').split('.');
  const release = [Number.parseInt(major, 10), Number.parseInt(minor, 10)] as const;
  if (release.some(Number.isNaN)) return true;
  return release[0] > 1 || release[1] >= 34;
}

interface KnownAddresses {
  readonly local: readonly Address[] | null;
  readonly primaryAddress: Address | null;
}

/**
 * As kube-proxy reads nodePortAddresses (pkg/proxy/util/nodeport_addresses.go): prefixes of the other family do not
 * count, and when none is left every address answers.
 */
function servesNodePorts(profile: NodeProfile, family: Family, known: KnownAddresses): boolean | null {
  const chosen = valueOr(profile.nodePortAddresses, 'all');
  if (chosen === 'primary') return known.primaryAddress !== null;
  const prefixes = chosen === 'all' ? [] : chosen.filter((prefix) => familyOf(prefix) === family);
  if (known.local === null) return prefixes.length === 0 ? true : null;
  // What answers on loopback alone answers nobody but the node itself, and is no frontend of the table.
  const set = prefixSet(prefixes);
  return known.local.some((address) => !isLoopback(address) && (prefixes.length === 0 || contains(set, address)));
}

function isLoopback(address: Address): boolean {
  return address === '::1' || address.startsWith('127.');
}
