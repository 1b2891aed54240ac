/*
 * A policy that selects no pod protects nobody, and a peer or a named port that matches nothing lets nobody through. The
 * API server takes any label: a slip of the pen is silent.
 */
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import type { LabelSelector, NetworkPolicy, PolicyAnswers, PolicyPeer } from '../model/policy.ts';
import { fact } from './shared/evidence.ts';
import { isConcerned, policyName, policySubject } from './shared/policies.ts';
import { type NearLabels, PodLabels } from './shared/pod-labels.ts';
import { slipsBetween, spelled } from './shared/similar-text.ts';
import { joined } from './shared/words.ts';

export const policySelectsNothing: ClusterCheck = {
  id: 'policy-selects-nothing',
  layer: 'L5',
  scope: 'cluster',
  severity: 'medium',
  title: 'A policy, or a peer or port in it, matches nothing',
  explanation: `The podSelector of a NetworkPolicy selects no pod, one of its peers matches no pod or no Namespace, or a port that it names is no container's. The policy is then without effect, or lets nobody through where it should; a slip of the pen in a label is the usual reason, and the near label is named.`,
  falsePositives: `A policy alone in a namespace without pods, or with labels that nothing resembles, was mostly put there ahead of its pods (charts with optional parts): nothing is said. So only what resembles a label that is there is told, a Namespace label that no Namespace has while one is called so, or nearly, and a port's name that no container of the pods has. Ten minutes must have passed, since workloads come and go.`,
  remediation: `Correct the label or the port with \`kubectl edit networkpolicy\`.`,
  needs: ['policies'],
  holdForSeconds: 600,
  clearForSeconds: 60,
  evaluate,
};

function evaluate({ objects }: ClusterView): readonly Violation[] {
  const answers = objects.policy;
  if (answers === null) return [];
  const labels = new NamespaceLabels(objects);
  return [...objects.policies()].flatMap((policy) => {
    const faults = [
      ...faultsOfSelector(policy, answers, labels),
      ...faultsOfPeers(objects, policy, { answers, labels }),
      ...faultsOfPorts(policy, answers),
    ];
    return faults.length === 0 ? [] : [violation(policy, faults)];
  });
}

/** The labels of each namespace's pods, looked at once. */
class NamespaceLabels {
  readonly #objects: ClusterObjects;
  readonly #known = new Map<string, PodLabels>();

  constructor(objects: ClusterObjects) {
    this.#objects = objects;
  }

  /** What a selector without expressions may have meant; null where nothing is near. */
  near(namespace: string, { matchLabels, matchExpressions }: LabelSelector): NearLabels | null {
    if (matchExpressions.length > 0 || Object.keys(matchLabels).length === 0) return null;
    const labels =
      this.#known.get(namespace) ?? new PodLabels([...this.#objects.podsIn(namespace)].filter(isConcerned));
    this.#known.set(namespace, labels);
    return labels.nearest(matchLabels);
  }
}

function faultsOfSelector(policy: NetworkPolicy, answers: PolicyAnswers, labels: NamespaceLabels): readonly string[] {
  if (answers.selectedBy(policy).length > 0) return [];
  const near = labels.near(policy.namespace, policy.podSelector);
  return near === null ? [] : [`its podSelector ${labelsText(policy.podSelector)} selects no pod; ${nearText(near)}`];
}

interface Known {
  readonly answers: PolicyAnswers;
  readonly labels: NamespaceLabels;
}

function faultsOfPeers(objects: ClusterObjects, policy: NetworkPolicy, { answers, labels }: Known): readonly string[] {
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    policy[direction].flatMap(({ peers }, rule) =>
      peers.flatMap((peer, at) => {
        if (peer.kind === 'block' || answers.peersOf(peer, policy.namespace).length > 0) return [];
        const why = whyNone(objects, policy, peer, labels);
        return why === null ? [] : [`peer ${at} of ${direction} rule ${rule} matches no pod: ${why}`];
      }),
    ),
  );
}

type PodPeer = Extract<PolicyPeer, { readonly kind: 'pods' }>;

function whyNone(
  objects: ClusterObjects,
  policy: NetworkPolicy,
  peer: PodPeer,
  labels: NamespaceLabels,
): string | null {
  const { podSelector, namespaceSelector } = peer;
  if (namespaceSelector === null) {
    const near = podSelector === null ? null : labels.near(policy.namespace, podSelector);
    return near === null || podSelector === null ? null : `${labelsText(podSelector)}; ${nearText(near)}`;
  }
  const wanted = Object.entries(namespaceSelector.matchLabels);
  const all = [...objects.namespaces()];
  const lacking = wanted.find(
    ([key, value]) =>
      !all.some(({ name, labels: own }) => (key === 'kubernetes.io/metadata.name' ? name : own[key]) === value),
  );
  if (lacking === undefined) return null;
  const [key, value] = lacking;
  const meant = all.find(
    ({ name, labels: own }) => name === value || isNear(name, value) || isNear(own[key] ?? '', value),
  );
  return meant === undefined ? null : `no Namespace has the label ${key}=${value}; ${meant.name} is near`;
}

function isNear(one: string, other: string): boolean {
  return one !== '' && slipsBetween(spelled(one), spelled(other)) !== null;
}

/** Names of ports that no container of the pods has; of egress the peers' pods are meant, which may be anybody's. */
function faultsOfPorts(policy: NetworkPolicy, answers: PolicyAnswers): readonly string[] {
  const named = policy.ingress.flatMap(({ ports }, rule) =>
    ports.flatMap(({ port, protocol }) => (typeof port === 'string' ? [{ rule, port, protocol }] : [])),
  );
  if (named.length === 0) return [];
  const pods = answers.selectedBy(policy);
  if (pods.length === 0) return [];
  const known = new Set(pods.flatMap(({ ports }) => ports.map(({ name, protocol }) => `${protocol} ${name}`)));
  return named
    .filter(({ port, protocol }) => !known.has(`${protocol} ${port}`))
    .map(({ rule, port, protocol }) => {
      const names = [...known]
        .filter((one) => one.startsWith(`${protocol} `) && !one.endsWith(' '))
        .map((one) => one.slice(protocol.length + 1));
      const there = names.length === 0 ? `they name no ${protocol} port` : `they have ${joined(names)}`;
      return `ingress rule ${rule} names the ${protocol} port ${port}, which no container of its pods has: ${there}`;
    });
}

function labelsText({ matchLabels }: LabelSelector): string {
  return Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function nearText({ slips, pods }: NearLabels): string {
  const meant = slips.map(({ meantKey, meantValue }) => `${meantKey}=${meantValue}`).join(',');
  return `${pods.length === 1 ? '1 pod has' : `${pods.length} pods have`} ${meant}`;
}

function violation(policy: NetworkPolicy, faults: readonly string[]): Violation {
  const more = faults.length - 1;
  return {
    subject: policySubject(policy),
    summary: `In ${policyName(policy)}, ${faults[0]}${more > 0 ? `; and ${more} more` : ''}.`,
    evidence: faults.slice(0, 10).map((fault) => fact('matches nothing', fault)),
    remediation: [
      {
        command: `kubectl -n ${policy.namespace} edit networkpolicy ${policy.name}`,
        effect: 'There correct the label or the name of the port.',
      },
    ],
    frontends: [],
  };
}
