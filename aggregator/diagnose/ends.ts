/** The two ends of a question, found among the API's objects. */
import { type Address, familyOf } from '../../proto/address.ts';
import { contains, parsePrefix, prefixSet } from '../../proto/prefixes.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import { type End, parseEnd, podsOf } from '../audit/ends.ts';
import { hostPortAt, isHeadless, nodePortAt, serviceAt } from '../audit/front-doors.ts';
import { slipsBetween, spelled } from '../checks/shared/similar-text.ts';
import { joined } from '../checks/shared/words.ts';
import type { ClusterNode, ClusterObjects, Pod, Service, ServicePort } from '../model/cluster.ts';
import type { Question } from './input.ts';

/** Which of its addresses was asked for: packets have that one, and no other family is walked. Absent = any. */
interface ByAddress {
  readonly by?: Address;
}

/** By which port of its node a pod is asked; its own port is that behind it. */
interface ByHostPort {
  readonly hostPort?: { readonly port: number; readonly of: ClusterNode } & ByAddress;
}

/** The addresses of an end that packets may have, in the order of the API. */
export function addressesOf(end: Source | Extract<Target, { readonly kind: 'pod' | 'node' }>): readonly Address[] {
  if (end.kind === 'address') return [end.address];
  if (end.by !== undefined) return [end.by];
  if (end.kind === 'node') return end.node.addresses;
  const door = 'hostPort' in end ? end.hostPort?.by : undefined;
  return door === undefined
    ? end.pod.addresses
    : end.pod.addresses.filter((address) => familyOf(address) === familyOf(door));
}

/** Where packets start. */
export type Source =
  | ({ readonly kind: 'pod'; readonly pod: Pod } & ByAddress)
  | ({ readonly kind: 'node'; readonly node: ClusterNode } & ByAddress)
  /** Nobody's in this cluster. */
  | { readonly kind: 'address'; readonly address: Address };

/** Where they are sent to. `port` null = none was said. */
export type Target =
  | ({ readonly kind: 'pod'; readonly pod: Pod; readonly port: number | null } & ByAddress & ByHostPort)
  | ({ readonly kind: 'node'; readonly node: ClusterNode; readonly port: number | null } & ByAddress)
  | ServiceTarget
  | { readonly kind: 'address'; readonly address: Address; readonly port: number | null }
  | { readonly kind: 'name'; readonly name: string; readonly port: number | null };

export interface ServiceTarget {
  readonly kind: 'service';
  readonly service: Service;
  /** Those that are asked about; never empty but for a Service without ports. */
  readonly ports: readonly ServicePort[];
  /** Which of its addresses: null = its cluster IP; `node` = a node port, of the node named. */
  readonly at: Address | ({ readonly nodePortOf: ClusterNode } & ByAddress) | null;
  /** The port that was asked for at its address, and that it has not. */
  readonly lacks?: { readonly port: number; readonly protocol: Protocol | null };
  /** Of a headless one: its pods are asked at this very number, which need not be a port that it has. */
  readonly isByNumber?: true;
}

export type Found<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly parameter: 'from' | 'to' | 'port' | 'protocol'; readonly problem: string };

type Parameter = 'from' | 'to' | 'port' | 'protocol';

function problem(parameter: Parameter, text: string): Found<never> {
  return { ok: false, parameter, problem: text };
}

/** Who asks. */
export function findSource({ from }: Question, objects: ClusterObjects): Found<Source> {
  const end = parseEnd(from);
  if ('problem' in end) return problem('from', end.problem);
  switch (end.kind) {
    case 'pod':
      return foundPod('from', end, objects);
    case 'node':
      return foundNode('from', end.name, objects);
    case 'address':
      return sourceAt(end.address, objects);
    case 'workload':
      return problem('from', onePodOf(end, objects));
    case 'service':
    case 'name':
      return problem(
        'from',
        `Packets start at a pod, a node or an address, and ${from} is a ${end.kind}. Ask from pod/NAMESPACE/NAME, node/NAME or an IP.`,
      );
  }
}

