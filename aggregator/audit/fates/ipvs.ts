/**
 * What becomes of packets to one address of a service port in kube-proxy's IPVS mode (pkg/proxy/ipvs/proxier.go, v1.32
 * to v1.36). Each address is a virtual server of the kernel's load balancer:
 *
 *   pod, outside: nat PREROUTING (marks) -> the address is on kube-ipvs0 -> filter INPUT (source ranges) -> IPVS
 *   node:         nat OUTPUT (marks) -> IPVS
 *
 * - A virtual server without a real server answers with ICMP: rejected. Nothing is ever dropped for want of endpoints.
 * - One address has the same real servers for whoever sends: policy Local has no short-circuit for pods and the node.
 *   Where it leaves none on this node, all endpoints serve (kubernetes#97081); for a cluster IP only where anything else
 *   of the Service uses all of them.
 * - Source ranges are looked at where packets come in, so they do not bind what the node itself sends, except where it
 *   sends from the address itself.
 */
import type { Address, Backend } from '../../../proto/address.ts';
import type { Forwarding, Masquerade } from '../../../proto/forwarding.ts';
import { addressSet, prefixOfAddress, subtract } from '../../../proto/prefixes.ts';
import {
  everyOrigin,
  forwarded,
  limitedTo,
  type ModeFormula,
  type PortOnNode,
  rejectedEverywhere,
  sourcesTo,
  unknownForwarding,
} from './formula.ts';

export const ipvsFormula: ModeFormula = {
  limitsExternalIPs: true,
  clusterIP,
  external,
  nodePort: external,
  limited(port, address, { allowed, holdNode }) {
    const open = external(port);
    const sources = sourcesTo(address, port.facts);
    if (sources === null) return unknownForwarding('node-addresses-unknown');
    const itself = addressSet([address]);
    return Object.freeze({
      pod: limitedTo(open.pod, allowed, sources.pod),
      node: holdNode ? open.node : limitedTo(open.node, subtract(sources.node, itself), sources.node),
      outside: limitedTo(open.outside, allowed, sources.outside),
    });
  },
};

function clusterIP(port: PortOnNode, address: Address): Forwarding {
  const { use, facts } = port;
  const backends = realServers(port, use.internalLocal);
  if (backends.length === 0) return rejectedEverywhere;
  if (facts.masqueradeAll) return everyOrigin(forwarded(backends, port, 'always'));
  const unmarked = forwarded(backends, port, 'never');
  if (facts.localDetector.kind !== 'none') {
    const marked = forwarded(backends, port, 'always');
    return Object.freeze({ pod: unmarked, node: marked, outside: marked });
  }
  // Without a detector the set is asked for the packet's source: only what a cluster IP sends to itself is marked.
  const fromItself: Masquerade = { some: [prefixOfAddress(address)] };
  return Object.freeze({ pod: unmarked, node: forwarded(backends, port, fromItself), outside: unmarked });
}

function external(port: PortOnNode): Forwarding {
  const { externalLocal } = port.use;
  const backends = realServers(port, externalLocal);
  if (backends.length === 0) return rejectedEverywhere;
  return everyOrigin(forwarded(backends, port, externalLocal ? 'never' : 'always'));
}

function realServers({ chosen }: PortOnNode, isLocal: boolean): readonly Backend[] {
  return isLocal && chosen.local.length > 0 ? chosen.local : chosen.cluster;
}
