/**
 * What becomes of packets to one address of a service port in kube-proxy's iptables mode (pkg/proxy/iptables/proxier.go,
 * v1.32 to v1.36).
 *
 *   pod, outside                          node
 *        |                                  |
 *   nat PREROUTING                     nat OUTPUT
 *        |                                  |
 *        +--------> nat KUBE-SERVICES <-----+
 *                     |  cluster IP              -> KUBE-SVC, or KUBE-SVL for policy Local     clusterIP
 *                     |  external IP             -> KUBE-EXT ---------------------------+
 *                     |  load balancer           -> KUBE-EXT, or KUBE-FW with ranges ---+      limited
 *                     |  own address, node port  -> KUBE-NODEPORTS -> KUBE-EXT ---------+
 *                     |                                                                 |
 *                     |     policy Cluster: mark, KUBE-SVC                              |
 *                     |     policy Local:   from a pod: KUBE-SVC <----------------------+      external
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
 */
import type { Forwarding } from '../../../proto/forwarding.ts';
import {
  droppedEverywhere,
  dropped,
  everyOrigin,
  forwarded,
  isOwnAddress,
  limitedForwarding,
  type ModeFormula,
  none,
  type PortOnNode,
  rejected,
  rejectedEverywhere,
  sourcesTo,
  unknownFate,
  unknownForwarding,
} from './formula.ts';

export const iptablesFormula: ModeFormula = {
  // The rule of the external IP comes first, and takes the packet past KUBE-FW and KUBE-PROXY-FIREWALL.
  limitsExternalIPs: false,
  clusterIP,
  external: (port, address) => external(port, isOwnAddress(port.facts, address)),
  nodePort: (port) => external(port, true),
  limited(port, address, { allowed }) {
    const open = external(port, isOwnAddress(port.facts, address));
    // Without any endpoint kube-proxy writes no KUBE-FW chain, and whoever sends is rejected.
    if (!port.chosen.hasAny) return open;
    // KUBE-FW lets only these sources on to KUBE-EXT; KUBE-PROXY-FIREWALL drops the rest, on INPUT, OUTPUT and FORWARD.
    const sources = sourcesTo(address, port.facts);
    if (sources === null) return unknownForwarding('node-addresses-unknown');
    return limitedForwarding(open, allowed, sources);
  },
};

/** KUBE-SVC or KUBE-SVL, or the filter table's KUBE-SERVICES, which FORWARD and OUTPUT pass. */
export function clusterIP(port: PortOnNode): Forwarding {
  const { chosen, use, facts } = port;
  if (!chosen.hasInternal) return chosen.hasAny ? droppedEverywhere : rejectedEverywhere;
  const backends = use.internalLocal ? chosen.local : chosen.cluster;
  if (facts.masqueradeAll) return everyOrigin(forwarded(backends, port, 'always'));
  const unmarked = forwarded(backends, port, 'never');
  if (facts.localDetector.kind === 'none') return everyOrigin(unmarked);
  // Packets made by the node come in by no interface and from no pod's address: to the detector they are not local.
  const marked = forwarded(backends, port, 'always');
  return Object.freeze({ pod: unmarked, node: marked, outside: marked });
}

/** KUBE-EXT, or the filter table's KUBE-EXTERNAL-SERVICES. @param isOwn whether the address is the node's own. */
function external(port: PortOnNode, isOwn: boolean | null): Forwarding {
  return port.chosen.hasAny ? externallyForwarded(port) : rejectedFromOutside(isOwn);
}

/** KUBE-EXT, where any node has an endpoint. */
export function externallyForwarded(port: PortOnNode): Forwarding {
  const { chosen, use, facts } = port;
  const marked = forwarded(chosen.cluster, port, 'always');
  if (!use.externalLocal) return everyOrigin(marked);
  const outside = chosen.hasExternal ? forwarded(chosen.local, port, 'never') : dropped;
  // Pods and the node itself are short-circuited to all endpoints; without a detector kube-proxy knows no pods.
  const pod = facts.localDetector.kind === 'none' ? outside : forwarded(chosen.cluster, port, 'never');
  return Object.freeze({ pod, node: marked, outside });
}

/**
 * KUBE-EXTERNAL-SERVICES hangs on INPUT and FORWARD only: packets that the node makes meet it when they come back in
 * over loopback, because the address is the node's own, and else leave untouched.
 */
function rejectedFromOutside(isOwn: boolean | null): Forwarding {
  if (isOwn === true) return rejectedEverywhere;
  const node = isOwn === false ? none : unknownFate('node-addresses-unknown');
  return Object.freeze({ pod: rejected, node, outside: rejected });
}