/** Who is asked. */
export function findTarget(question: Question, objects: ClusterObjects): Found<Target> {
  const end = parseEnd(question.to);
  if ('problem' in end) return problem('to', end.problem);
  switch (end.kind) {
    case 'pod': {
      const pod = foundPod('to', end, objects);
      return pod.ok ? withPort(pod.value, question.port) : pod;
    }
    case 'node': {
      const node = foundNode('to', end.name, objects);
      return node.ok ? { ok: true, value: atNode(node.value.node, question, objects) } : node;
    }
    case 'workload':
      return problem('to', onePodOf(end, objects));
    case 'service':
      return foundService(end, question, objects);
    case 'address':
    case 'name': {
      const port = onePort(end.port, question.port);
      if (port === 'two') return problem('port', `${question.to} names another port than ${question.port}. Give one.`);
      const nobodys = nobodysText(end);
      if (nobodys !== null) return problem('to', nobodys);
      return end.kind === 'name'
        ? { ok: true, value: { kind: 'name', name: end.name, port } }
        : { ok: true, value: targetAt(end.address, { port, protocol: question.protocol }, objects) };
    }
  }
}

/** Addresses that no packet has on its way from one end to another: RFC 6890, RFC 5771, RFC 4291. */
const nobodysAddresses = prefixSet(
  ['127.0.0.0/8', '::1/128', '0.0.0.0/8', '::/128', '224.0.0.0/4', 'ff00::/8', '255.255.255.255/32'].flatMap(
    (text) => parsePrefix(text) ?? [],
  ),
);

/** Why nobody's packets get there; null where some may. */
function nobodysText(end: EndOf<'address'> | EndOf<'name'>): string | null {
  const text = end.kind === 'name' ? end.name : end.address;
  if (end.kind === 'name' ? !/(?:^|\.)localhost\.?$/.test(text) : !contains(nobodysAddresses, end.address)) return null;
  return end.kind === 'name' || text.startsWith('127.') || text === '::1'
    ? `${text} is whoever asks: no packet to it leaves a pod or node. Ask with the pod, the node or its address.`
    : `${text} is no address of one end. Ask with that of a pod, a node, a Service or somebody outside.`;
}

type EndOf<K extends End['kind']> = Extract<End, { readonly kind: K }>;

function foundPod(
  parameter: Parameter,
  { namespace, name }: EndOf<'pod'>,
  objects: ClusterObjects,
): Found<{ readonly kind: 'pod'; readonly pod: Pod }> {
  if (!objects.knowsPods) return problem(parameter, 'Nothing is known of pods: they could not be listed.');
  const all = [...objects.podsIn(namespace)];
  const pod = all.find((one) => one.name === name);
  if (pod !== undefined) return { ok: true, value: { kind: 'pod', pod } };
  const near = nearest(
    name,
    all.map((one) => one.name),
  );
  return problem(
    parameter,
    `The API knows no pod ${namespace}/${name}${all.length === 0 ? `, nor any other in ${namespace}` : ''}.${near}`,
  );
}

function foundNode(
  parameter: Parameter,
  name: string,
  objects: ClusterObjects,
): Found<{ readonly kind: 'node'; readonly node: ClusterNode }> {
  const node = objects.node(name);
  if (node !== null) return { ok: true, value: { kind: 'node', node } };
  const near = nearest(
    name,
    [...objects.nodes()].map((one) => one.name),
  );
  return problem(parameter, `The API knows no Node ${name}.${near}`);
}

const mostCompared = 5_000;

/** ` Did you mean web-0?` or nothing. */
function nearest(name: string, known: readonly string[]): string {
  const wanted = spelled(name);
  const near = known.slice(0, mostCompared).find((one) => slipsBetween(wanted, spelled(one)) !== null);
  return near === undefined ? '' : ` Did you mean ${near}?`;
}

function onePodOf(end: EndOf<'workload'>, objects: ClusterObjects): string {
  const pods = podsOf(objects, end).map(({ namespace, name }) => `pod/${namespace}/${name}`);
  const which = pods.length === 0 ? 'It has no pod now.' : `It has ${joined(pods.toSorted(), 3)}.`;
  return `${end.ref} is a workload, and what breaks may be on one node alone: ask about one pod. ${which}`;
}

function onePort(written: number | null, asked: number | null): number | null | 'two' {
  return written !== null && asked !== null && written !== asked ? 'two' : (written ?? asked);
}

function withPort<T extends object>(found: T, port: number | null): Found<T & { readonly port: number | null }> {
  return { ok: true, value: { ...found, port } };
}

