/**
 * What becomes of packets to one address of a service port in kube-proxy's nftables mode (pkg/proxy/nftables/proxier.go,
 * v1.31 to v1.36).
 *
 *   pod, outside: prerouting                   node: output
 *        |                                       |
 *        +--> firewall-check: @firewall-ips <----+   drop: none of the source ranges       limited
 *        |                                       |
 *        +--> services: @service-ips, @service-nodeports -> service-, local-, external-    clusterIP, external
 *        |       DNAT, so no map below has the address any more                 |
 *        |                                       |                              +--> marks, short-circuits as KUBE-EXT
 *   input, forward                               |
 *        +--> @no-endpoint-services, @no-endpoint-nodeports <--+   reject: no endpoint; drop: none on this node
 *
 * It does what iptables mode does, but for these:
 *
 * - `no-endpoint-services` is looked at on the output hook too: the node's own packets are rejected as all others are.
 * - `firewall-ips` holds whether there are endpoints or not, and before anything else: who may not in is dropped, at a
 *   load-balancer address that is an external IP as well.
 * - Releases with a set `hairpin-connections` list there only the endpoints on the node.
 * - Older releases (those without a chain `filter-output-pre-dnat`) look at `no-endpoint-services` on the output hook
 *   before anything else: what policy Local keeps from outside clients is dropped for the node itself, too.
 */
import {
  dropped,
  limitedForwarding,
  type ModeFormula,
  type PortOnNode,
  rejectedEverywhere,
  sourcesTo,
  unknownForwarding,
} from './formula.ts';
import { clusterIP, externallyForwarded } from './iptables.ts';
import type { Forwarding } from '../../../proto/forwarding.ts';

export const nftablesFormula: ModeFormula = {
  limitsExternalIPs: true,
  clusterIP,
  external,
  // On their way to a node port the node's own packets meet no refusal before the input hook.
  nodePort: translatedFirst,
  limited(port, address, { allowed }) {
    const sources = sourcesTo(address, port.facts);
    if (sources === null) return unknownForwarding('node-addresses-unknown');
    const open = external(port);
    const forwarding = limitedForwarding(open, allowed, sources);
    // Where the refusal comes first, so it does before the firewall.
    return port.facts.refusesOwnFirst && !port.chosen.hasAny
      ? Object.freeze({ ...forwarding, node: open.node })
      : forwarding;
  },
};

function external(port: PortOnNode): Forwarding {
  const { chosen, facts } = port;
  const forwarding = translatedFirst(port);
  if (!facts.refusesOwnFirst || !chosen.hasAny || chosen.hasExternal) return forwarding;
  return Object.freeze({ ...forwarding, node: dropped });
}

function translatedFirst(port: PortOnNode): Forwarding {
  return port.chosen.hasAny ? externallyForwarded(port) : rejectedEverywhere;
}
