/*
 * Clients are spread over the replicas of cluster DNS: where one of several fails, each lookup fails now and then, and
 * tries again, which makes seconds of every start of a connection. Its pod may be ready all the same: the readiness probe
 * of CoreDNS asks the plugin `ready`, not for names.
 */
import type { Address } from '../../proto/address.ts';
import type { Lookup } from '../../proto/parts.ts';
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { ClusterObjects, Pod } from '../model/cluster.ts';
import type { Subject, Violation } from '../model/finding.ts';
import { dnsOf, failureOf, isWell, serverText } from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import { shellWord } from './shared/remedies.ts';
import { podTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const dnsReplicaFailing: ClusterCheck = {
  id: 'dns-replica-failing',
  layer: 'L4',
  scope: 'cluster',
  severity: 'high',
  title: 'A replica of cluster DNS fails',
  explanation: `Every agent asks the replicas of cluster DNS directly, at the pods' own addresses, for a name of the cluster. One replica gives no answer, an error or a wrong answer, and it does so to most nodes that ask it, so it is the replica and not a way to it. Where others answer, a share of all lookups in the cluster fails; where none does, nothing in the cluster resolves (then the finding is critical, and about all of them).`,
  falsePositives: `Three lookups in a row must have failed. A pod that is ending, or is not ready, is not asked. Where most nodes get an answer from it, the way from the others is at fault, which findings of L2 and L3 tell.`,
  remediation: `Look at the pod's log, then delete the pod: its Deployment makes another. Where all fail, look at what they have in common: their configuration, the API server that they watch, a NetworkPolicy.`,
  needs: ['dns', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

/** What all nodes saw of one replica. */
interface Replica {
  readonly server: Address;
  readonly text: string;
  readonly well: readonly string[];
  readonly failing: readonly { readonly node: string; readonly why: string; readonly protocol: string }[];
}

function evaluate({ nodes, objects }: ClusterView): readonly Violation[] {
  const replicas = replicasOf(nodes).filter(({ server }) => isInUse(objects, server));
  const failing = replicas.filter((replica) => replica.failing.length > replica.well.length);
  if (failing.length === 0) return [];
  if (failing.length === replicas.length && replicas.length > 1) return [ofAll(failing)];
  return failing.map((replica) => ofOne(objects, replica, replicas.length - failing.length));
}

function replicasOf(views: readonly NodeView[]): readonly Replica[] {
  const seen = views.flatMap((view) =>
    (dnsOf(view)?.lookups ?? [])
      .filter(({ by, name }) => by === 'backend' && name !== 'external')
      .map((lookup) => ({ node: view.name, lookup })),
  );
  return [...Map.groupBy(seen, ({ lookup }) => serverText(lookup))].map(([text, of]) => ({
    server: (of[0] as { lookup: Lookup }).lookup.server,
    text,
    well: wellNodes(of),
    failing: failingNodes(of),
  }));
}

interface Seen {
  readonly node: string;
  readonly lookup: Lookup;
}

/** A node counts once, as failing where any of its lookups fails. */
function failingNodes(seen: readonly Seen[]): Replica['failing'] {
  return [...Map.groupBy(seen, ({ node }) => node)].flatMap(([node, of]) => {
    const failed = of.find(({ lookup }) => failureOf(lookup) !== null)?.lookup;
    return failed === undefined
      ? []
      : [{ node, why: failureOf(failed) ?? '', protocol: failed.protocol.toUpperCase() }];
  });
}

function wellNodes(seen: readonly Seen[]): readonly string[] {
  return [...Map.groupBy(seen, ({ node }) => node)].flatMap(([node, of]) =>
    of.every(({ lookup }) => failureOf(lookup) === null) && of.some(({ lookup }) => isWell(lookup)) ? [node] : [],
  );
}

/** A pod that is ending, or is not ready, is nobody's replica, nor is an address that no pod has any more. */
function isInUse(objects: ClusterObjects, server: Address): boolean {
  const pods = objects.podsWithAddress(server);
  return pods.some(({ ready, terminating }) => ready && !terminating);
}

function ofOne(objects: ClusterObjects, { server, text, well, failing }: Replica, others: number): Violation {
  const [pod] = objects.podsWithAddress(server);
  const subject: Subject =
    pod === undefined ? { kind: 'Address', name: server } : { kind: 'Pod', namespace: pod.namespace, name: pod.name };
  const [first] = failing;
  const nodes = failing.map(({ node }) => node);
  return {
    subject,
    summary: `${nameOf(pod, text)} fails as a replica of cluster DNS: ${first?.why} to ${joined(nodes)} by ${first?.protocol}${others > 0 ? `, while ${counted(others, 'other replica')} ${others === 1 ? 'answers' : 'answer'}` : ''}.`,
    evidence: [
      ...failing.slice(0, 10).map(({ node, why, protocol }) => fact(`asked by ${node}`, `${why}, ${protocol}`)),
      ...(well.length === 0 ? [] : [fact('answers', joined(well))]),
    ],
    remediation: pod === undefined ? [] : remedies(pod),
    frontends: [],
    topics: pod === undefined ? [] : [podTopic(pod.namespace, pod.name)],
  };
}

function nameOf(pod: Pod | undefined, text: string): string {
  return pod === undefined ? text : `${pod.namespace}/${pod.name} (${text})`;
}

function remedies({ namespace, name }: Pod) {
  const pod = `-n ${shellWord(namespace)}`;
  return [
    { command: `kubectl ${pod} logs ${shellWord(name)} --tail=50`, effect: 'Shows what it complains of.' },
    { command: `kubectl ${pod} delete pod ${shellWord(name)}`, effect: 'Its Deployment makes another in its place.' },
  ];
}

function ofAll(failing: readonly Replica[]): Violation {
  const [first] = failing.flatMap((replica) => replica.failing);
  return {
    subject: { kind: 'Cluster', name: 'cluster DNS' },
    summary: `All ${failing.length} replicas of cluster DNS fail: ${first?.why} by ${first?.protocol}, so that nothing resolves.`,
    evidence: failing
      .slice(0, 10)
      .map(({ text, failing: of }) => fact(text, `${of[0]?.why} to ${joined(of.map(({ node }) => node))}`)),
    remediation: [
      {
        command: 'kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50 --prefix',
        effect: 'Shows what the replicas complain of.',
      },
      {
        command: 'kubectl -n kube-system rollout restart deployment coredns',
        effect: 'Makes all replicas anew, one after the other.',
      },
    ],
    frontends: [],
    severity: 'critical',
  };
}