function foundService(end: EndOf<'service'>, question: Question, objects: ClusterObjects): Found<ServiceTarget> {
  const { namespace, name } = end;
  const service = objects.service(namespace, name);
  if (service === null) {
    const own = [...objects.services()].filter((one) => one.namespace === namespace).map((one) => one.name);
    return problem('to', `The API knows no Service ${namespace}/${name}.${nearest(name, own)}`);
  }
  if (end.port !== null && question.port !== null && end.port !== String(question.port)) {
    return problem('port', `${question.to} names another port than ${question.port}. Give one.`);
  }
  return withPorts(service, end.port ?? (question.port === null ? null : String(question.port)), question.protocol);
}

/** The Service's ports of that number, name and protocol; of a headless one any number. @param port null = all. */
export function withPorts(service: Service, port: string | null, protocol: Protocol | null): Found<ServiceTarget> {
  if (isHeadless(service) && port !== null && /^\d+$/.test(port)) {
    const own: ServicePort = { name: '', protocol: protocol ?? 'tcp', port: Number(port), nodePort: 0 };
    const named = service.ports.find((one) => one.port === own.port && one.protocol === own.protocol);
    return { ok: true, value: { kind: 'service', service, ports: [named ?? own], at: null, isByNumber: true } };
  }
  const ofProtocol = service.ports.filter((one) => protocol === null || one.protocol === protocol);
  const ports = ofProtocol.filter((one) => port === null || String(one.port) === port || one.name === port);
  if (ports.length === 0 && (port !== null || protocol !== null)) {
    const parameter = port === null ? 'protocol' : 'port';
    const has = joined(
      service.ports.map((one) => `${one.port}/${one.protocol}${one.name === '' ? '' : ` (${one.name})`}`),
      8,
    );
    return problem(
      parameter,
      `Service ${service.namespace}/${service.name} has no such port. It has ${has || 'none'}.`,
    );
  }
  return { ok: true, value: { kind: 'service', service, ports, at: null } };
}

/** Whose an address is: a Node's before a pod's of the host network, a pod's, else nobody's here. */
function sourceAt(address: Address, objects: ClusterObjects): Found<Source> {
  const pod = livePodAt(address, objects);
  if (pod !== null) return { ok: true, value: { kind: 'pod', pod, by: address } };
  for (const { namespace, name, clusterIPs } of objects.services()) {
    if (clusterIPs.ipv4 !== address && clusterIPs.ipv6 !== address) continue;
    return problem(
      'from',
      `${address} is the address of Service ${namespace}/${name}, and no packet starts there. Ask from pod/NAMESPACE/NAME, node/NAME or an IP.`,
    );
  }
  const node = nodeAt(address, objects);
  return { ok: true, value: node === null ? { kind: 'address', address } : { kind: 'node', node, by: address } };
}

function targetAt(
  address: Address,
  asked: { readonly port: number | null; readonly protocol: Protocol | null },
  objects: ClusterObjects,
): Target {
  const { port } = asked;
  const pod = livePodAt(address, objects);
  if (pod !== null) return { kind: 'pod', pod, port, by: address };
  const found = serviceAt(objects, address, asked);
  const node = nodeAt(address, objects);
  if (found !== null && (found.ports.length > 0 || node === null)) {
    const { service, ports } = found;
    const lacks = ports.length === 0 && port !== null ? { lacks: { ...asked, port } } : {};
    return { kind: 'service', service, ports, at: address, ...lacks };
  }
  return node === null ? { kind: 'address', address, port } : atNode(node, { ...asked, by: address }, objects);
}

/** The node, or what its port leads to: a Service's node port, or a pod's host port. */
function atNode(
  node: ClusterNode,
  { port, protocol, by }: Pick<Question, 'port' | 'protocol'> & ByAddress,
  objects: ClusterObjects,
): Target {
  const door = by === undefined ? {} : { by };
  if (port === null) return { kind: 'node', node, port, ...door };
  const found = nodePortAt(objects, { port, protocol });
  if (found !== null) return { kind: 'service', ...found, at: { nodePortOf: node, ...door } };
  const host = hostPortAt(objects, node, { port, protocol, address: by ?? null });
  if (host === null) return { kind: 'node', node, port, ...door };
  return { kind: 'pod', pod: host.pod, port: host.port, hostPort: { port, of: node, ...door } };
}

function livePodAt(address: Address, objects: ClusterObjects): Pod | null {
  const live = objects.podsWithAddress(address).filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed');
  return live[0] ?? null;
}

function nodeAt(address: Address, objects: ClusterObjects): ClusterNode | null {
  for (const node of objects.nodes()) if (node.addresses.includes(address)) return node;
  return null;
}
