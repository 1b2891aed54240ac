/**
 * A small cluster for tests of NetworkPolicies, and flows in it written as text: `shop/web > shop/db 5432`,
 * `shop/web > kube-system/dns 5353/udp via 10.96.0.10:53`, `203.0.113.9 > shop/web 8080`.
 */
import { objectsOf } from '../aggregator/audit/objects.ts';
import { readObject } from '../aggregator/cluster/api-list.ts';
import { networkPolicyKind } from '../aggregator/cluster/network-policy.ts';
import type {
  ClusterNode,
  ClusterObjects,
  ClusterSnapshot,
  ContainerPort,
  Namespace,
  Pod,
} from '../aggregator/model/cluster.ts';
import type {
  Flow,
  FlowEnd,
  NetworkPolicy,
  PolicyAnswers,
  PolicyVerdict,
  SideVerdict,
} from '../aggregator/model/policy.ts';
import { type Family, familyOf, parseAddress, parseHostPort } from '../proto/address.ts';
import type { Protocol } from '../proto/forwarding.ts';
import { node, pod, prefix, service, slice } from './builders.ts';

/** `spec` of a NetworkPolicy as it is written in the API. */
export type PolicySpec = Readonly<Record<string, unknown>>;

/** A policy as the API server lists it, read as bundles are read; throws where it does not fit. */
export function policy(name: string, spec: PolicySpec): NetworkPolicy {
  const [namespace = '', plain = ''] = name.split('/');
  const metadata = { namespace, name: plain, uid: `uid-of-${name}`, creationTimestamp: '2026-11-20T08:00:00Z' };
  const read = readObject({ kind: 'NetworkPolicy', metadata, spec }, networkPolicyKind);
  if (!read.ok || read.value === null) throw new Error(read.ok ? `${name} was left out` : read.problems.join('; '));
  return read.value;
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Namespace {
  return { name, labels, annotations: {} };
}

/** `tcp 8080 http`: a container port with its name. */
function containerPort(text: string): ContainerPort {
  const [protocol = '', port = '', name = ''] = text.split(' ');
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') throw new Error(`no protocol: ${text}`);
  return { name, protocol, port: Number(port), hostPort: 0, hostAddress: null };
}

function labelled(made: Pod, labels: Pod['labels'], ...ports: readonly string[]): Pod {
  const uid = `uid-of-${made.namespace}/${made.name}`;
  return { ...made, uid, labels, ports: ports.map(containerPort) };
}

const web = { app: 'web', tier: 'front' };

/** Two namespaces with shops, a third for the cluster's own; pods on two nodes. */
export const pods: readonly Pod[] = [
  labelled(
    pod('shop/web', 'node-a', '10.244.1.2', 'fd00:244:1::2'),
    web,
    'tcp 8080 http',
    'tcp 9090 metrics',
    'udp 8080 http',
  ),
  labelled(pod('shop/web-2', 'node-b', '10.244.2.2', 'fd00:244:2::2'), web, 'tcp 8081 http'),
  labelled(pod('shop/db', 'node-b', '10.244.2.3', 'fd00:244:2::3'), { app: 'db', tier: 'back' }, 'tcp 5432 pg'),
  labelled(pod('shop/bare', 'node-a', '10.244.1.4'), {}),
  labelled(pod('test/web', 'node-b', '10.244.2.5', 'fd00:244:2::5'), web, 'tcp 8080 http'),
  labelled(pod('test/cron', 'node-a', '10.244.1.5'), { app: 'cron' }),
  labelled(
    pod('kube-system/dns', 'node-b', '10.244.2.6'),
    { 'k8s-app': 'kube-dns' },
    'udp 5353 dns',
    'tcp 5353 dns-tcp',
  ),
  {
    ...labelled(pod('kube-system/proxy-a', 'node-a', '192.168.100.11'), { 'k8s-app': 'proxy' }, 'tcp 10249 metrics'),
    hostNetwork: true,
  },
  {
    ...labelled(pod('kube-system/proxy-b', 'node-b', '192.168.100.12'), { 'k8s-app': 'proxy' }, 'tcp 10249 metrics'),
    hostNetwork: true,
  },
  { ...labelled(pod('shop/done', 'node-a', '10.244.1.9'), web), phase: 'Succeeded' },
  { ...labelled(pod('shop/starting', 'node-a'), web), phase: 'Pending' },
];

export const namespaces: readonly Namespace[] = [
  namespace('shop', { team: 'a', env: 'prod' }),
  namespace('test', { team: 'a', env: 'test' }),
  namespace('kube-system', {}),
];

const flannelVxlan = {
  backend: 'vxlan',
  vtepMac: null,
  vtepMacIpv6: null,
  publicAddress: null,
  publicAddressIpv6: null,
};

function nodeOf(name: string, number: number): ClusterNode {
  return {
    ...node(name, `192.168.100.1${number}`, `fd00:100::1${number}`),
    podCIDRs: [prefix(`10.244.${number}.0/24`), prefix(`fd00:244:${number}::/64`)],
  };
}

const nodes: readonly ClusterNode[] = [
  nodeOf('node-a', 1),
  nodeOf('node-b', 2),
  { ...nodeOf('node-f', 3), cni: { flannel: flannelVxlan, calico: null, cilium: null } },
];

const services = [
  service('shop/db').clusterIP('10.96.0.5').port(5432, 'pg'),
  service('shop/web').clusterIP('10.96.0.6').port(80, 'http').port(9090, 'metrics'),
  service('shop/empty').clusterIP('10.96.0.7').port(80),
  service('kube-system/kube-dns').clusterIP('10.96.0.10').port(53, 'dns', 'udp').port(53, 'dns-tcp'),
];
const slices = [
  slice('shop/db').port(5432, 'pg').ready('10.244.2.3'),
  slice('shop/web').named('web-1').port(8080, 'http').port(9090, 'metrics').ready('10.244.1.2'),
  slice('shop/web').named('web-2').port(8081, 'http').ready('10.244.2.2').unready('10.244.2.77'),
  slice('kube-system/kube-dns').port(5353, 'dns', 'udp').port(5353, 'dns-tcp').ready('10.244.2.6'),
];

/** Its objects as one moment, with these policies. */
export function moment(policies: readonly NetworkPolicy[], changes: Partial<ClusterSnapshot> = {}): ClusterSnapshot {
  return {
    ...{ services: services.map(({ built }) => built), endpointSlices: slices.map(({ built }) => built) },
    ...{ nodes, pods, namespaces, podEvents: [] },
    ...{ networkPolicies: policies, foreignPolicies: [], dnsConfigurations: [] },
    ...changes,
  };
}

/** The cluster with these policies. */
export function world(policies: readonly NetworkPolicy[], changes: Partial<ClusterSnapshot> = {}): ClusterObjects {
  return objectsOf(moment(policies, changes));
}

/** What its policies say. */
export function answersOf(objects: ClusterObjects): PolicyAnswers {
  if (objects.policy === null) throw new Error('policies, pods or namespaces are not known');
  return objects.policy;
}

/** Reads a flow as this file's head writes them; ` v6` and ` rewritten` may follow. */
export function flow(text: string, { podsIn, node: nodeNamed }: ClusterObjects): Flow {
  const [ends = '', via] = text.replace(/ (?:v6|rewritten)\b/g, '').split(' via ');
  const [from = '', , to = '', where = ''] = ends.split(' ');
  const [port = '', protocol = 'tcp'] = where.split('/');
  const end = (name: string): FlowEnd => {
    const one = parseAddress(name);
    if (one !== null) return { kind: 'address', address: one };
    const known = nodeNamed(name);
    if (known !== null) return { kind: 'node', node: known };
    const [space = '', plain = ''] = name.split('/');
    const found = [...podsIn(space)].find((candidate) => candidate.name === plain);
    if (found === undefined) throw new Error(`no end: ${name}`);
    return { kind: 'pod', pod: found };
  };
  const through = via === undefined ? null : parseHostPort(via);
  const [source, target] = [end(from), end(to)];
  return {
    ...{
      from: source,
      to: target,
      family: familyIn(text, [source, target]),
      protocol: protocolOf(protocol),
      port: Number(port),
    },
    ...(through === null ? {} : { through }),
    ...(text.includes(' rewritten') ? { sourceMayBeRewritten: true as const } : {}),
  };
}

function familyIn(text: string, ends: readonly FlowEnd[]): Family {
  const outside = ends.find((one) => one.kind === 'address');
  return text.includes(' v6') || (outside !== undefined && familyOf(outside.address) === 'ipv6') ? 'ipv6' : 'ipv4';
}

function protocolOf(text: string): Protocol {
  if (text === 'tcp' || text === 'udp' || text === 'sctp') return text;
  throw new Error(`no protocol: ${text}`);
}

/**
 * A verdict in short, egress before ingress: `open > 0.1.*` is allowed by ingress rule 0, its peer 1, every port;
 * `open` = no policy selects the pod, `always` = no policy can forbid it, `-` = policies do not speak of this end.
 */
export function inShort({ egress, ingress, allowed }: PolicyVerdict): string {
  const sides = `${sideInShort(egress)} > ${sideInShort(ingress)}`;
  const verdict = [egress, ingress].some(({ state }) => state === 'denied')
    ? false
    : [egress, ingress].some(({ state }) => state === 'unknown')
      ? null
      : true;
  return verdict === allowed ? sides : `${sides}, and allowed is ${allowed}`;
}

function sideInShort({ state, by }: SideVerdict): string {
  switch (state) {
    case 'not-isolated':
      return 'open';
    case 'not-judged':
      return '-';
    case 'denied':
    case 'unknown':
      return state;
    case 'allowed':
      return by === null ? 'always' : `${by.rule}.${by.peer ?? '*'}.${by.port ?? '*'}`;
  }
}

/** What policies of the namespace shop, named p0, p1 and so on, say of a flow, in short. */
export function judged(specs: readonly PolicySpec[], text: string): string {
  const objects = world(specs.map((spec, index) => policy(`shop/p${index}`, spec)));
  return inShort(answersOf(objects).flow(flow(text, objects)));
}
