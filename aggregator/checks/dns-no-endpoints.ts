/*
 * Without a ready replica of cluster DNS every lookup in the cluster fails, and with it nearly every program. It happens
 * when CoreDNS crashes on its configuration, cannot be scheduled, or was scaled down.
 */
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { ClusterObjects, Pod, Service } from '../model/cluster.ts';
import type { Stranded, Violation } from '../model/finding.ts';
import { addressesOf, dnsOf, readyServers, servicesInUse } from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import { shellWord } from './shared/remedies.ts';
import { endpointsTopic, podTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const dnsNoEndpoints: ClusterCheck = {
  id: 'dns-no-endpoints',
  layer: 'L4',
  scope: 'cluster',
  severity: 'critical',
  title: 'Cluster DNS has no replica that takes lookups',
  explanation: `The Service that kubelets give to pods for names has no endpoint that is ready: CoreDNS crashes (often on its Corefile), waits for a node or for its network, or was scaled down to nothing. Every node then refuses or drops lookups, and nothing in the cluster resolves.`,
  falsePositives: `Endpoints that are being deleted and still serve count as usable, as they do for kube-proxy. A Service without a selector whose endpoints somebody else writes is judged by these alone. A cluster that has no such Service is not asked, nor is a Service that merely has the name while the kubelets give pods another server (a cloud that answers names itself, kube-dns scaled to nothing). Where most kubelets give another server, the severity is high and the nodes that give this one are named.`,
  remediation: `\`kubectl -n kube-system describe pods -l k8s-app=kube-dns\` says why they are not ready, and the log of one that crashes says what of its configuration it refuses.`,
  // Whom kubelets give to pods, at least one node must have told: before, nobody knows which Service is in use.
  needs: ['dns', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate({ nodes, objects }: ClusterView): readonly Violation[] {
  return servicesInUse(objects, nodes)
    .filter((service) => readyServers(objects.endpointSlices(service.namespace, service.name), service).length === 0)
    .map((service) => violation(objects, service, fewGiving(nodes, service)));
}

/** The nodes whose kubelets give it to pods, or the cache before it, where most that tell of theirs give another; else none. */
function fewGiving(nodes: readonly NodeView[], service: Service): readonly string[] {
  const telling = nodes.flatMap((view) => {
    const { kubelet = null, nodeLocal = null } = dnsOf(view) ?? {};
    return kubelet === null || kubelet.clusterDns.length === 0 ? [] : [{ name: view.name, kubelet, nodeLocal }];
  });
  const giving = telling.filter(({ kubelet, nodeLocal }) =>
    [...addressesOf(service), ...(nodeLocal?.addresses ?? [])].some((one) => kubelet.clusterDns.includes(one)),
  );
  return giving.length * 2 < telling.length ? giving.map(({ name }) => name) : [];
}

function violation(objects: ClusterObjects, service: Service, few: readonly string[]): Violation {
  const { namespace, name, selector } = service;
  const whose =
    few.length === 0
      ? ''
      : `which ${few.length === 1 ? 'one kubelet gives' : `${few.length} kubelets give`} to pods (${joined(few)}), `;
  const pods = selector === null ? [] : [...objects.podsIn(namespace)].filter((pod) => hasLabels(pod, selector));
  return {
    subject: { kind: 'Service', namespace, name, port: '', protocol: 'udp' },
    summary: `Cluster DNS, ${namespace}/${name}, ${whose}has no ready endpoint: ${whyNone(pods, selector !== null)}.`,
    evidence: pods.slice(0, 10).map((pod) => fact(`pod ${pod.name}`, stateOf(pod))),
    remediation: [
      {
        command: `kubectl -n ${shellWord(namespace)} describe pods -l ${shellWord(labelsText(selector ?? {}))}`,
        effect: 'Shows why its pods are not there, or not ready.',
      },
    ],
    frontends: [],
    explainsTopics: [endpointsTopic(namespace, name)],
    stranded: strandedOf(pods),
    ...(few.length === 0 ? {} : { severity: 'high' as const }),
    topics: pods.every(isEnding) ? pods.map((pod) => podTopic(pod.namespace, pod.name)) : [],
  };
}

/** Where all wait for a network on their nodes, what is wrong with it there is why. */
function strandedOf(pods: readonly Pod[]): readonly Stranded[] {
  const coming = pods.filter(({ terminating }) => !terminating);
  const waiting = coming.flatMap(({ namespace, name, nodeName, phase, addresses }): readonly Stranded[] => {
    if (nodeName === null || phase !== 'Pending' || addresses.length > 0) return [];
    return [{ node: nodeName, topics: [podTopic(namespace, name)], unheard: null }];
  });
  return waiting.length === coming.length ? waiting : [];
}

/** Of a pod that crashes again and again the API says this or that, by the second at which it is asked. */
function isEnding({ phase, waitingReason, terminating, ready }: Pod): boolean {
  if (terminating) return false;
  return waitingReason === 'CrashLoopBackOff' || (phase === 'Running' && !ready && waitingReason === undefined);
}

function hasLabels({ labels }: Pod, selector: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function whyNone(pods: readonly Pod[], hasSelector: boolean): string {
  if (!hasSelector) return 'nobody has written any';
  if (pods.length === 0) return 'there is no pod with the labels that it selects';
  const states = [...Map.groupBy(pods, stateOf)].map(([state, of]) => `${counted(of.length, 'pod')} ${state}`);
  return joined(states);
}

function stateOf({ phase, waitingReason, terminating, ready, nodeName }: Pod): string {
  if (terminating) return 'being deleted';
  if (nodeName === null) return 'not scheduled';
  if (waitingReason !== undefined) return waitingReason;
  return phase === 'Running' ? (ready ? 'ready' : 'running, not ready') : phase;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
