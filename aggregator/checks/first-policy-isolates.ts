/*
 * Without a policy all pods reach all. The first policy that selects a pod turns that round: from then on only what a rule
 * lets in gets in. Who writes the first policy of a namespace to let one client in shuts out all others.
 */
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterObjects, Pod, Service } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import type { NetworkPolicy, PolicyAnswers } from '../model/policy.ts';
import { fact } from './shared/evidence.ts';
import { isConcerned, mayBeOverruled, policyName, policySubject } from './shared/policies.ts';
import { unixSeconds } from './shared/times.ts';
import { joined } from './shared/words.ts';

export const firstPolicyIsolates: ClusterCheck = {
  id: 'first-policy-isolates',
  layer: 'L5',
  scope: 'cluster',
  severity: 'medium',
  title: "A namespace's first policies cut off clients of its Services",
  explanation: `All NetworkPolicies of the namespace came within the last hours, one soon after the other, and since then pods behind its Services can be reached from no other namespace: a policy that selects a pod shuts out everybody whom no rule names. The Services are such that others use them: they are open to the outside by a node port or a load balancer, which the policies now refuse as well.`,
  falsePositives: `To shut out other namespaces is mostly what a policy is for. So only Services are told that were made for clients outside of the namespace (type NodePort or LoadBalancer) and which now nobody there may reach, only where a pod behind it was there for an hour before the first policy came (what is installed together with its policies never had other clients), only while that policy is younger than a day (by the newest time that any pod, policy or event of a pod has: in a cluster in which nothing is made or restarted it stands for longer), and only where a policy's rules do not name any other namespace or block, which shows that its author thought of them. Policies that were deleted and made anew look like first ones.`,
  remediation: `Let the clients in with a rule that names their namespace, or for a Service that is open to the outside \`from: []\` at its port. \`plumbline policy FROM TO\` prints the policy that would allow a pair.`,
  needs: ['policies'],
  holdForSeconds: 120,
  clearForSeconds: 60,
  evaluate,
};

const youngSeconds = 86_400;
/** What was there for so long before may have clients. */
const usedSeconds = 3_600;

function evaluate({ objects }: ClusterView): readonly Violation[] {
  const answers = objects.policy;
  if (answers === null) return [];
  const newest = newestTime(objects);
  const byNamespace = Map.groupBy(objects.policies(), ({ namespace }) => namespace);
  return [...byNamespace].flatMap(([namespace, policies]) => {
    const oldest = Math.min(...policies.map(({ createdAt }) => unixSeconds(createdAt ?? '') ?? 0));
    if (newest === null || newest - oldest > youngSeconds || policies.some(namesOthers)) return [];
    return violationsIn(objects, answers, { namespace, since: oldest });
  });
}

/** A clock that the objects themselves have: no check reads the time, and pods are made all day. */
function newestTime(objects: ClusterObjects): number | null {
  let newest: number | null = null;
  for (const time of timesOf(objects)) {
    const at = unixSeconds(time ?? '');
    if (at !== null && (newest === null || at > newest)) newest = at;
  }
  return newest;
}

function* timesOf(objects: ClusterObjects): Iterable<string | null> {
  for (const { createdAt, startedAt } of objects.pods()) yield startedAt ?? createdAt;
  for (const { createdAt } of objects.policies()) yield createdAt;
  for (const { name } of objects.nodes()) for (const { lastAt } of objects.podEventsOn(name)) yield lastAt;
}

/** Whether any rule speaks of somebody outside of the namespace. */
function namesOthers({ ingress }: NetworkPolicy): boolean {
  return ingress.some(
    ({ peers }) => peers.length === 0 || peers.some((peer) => peer.kind === 'block' || peer.namespaceSelector !== null),
  );
}

interface Young {
  readonly namespace: string;
  /** When its first policy came, Unix seconds. */
  readonly since: number;
}

function violationsIn(
  objects: ClusterObjects,
  answers: PolicyAnswers,
  { namespace, since }: Young,
): readonly Violation[] {
  const cut = new Map<string, { readonly policy: NetworkPolicy; readonly services: Service[] }>();
  for (const service of objects.services()) {
    if (service.namespace !== namespace || (service.type !== 'NodePort' && service.type !== 'LoadBalancer')) continue;
    const pod = podsBehind(objects, service).find(({ createdAt }) => {
      const made = unixSeconds(createdAt ?? '');
      return made !== null && since - made > usedSeconds;
    });
    const [policy] = pod === undefined ? [] : answers.isolating(pod, 'ingress');
    if (policy === undefined) continue;
    const known = cut.get(policyName(policy)) ?? { policy, services: [] };
    known.services.push(service);
    cut.set(policyName(policy), known);
  }
  const others = mayBeOverruled(objects, namespace);
  return [...cut.values()].map(({ policy, services }) => violation(policy, services, others));
}

function podsBehind(objects: ClusterObjects, { namespace, name }: Service): readonly Pod[] {
  const addresses = objects
    .endpointSlices(namespace, name)
    .flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
  return addresses.flatMap((address) => objects.podsWithAddress(address)).filter(isConcerned);
}

function violation(policy: NetworkPolicy, services: readonly Service[], others: string | null): Violation {
  const names = joined(services.map(({ name }) => name));
  return {
    subject: policySubject(policy),
    summary: `Since the first policies of ${policy.namespace} came (${policyName(policy)}, ${policy.createdAt}), nobody outside of the namespace may reach ${names}, which ${services.length === 1 ? 'is' : 'are'} open to the outside.`,
    evidence: services.slice(0, 10).map(({ name, type }) => fact(`Service ${name}`, `type ${type}`)),
    remediation: [
      {
        command: `kubectl -n ${policy.namespace} describe networkpolicy`,
        effect: 'Shows whom the rules let in. Add a rule for the clients of these Services; nothing else is let in.',
      },
    ],
    frontends: [],
    ...(others === null ? {} : { state: 'unknown' as const }),
  };
}
