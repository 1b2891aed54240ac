/*
 * A pod needs a default route: to its node's bridge, to the gateway address of ptp, to Calico's 169.254.1.1. Where the CNI
 * configuration names no route (`ipam.routes`, `isDefaultGateway`), or a container with NET_ADMIN has changed it, the pod
 * reaches its own subnet alone: neither Services nor DNS.
 */
import { type Family, familyOf } from '../../proto/address.ts';
import type { PodNetwork } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { makeAnew } from './shared/pod-remedies.ts';
import { podTopic } from './shared/topics.ts';
import { isVirtualMachine, networkOf, wiredPods } from './shared/wired-pods.ts';
import { joined } from './shared/words.ts';

export const podDefaultRoute: NodeCheck = {
  id: 'pod-default-route',
  layer: 'L1',
  scope: 'node',
  severity: 'critical',
  title: 'A pod has no usable default route',
  explanation: `The pod's network namespace has an address and no default route, or one whose link is down. The pod reaches what is on its own link, which is at most the pods of its node; cluster addresses, DNS and everything else are unreachable ("Network is unreachable"). Either the CNI configuration makes no route, which hits every pod of the node, or something inside the pod removed it (a VPN client, a privileged container).`,
  falsePositives: `Pods that ask for further networks (Multus) may have their route elsewhere and are not asked, nor virtual machines of KubeVirt, which have it themselves. Only families of \`status.podIPs\` count: Docker in a pod has addresses of its own. IPv6 is asked about only where another pod of the node has a default route of IPv6.`,
  remediation: `Where one pod has it: delete the pod, and look at what runs in it. Where all pods of the node have it: add the route to the CNI configuration (\`"isDefaultGateway": true\`, or \`"routes": [{"dst": "0.0.0.0/0"}]\` of the ipam section), then make the pods anew.`,
  needs: ['podNetworks', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { podNetworks } = view.parts;
  if (podNetworks.state !== 'ok') return [];
  const hasIpv6 = podNetworks.value.pods.first.some((pod) => usable(pod).has('ipv6'));
  return wiredPods(view, podNetworks).flatMap((pod) => {
    const network = networkOf(view, pod);
    if (network?.namespace !== 'own' || pod.severalNetworks === true || isVirtualMachine(pod)) return [];
    // A family that the API does not tell of is the pod's own affair, as of containers that run inside it.
    const given = pod.addresses.map(familyOf);
    const families = new Set<Family>(network.addresses.map(({ address }) => familyOf(address)));
    const routed = usable(network);
    const lacking = [...families].filter(
      (family) => given.includes(family) && !routed.has(family) && (family === 'ipv4' || hasIpv6),
    );
    return lacking.length === 0 ? [] : [violation(view, pod, { network, lacking })];
  });
}

/** Families with a default route that is not dead. */
function usable({ defaultRoutes }: PodNetwork): ReadonlySet<Family> {
  return new Set(defaultRoutes.filter(({ isDead }) => !isDead).map(({ family }) => family));
}

const words: { readonly [family in Family]: string } = { ipv4: 'IPv4', ipv6: 'IPv6' };

function violation(
  view: NodeView,
  pod: Pod,
  { network, lacking }: { readonly network: PodNetwork; readonly lacking: readonly Family[] },
): Violation {
  const { namespace, name } = pod;
  const real = network.defaultRoutes.map(
    ({ family, link, gateway, isDead }) =>
      `${words[family]}${gateway === null ? '' : ` via ${gateway}`} dev ${link}${isDead ? ', dead' : ''}`,
  );
  return {
    subject: { kind: 'Pod', namespace, name },
    summary: `${namespace}/${name} on ${view.name} reaches nothing beyond its own link: it has no usable default route of ${joined(lacking.map((family) => words[family]))}.`,
    evidence: [
      fact('default routes', real.length === 0 ? 'none' : real.join('; ')),
      fact('addresses', network.addresses.map(({ address, link }) => `${address} (${link})`).join(', ')),
    ],
    remediation: [makeAnew(pod)],
    frontends: [],
    topics: [podTopic(namespace, name)],
  };
}
