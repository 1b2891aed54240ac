/**
 * What the NetworkPolicies of one moment say of flows. Semantics: the API reference of NetworkPolicy v1 and "Network
 * Policies" in the Kubernetes documentation; what both leave to the network plugin is unknown, and docs/policies.md
 * lists it.
 */
import { contains, prefixSet, subtract } from '../../../proto/prefixes.ts';
import type { ClusterObjects, Pod } from '../../model/cluster.ts';
import type { Flow, FlowEnd, NetworkPolicy, PolicyAnswers, PolicyPeer, PolicyVerdict } from '../../model/policy.ts';
import { isLive } from '../ends.ts';
import { allowingPolicies } from './allowing.ts';
import { namespaceLabels, PodClasses } from './classes.ts';
import { compilePolicies } from './compiled.ts';
import { seenSource, seenTarget, sourceAddresses } from './flow-ends.ts';
import { judgeSide } from './judge-side.ts';
import { matchesSelector } from './selectors.ts';

/** What of the API's objects is asked. Pods are looked up when a question needs them, and may change meanwhile. */
export type PolicySource = Pick<ClusterObjects, 'policies' | 'namespace' | 'pods' | 'podsIn' | 'node'>;

/**
 * Compiles the policies as they are now. To be made anew when a policy or a namespace changes; pods may come, change and
 * go.
 */
export function policyAnswers(source: PolicySource): PolicyAnswers {
  const policies = compilePolicies(source.policies());
  const hostAddresses = ({ nodeName }: Pod) => {
    const node = nodeName === null ? null : source.node(nodeName);
    return node === null ? [] : [...sourceAddresses(node, 'ipv4'), ...sourceAddresses(node, 'ipv6')];
  };
  const classes = new PodClasses(policies, (name) => source.namespace(name), hostAddresses);
  const classOfEnd = (end: FlowEnd) => (end.kind === 'pod' ? classes.of(end.pod) : null);
  const flow = (asked: Flow): PolicyVerdict => {
    const from = seenSource(asked, classOfEnd(asked.from), source);
    const to = seenTarget(asked, classOfEnd(asked.to));
    const egress = judgeSide({ direction: 'egress', flow: asked, own: from, peer: to }, classes);
    const ingress = judgeSide({ direction: 'ingress', flow: asked, own: to, peer: from }, classes);
    return { allowed: together(egress.state, ingress.state), egress, ingress };
  };
  return {
    flow,
    isolating: (pod, direction) => classes.of(pod).isolating[direction].map(({ policy }) => policy),
    selectedBy: (policy) => selectedBy(policy, source),
    peersOf: (peer, namespace) => peersOf(peer, namespace, source),
    get classes() {
      const ids = new Set<number>();
      for (const pod of source.pods()) ids.add(classes.of(pod).id);
      return ids.size;
    },
    classOf: (pod) => classes.of(pod).id,
    allowing: (asked) => allowingPolicies(asked, flow(asked), source),
  };
}

type State = PolicyVerdict['egress']['state'];

/** "Both the egress policy on the source and the ingress policy on the destination need to allow" it. */
function together(egress: State, ingress: State): boolean | null {
  if (egress === 'denied' || ingress === 'denied') return false;
  return egress === 'unknown' || ingress === 'unknown' ? null : true;
}

function selectedBy({ namespace, podSelector }: NetworkPolicy, source: PolicySource): readonly Pod[] {
  return [...source.podsIn(namespace)].filter(
    (pod) => isLive(pod) && !pod.hostNetwork && matchesSelector(podSelector, pod.labels),
  );
}

function peersOf(peer: PolicyPeer, namespace: string, source: PolicySource): readonly Pod[] {
  if (peer.kind === 'block') {
    const set = subtract(prefixSet([peer.cidr]), prefixSet(peer.except));
    return [...source.pods()].filter((pod) => isLive(pod) && pod.addresses.some((address) => contains(set, address)));
  }
  const { podSelector, namespaceSelector } = peer;
  const chosen = new Map<string, boolean>();
  const isChosen = (name: string) => {
    const known = chosen.get(name) ?? (namespaceSelector === null || namespaceFits(namespaceSelector, name, source));
    chosen.set(name, known);
    return known;
  };
  const candidates = namespaceSelector === null ? source.podsIn(namespace) : source.pods();
  return [...candidates].filter(
    (pod) =>
      isLive(pod) && isChosen(pod.namespace) && (podSelector === null || matchesSelector(podSelector, pod.labels)),
  );
}

function namespaceFits(
  selector: NonNullable<Extract<PolicyPeer, { readonly kind: 'pods' }>['namespaceSelector']>,
  name: string,
  source: PolicySource,
): boolean {
  return matchesSelector(selector, namespaceLabels(name, source.namespace(name)));
}
