/*
 * A node's route to a pod's address leads by another link than the pod's: a route of an earlier pod that had the address
 * was not taken away (calico#10723: "route already exists for an interface other than"), a second CNI plugin has the same
 * range on a bridge of its own, somebody wrote a static route.
 */
import type { Address } from '../../proto/address.ts';
import type { NodeRoute } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Pod } from '../model/cluster.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import type { CniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { makeAnew } from './shared/pod-remedies.ts';
import { shellWord } from './shared/remedies.ts';
import { lookUp } from './shared/route-lookup.ts';
import { podTopic } from './shared/topics.ts';
import { cniOf, isJoinedBy, linkNameOf, podsWith, wiredPods } from './shared/wired-pods.ts';

export const podRouteMisdirected: NodeCheck = {
  id: 'pod-route-misdirected',
  layer: 'L1',
  scope: 'node',
  severity: 'high',
  title: "The route to a pod leads to another pod's link",
  explanation: `The node has a route to the address of one of its pods, and by the longest prefix it leads to another link than the one that the pod has. Packets for the pod go to somebody else, or nowhere. A route of an earlier pod with that address was left behind, a second CNI plugin serves the same range, or a static route is in the way; a new pod with such an address often does not start ("route already exists for an interface other than").`,
  falsePositives: `The pod's link is known from libcni's record of its sandbox, or is the bridge of the CNI configuration. Routes are looked up as the kernel does; where rules leave it open, nothing is said. CNI plugins that route by programs of their own are not asked.`,
  remediation: `Delete the wrong route with the command of the finding, and the link that it leads to where that is nobody's; then delete the pod if it still cannot be reached.`,
  needs: ['routes', 'cni', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  return wiredPods(view, view.parts.routes).flatMap((pod) => {
    const cni = cniOf(view, pod);
    const wanted = cni === null || !isJoinedBy(view, cni, pod) ? null : wantedLink(view, cni, pod);
    if (wanted === null) return [];
    return pod.addresses.flatMap((address) => {
      const route = routeTo(view, address);
      // Of two pods with one address one is always without a route: that they have it is another check's.
      if (podsWith(view, address).length > 1) return [];
      const isWrong = route !== null && route.link !== null && route.link !== wanted && !isEverywhere(route);
      return isWrong ? [violation(view, pod, { address, route, wanted })] : [];
    });
  });
}

function wantedLink(view: NodeView, { wiring, bridge }: CniHere, pod: Pod): string | null {
  if (wiring === 'other') return null;
  return wiring === 'bridge' ? bridge : linkNameOf(view, pod);
}

/** The one route, where there is one. */
function routeTo({ parts: { routes } }: NodeView, address: Address): NodeRoute | null {
  if (routes.state !== 'ok') return null;
  const found = lookUp(routes.value, address);
  return found.kind === 'route' && found.routes.length === 1 ? found.routes[0] : null;
}

/** That there is no route to a pod is another check's. */
function isEverywhere({ destination }: NodeRoute): boolean {
  return destination === '0.0.0.0/0' || destination === '::/0';
}

function violation(
  view: NodeView,
  pod: Pod,
  { address, route, wanted }: { readonly address: Address; readonly route: NodeRoute; readonly wanted: string },
): Violation {
  const { namespace, name } = pod;
  const text = `${route.destination}${route.gateway === null ? '' : ` via ${route.gateway}`} dev ${route.link}`;
  const remove: Remedy = {
    command: `ip ${route.family === 'ipv6' ? '-6 ' : ''}route del ${route.destination} dev ${shellWord(String(route.link))} table ${shellWord(route.table)}`,
    effect: `Run on ${view.name}: packets take the route of the pod's own link, where it has one.`,
  };
  return {
    subject: { kind: 'Pod', namespace, name },
    summary: `Packets for ${namespace}/${name} (${address}) on ${view.name} go to ${route.link} in place of ${wanted}.`,
    evidence: [fact('route', text), fact("the pod's link", wanted)],
    remediation: [remove, makeAnew(pod)],
    frontends: [],
    topics: [podTopic(namespace, name)],
    explainsTopics: [podTopic(namespace, name)],
  };
}
