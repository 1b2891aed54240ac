/** Brings together what is known of one node into the view that checks see. */
import type { Family } from '../../proto/address.ts';
import { parseFrontendKey } from '../../proto/canonical.ts';
import { parseServicePortName } from '../../proto/chain-names.ts';
import type { Fate, ForwardingTable, FrontendKey, OwnerHints } from '../../proto/forwarding.ts';
import type { ForwardingReport } from '../../proto/parts.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import type { NodeParts } from '../../proto/parts.ts';
import type { NodeView, Peers } from '../model/check.ts';
import type { ClusterNode, ClusterObjects } from '../model/cluster.ts';
import type { DesiredOwner, DesiredState } from '../model/desired.ts';
import { isSupportedMode } from './desired.ts';
import { drift } from './drift.ts';

export interface ViewInput {
  readonly name: string;
  /** Null where the API does not know the node. */
  readonly node: ClusterNode | null;
  readonly profile: NodeProfile;
  readonly parts: NodeParts;
  /** Null where it cannot be said what the node should do. */
  readonly desired: DesiredState | null;
  readonly largeCluster: { readonly [family in Family]: boolean };
  readonly objects: ClusterObjects;
  readonly peers: Peers;
}

/**
 * Computes a node's drift and the owners of its frontends. Tables are compared only where it is known what the node's
 * mode asks of it and its rules were read: otherwise both are null and the drift is empty, which says nothing.
 */
export function buildView(input: ViewInput): NodeView {
  const { name, node, profile, parts, largeCluster, objects, peers } = input;
  const report = comparable(profile, parts);
  const desired = report === null ? null : input.desired;
  const observed = report === null ? null : withUnlisted(report, desired);
  const hints: OwnerHints = report?.owners ?? new Map();
  return {
    name,
    node,
    profile,
    parts,
    desired: desired?.table ?? null,
    observed,
    drift: desired === null || observed === null ? [] : drift(desired.table, observed),
    owners: ownersOf(desired, hints),
    largeCluster,
    history: null,
    objects,
    peers,
  };
}

/** What the node does, where that can be held against what it should do; null where it cannot. */
export function comparable({ mode }: NodeProfile, { forwarding }: NodeParts): ForwardingReport | null {
  const isKnown = mode.source !== 'unknown' && isSupportedMode(mode.value);
  return isKnown && forwarding.state === 'ok' && forwarding.value.mode === mode.value ? forwarding.value : null;
}

/** Where the rules may serve more than they list, what is wanted and not listed is unknown instead of missing. */
function withUnlisted({ table, unlisted }: ForwardingReport, desired: DesiredState | null): ForwardingTable {
  if (unlisted === null || desired === null) return table;
  const fate: Fate = { route: { action: 'unknown', reason: unlisted }, dress: null };
  const extended = new Map(table);
  for (const [key, { frontend }] of desired.table) {
    if (!extended.has(key)) extended.set(key, { frontend, forwarding: { pod: fate, node: fate, outside: fate } });
  }
  return extended;
}

/** The API's word comes first; a hint names the owner only of a frontend that nobody asks for. */
function ownersOf(desired: DesiredState | null, hints: OwnerHints): ReadonlyMap<FrontendKey, DesiredOwner> {
  const owners = new Map<FrontendKey, DesiredOwner>(desired?.owners ?? []);
  for (const [key, hint] of hints) {
    if (owners.has(key)) continue;
    const port = parseServicePortName(hint);
    const frontend = parseFrontendKey(key);
    if (port !== null && frontend !== null) owners.set(key, { ...port, protocol: frontend.protocol, kind: null });
  }
  return owners;
}
