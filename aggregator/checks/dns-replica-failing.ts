/*
 * Clients are spread over the replicas of cluster DNS: where one of several fails, each lookup fails now and then, and
 * tries again, which makes seconds of every start of a connection. Its pod may be ready all the same: the readiness probe
 * of CoreDNS asks the plugin `ready`, not for names.
 */
import type { Address } from '../../proto/address.ts';
import type { Lookup } from '../../proto/parts.ts';
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { ClusterObjects, Pod } from '../model/cluster.ts';
import type { Severity, Stranded, Subject, Violation } from '../model/finding.ts';
import {
  apiAddresses,
  dnsOf,
  dnsPort,
  failureOf,
  isFull,
  isWell,
  lookupsOf,
  readyServers,
  serverText,
} from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import { shellWord } from './shared/remedies.ts';
import { peerTopic, podTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const dnsReplicaFailing: ClusterCheck = {
  id: 'dns-replica-failing',
  layer: 'L4',
  scope: 'cluster',
  severity: 'high',
  title: 'A replica of cluster DNS fails',
  explanation: `Every agent asks the replicas of cluster DNS directly, at the pods' own addresses, for a name of the cluster. One replica gives no answer, an error or a wrong answer, and it does so to most nodes that ask it, so it is the replica and not a way to it. Where others answer, a share of all lookups in the cluster fails; where none does, nothing in the cluster resolves (then the finding is critical, and about all of them). A wrong answer is one to a name that is not there, or another address for \`kubernetes.default.svc\` than the API's Service has.`,
  falsePositives: `Three lookups in a row must fail, be it by silence, an error or a wrong answer. One node alone that hears nothing from a replica elsewhere may have lost the way to it: then the severity is medium, and the finding says so. A pod that is ending, or is not ready, is not asked. Where most nodes get an answer from it, the way from the others is at fault, which findings of L2 and L3 tell.`,
  remediation: `Look at the pod's log, then delete the pod: its Deployment makes another. Where all fail, look at what they have in common: their configuration, the API server that they watch, a NetworkPolicy.`,
  needs: ['dns', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
  undecided,
};

/** What all nodes saw of one replica. */
interface Replica {
  readonly server: Address;
  readonly text: string;
  readonly well: readonly string[];
  readonly failing: readonly Failing[];
}

interface Failing {
  readonly node: string;
  readonly why: string;
  readonly harm: Harm;
  /** That there was an answer shows that the way is there. */
  readonly isAnswered: boolean;
}

/** What comes of it. */
type Harm = 'unresolved' | 'astray' | 'large' | 'absent';

/** Where one replica does so, and where all do; the worst first. */
const harms: { readonly [harm in Harm]: { readonly one: Severity; readonly all: Severity; readonly so: string } } = {
  unresolved: { one: 'high', all: 'critical', so: 'nothing resolves' },
  astray: { one: 'high', all: 'critical', so: "names lead to other addresses than the API's" },
  large: { one: 'medium', all: 'high', so: 'answers too large for UDP are lost' },
  absent: { one: 'medium', all: 'medium', so: 'no NXDOMAIN comes for what is not there' },
};
const worstFirst = Object.keys(harms) as readonly Harm[];

function harmOf(failing: Replica['failing']): Harm {
  return worstFirst.find((harm) => failing.some((one) => one.harm === harm)) ?? 'unresolved';
}

function evaluate({ nodes, objects }: ClusterView): readonly Violation[] {
  const ends = endsOfDns(objects);
  const replicas = replicasOf(nodes, apiAddresses(objects)).filter(
    ({ server, text }) => ends.has(text) && isInUse(objects, server),
  );
  const failing = replicas.filter((replica) => replica.failing.length > replica.well.length);
  const isAll = failing.length === replicas.length && failing.every((replica) => isBeyondDoubt(objects, replica));
  if (failing.length > 1 && isAll) return [ofAll(objects, failing)];
  return failing.map((replica) => ofOne(objects, replica, { others: replicas.length - failing.length, isAll }));
}

/**
 * While agents begin anew, or those that saw it are silent, nobody has asked it three times, and that it fails is not over.
 * A pod that takes no lookups any more is none of them, and where lookups are off nothing will be found out.
 */
function undecided(subject: Subject, { nodes, objects }: ClusterView): string | null {
  if (nodes.every((view) => dnsOf(view)?.lookupsOffBecause != null)) return null;
  const ends = endsOfDns(objects);
  const isOf = (address: Address, text: string) =>
    ends.has(text) && objects.podsWithAddress(address).some((pod) => isNamed(subject, pod));
  if (
    subject.kind === 'Pod' &&
    ![...objects.podsIn(subject.namespace)].some((pod) => isNamed(subject, pod) && pod.ready)
  ) {
    return null;
  }
  const isAsked = nodes.some((view) =>
    lookupsOf(view).some((one) => one.by === 'backend' && isFull(one) && isOf(one.server, serverText(one))),
  );
  return isAsked ? null : 'no node has asked it three times yet';
}

/** Every replica for the finding of them all. */
function isNamed(subject: Subject, { namespace, name }: Pod): boolean {
  return (
    subject.kind === 'Cluster' || (subject.kind === 'Pod' && subject.namespace === namespace && subject.name === name)
  );
}

/** Two nodes, its own one, or an answer: one node alone that hears nothing may have lost the way to it. */
function isBeyondDoubt(objects: ClusterObjects, { server, failing }: Replica): boolean {
  const own = objects.podsWithAddress(server).map(({ nodeName }) => nodeName);
  return failing.length > 1 || failing.some(({ node, isAnswered }) => isAnswered || own.includes(node));
}

function replicasOf(views: readonly NodeView[], api: readonly Address[]): readonly Replica[] {
  const seen = views.flatMap((view) =>
    lookupsOf(view)
      .filter(({ by, name }) => by === 'backend' && name !== 'external')
      .map((lookup) => ({ node: view.name, lookup, why: failureOf(lookup) ?? strayAddress(lookup, api) })),
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
  /** Why it counts as failed. */
  readonly why: string | null;
}

/** The API's Service is asked for, and something else is told. */
function strayAddress({ name, outcomes, addresses }: Lookup, api: readonly Address[]): string | null {
  if (name !== 'cluster' || outcomes.length < 3 || outcomes.some((outcome) => outcome !== 'NOERROR')) return null;
  if (api.length === 0 || addresses.some((address) => api.includes(address))) return null;
  return `${joined(addresses)} for the API's Service, which has ${joined(api)}`;
}

/** A node counts once, as failing where any of its lookups fails. */
function failingNodes(seen: readonly Seen[]): Replica['failing'] {
  return [...Map.groupBy(seen, ({ node }) => node)].flatMap(([node, of]) => {
    const failed = of.flatMap(({ lookup, why }) => (why === null ? [] : [{ ...lookup, why, harm: harmOfOne(lookup) }]));
    const [worst] = failed.toSorted((one, other) => worstFirst.indexOf(one.harm) - worstFirst.indexOf(other.harm));
    if (worst === undefined) return [];
    // Whichever question it answers, by whichever protocol.
    const isAnswered = of.some((one) => one.lookup.answered > 0);
    const why = worst.harm === 'large' ? `${worst.why} by TCP` : worst.why;
    return [{ node, why, harm: worst.harm, isAnswered }];
  });
}

function harmOfOne({ name, protocol, rcode, addresses }: Lookup): Harm {
  if (name === 'absent') return 'absent';
  if (protocol === 'tcp') return 'large';
  return rcode === 'NOERROR' && addresses.length > 0 ? 'astray' : 'unresolved';
}

function wellNodes(seen: readonly Seen[]): readonly string[] {
  return [...Map.groupBy(seen, ({ node }) => node)].flatMap(([node, of]) =>
    of.every(({ why }) => why === null) && of.some(({ lookup }) => isWell(lookup)) ? [node] : [],
  );
}

/**
 * What a node calls a replica is one only where the API says so: a ready end of some Service's port 53. Rules of a node may
 * be old, and lead to a pod that has the address now and knows nothing of names; and one agent that lies could name any pod.
 */
function endsOfDns(objects: ClusterObjects): ReadonlySet<string> {
  const services = [...objects.services()].filter(({ ports }) => ports.some(({ port }) => port === dnsPort));
  return new Set(
    services.flatMap((service) => {
      const slices = objects.endpointSlices(service.namespace, service.name);
      // One port at a time: by UDP and by TCP a replica may have different ones.
      const eachPort = slices.flatMap((slice) => slice.ports.map((port) => ({ ...slice, ports: [port] })));
      return readyServers(eachPort, service).map(({ address, port }) => serverText({ server: address, port }));
    }),
  );
}

/** A pod that is ending, or is not ready, is nobody's replica, nor is an address that no pod has any more. */
function isInUse(objects: ClusterObjects, server: Address): boolean {
  const pods = objects.podsWithAddress(server);
  return pods.some(({ ready, terminating }) => ready && !terminating);
}

/** How the others do. */
interface Company {
  readonly others: number;
  /** It is the only one that is known. */
  readonly isAll: boolean;
}

function ofOne(objects: ClusterObjects, replica: Replica, { others, isAll }: Company): Violation {
  const { server, text, well, failing } = replica;
  const [pod] = objects.podsWithAddress(server);
  const subject: Subject =
    pod === undefined ? { kind: 'Address', name: server } : { kind: 'Pod', namespace: pod.namespace, name: pod.name };
  const harm = harmOf(failing);
  const first = failing.find((one) => one.harm === harm);
  const nodes = failing.map(({ node }) => node);
  const isCertain = isBeyondDoubt(objects, replica);
  const doubt = isCertain ? '' : ` Only ${joined(nodes)} says so, and it may be the way from there.`;
  const rest =
    others > 0
      ? `, while ${counted(others, 'other replica')} ${others === 1 ? 'answers' : 'answer'}`
      : isAll
        ? `, and there is no other, so that ${harms[harm].so}`
        : '';
  return {
    subject,
    summary: `${nameOf(pod, text)} fails as a replica of cluster DNS: ${first?.why} to ${joined(nodes)}${harm === 'large' ? ' (by UDP it answers)' : ''}${rest}.${doubt}`,
    evidence: [
      ...failing.slice(0, 10).map(({ node, why }) => fact(`asked by ${node}`, why)),
      ...(well.length === 0 ? [] : [fact('answers', joined(well))]),
    ],
    remediation: pod === undefined ? [] : remedies(pod),
    frontends: [],
    topics: pod === undefined ? [] : [podTopic(pod.namespace, pod.name)],
    stranded: strandedOf(objects, replica),
    severity: isAll ? harms[harm].all : isCertain ? harms[harm].one : 'medium',
  };
}

/** Where any lookup was answered, the way to it is there. */
function strandedOf(objects: ClusterObjects, { server, failing }: Replica): readonly Stranded[] {
  const [pod] = objects.podsWithAddress(server);
  if (pod === undefined || pod.nodeName === null || failing.some(({ isAnswered }) => isAnswered)) return [];
  const unheard = { by: failing.map(({ node }) => node), peer: peerTopic(pod.nodeName) };
  return [{ node: pod.nodeName, topics: [podTopic(pod.namespace, pod.name)], unheard }];
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

function ofAll(objects: ClusterObjects, failing: readonly Replica[]): Violation {
  const stranded = failing.flatMap((replica) => strandedOf(objects, replica));
  const seen = failing.flatMap((replica) => replica.failing);
  // What still works with one of them still works.
  const harm =
    worstFirst.findLast((each) => failing.some((replica) => harmOf(replica.failing) === each)) ?? 'unresolved';
  const first = seen.find((one) => one.harm === harm);
  return {
    subject: { kind: 'Cluster', name: 'cluster DNS' },
    summary: `All ${failing.length} replicas of cluster DNS fail: ${first?.why}, so that ${harms[harm].so}.`,
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
    // One that answers, or that is no pod, fails by itself.
    stranded: stranded.length === failing.length ? stranded : [],
    severity: harms[harm].all,
  };
}
