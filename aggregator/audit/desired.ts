/**
 * What a node should do: the forwarding table that kube-proxy makes of Services and EndpointSlices (v1.32 to v1.36), in
 * the mode in which it works there.
 *
 *   Services ------> service-ports.ts: which ports count, each with its endpoints
 *                          |
 *   node's place --> endpoints.ts: which of them this node uses (policies, hints, what is draining)
 *                          |
 *   node's facts --> fates/: what becomes of packets to each address; the packets' path is drawn there, for each mode
 *                          |
 *                    wishes.ts: one port's entries, joined here where two ports ask for one frontend
 *
 * No frontend is `none` for every origin: whatever a Service asks for is forwarded, rejected or dropped when it arrives.
 */
import type { Family } from '../../proto/address.ts';
import type { Entry, FrontendKey } from '../../proto/forwarding.ts';
import type { DataplaneMode, NodeProfile } from '../../proto/profile.ts';
import { valueOr } from '../../proto/profile.ts';
import type { ClusterNode, ClusterState } from '../model/cluster.ts';
import type { DesiredOwner, DesiredState } from '../model/desired.ts';
import type { NodePlace } from './endpoints.ts';
import { formulaOf } from './fates/formulas.ts';
import { factsOf, heedsNodeHints } from './node-facts.ts';
import { servedPorts } from './service-ports.ts';
import type { Claim, OnNode } from './wishes.ts';
import { askedOfPort, entriesOf, joinedClaims } from './wishes.ts';

/** The node whose table is wanted. */
export interface DesiredNode {
  /** The Node's name in the API. */
  readonly name: string;
  readonly zone: string | null;
  readonly profile: NodeProfile;
}

/** Whether desiredState knows what kube-proxy does in this mode. */
export function isSupportedMode(mode: DataplaneMode): boolean {
  return formulaOf(mode) !== null;
}

/**
 * The table of one node, and who asked for each frontend. Pure: equal input, in any order, gives an
 * equal table. Arrays and fates are shared between entries.
 */
export function desiredState(state: ClusterState, node: DesiredNode): DesiredState {
  const apiNode = state.nodes.find(({ name }) => name === node.name) ?? null;
  const claims = new Map<FrontendKey, Claim>();
  for (const family of node.profile.families) {
    const onNode = onNodeOf(node, apiNode, family);
    for (const served of servedPorts(state, family)) {
      const asked = askedOfPort(served.service, served.port, family);
      const entries = entriesOf(served, asked, onNode);
      asked.forEach(({ key, owner }, index) => {
        const entry = entries[index] ?? null;
        if (entry === null) return;
        const known = claims.get(key);
        claims.set(key, known === undefined ? { entry, owner } : joinedClaims(known, { entry, owner }));
      });
    }
  }
  const table = new Map<FrontendKey, Entry>();
  const owners = new Map<FrontendKey, DesiredOwner>();
  for (const [key, { entry, owner }] of claims) {
    table.set(key, entry);
    owners.set(key, owner);
  }
  return { table, owners };
}

/** What of a node decides what it must do in one family. */
export function onNodeOf(node: DesiredNode, apiNode: ClusterNode | null, family: Family): OnNode {
  const { name, zone, profile } = node;
  const place: NodePlace = {
    nodeName: valueOr(profile.nodeName, name),
    zone,
    nodeHints: heedsNodeHints(profile.kubeProxyVersion),
  };
  return { place, facts: factsOf(profile, apiNode, family) };
}
