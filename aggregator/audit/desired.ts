/**
 * What a node should do: the forwarding table that kube-proxy's iptables mode makes of Services and EndpointSlices
 * (pkg/proxy/iptables/proxier.go, v1.32 to v1.36).
 *
 *   pod, outside                          node
 *        |                                  |
 *   nat PREROUTING                     nat OUTPUT
 *        |                                  |
 *        +--------> nat KUBE-SERVICES <-----+
 *                     |  cluster IP              -> KUBE-SVC, or KUBE-SVL for policy Local     internalForwarding
 *                     |  external IP             -> KUBE-EXT ---------------------------+
 *                     |  load balancer           -> KUBE-EXT, or KUBE-FW with ranges ---+      withinRanges
 *                     |  own address, node port  -> KUBE-NODEPORTS -> KUBE-EXT ---------+
 *                     |                                                                 |
 *                     |     policy Cluster: mark, KUBE-SVC                              |
 *                     |     policy Local:   from a pod: KUBE-SVC <----------------------+      externalForwarding
 *                     |                     from the node: mark, KUBE-SVC
 *                     |                     else KUBE-SVL, or back when no endpoint is here
 *                     |
 *                     |  KUBE-SVC, KUBE-SVL -> KUBE-SEP: DNAT, so no chain below matches the address any more
 *                     |
 *             not translated
 *                     |
 *        +------------+--------------------+----------------------+
 *   to an own address               to elsewhere            made by the node
 *   filter INPUT                    filter FORWARD          filter OUTPUT
 *     KUBE-PROXY-FIREWALL: drop       KUBE-PROXY-FIREWALL     KUBE-PROXY-FIREWALL
 *     KUBE-EXTERNAL-SERVICES          KUBE-SERVICES           KUBE-SERVICES: cluster IPs
 *        reject: no endpoint          KUBE-EXTERNAL-SERVICES     |
 *        drop: none on this node                              to an own address: over loopback to INPUT; else it leaves
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
  return mode === 'iptables';
}

/**
 * The table of one node in iptables mode, and who asked for each frontend. Pure: equal input, in any order, gives an
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
