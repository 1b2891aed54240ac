/** The ends of a question about policies: which pods, nodes or addresses they are, and which port policies see. */
import { type Address, type Family, familyOf } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import type { ClusterNode, ClusterObjects, Pod, Service, ServicePort } from '../../model/cluster.ts';
import type { Flow, FlowEnd, PolicyProblem, PolicyQuestion } from '../../model/policy.ts';
import { type End, endText, isLive, podsOf } from '../ends.ts';
import { hostPortAt, isHeadless, namedPort, nodePortAt, podsBehind, serviceAt } from '../front-doors.ts';
import { endpointsOfPort } from '../port-endpoints.ts';
import type { ServiceWay } from './rewritten-source.ts';

export interface NamedEnd {
  /** `pod/shop/web-0`, `node/node-a`, an address. */
  readonly text: string;
  readonly end: FlowEnd;
}

export interface TargetEnd extends NamedEnd {
  readonly port: number;
  /** The families that it can be reached in there; null = all that it has addresses of. */
  readonly family: Family | null;
  readonly through: NonNullable<Flow['through']> | null;
  /** How packets get to a Service's endpoint, where a node's address may take the place of the source's; else null. */
  readonly way: ServiceWay | null;
}

export interface Targets {
  readonly ends: readonly TargetEnd[];
  /** The port that was asked about: a Service's own. */
  readonly port: number;
  readonly protocol: Protocol;
  readonly notes: readonly string[];
}

type Found<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & PolicyProblem);

function found<T>(value: T): Found<T> {
  return { ok: true, value };
}

function lacking(parameter: PolicyProblem['parameter'], problem: string): Found<never> {
  return { ok: false, parameter, problem };
}

/** Who begins. */
export function sourcesOf(objects: ClusterObjects, end: End): Found<readonly NamedEnd[]> {
  return endsOf(objects, end, 'from');
}

/** Where packets go, after a Service's address was translated. @param asked the port that was given apart. */
export function targetsOf(
  objects: ClusterObjects,
  end: End,
  asked: Pick<PolicyQuestion, 'port' | 'protocol'>,
): Found<Targets> {
  if (end.kind === 'service') {
    const service = objects.service(end.namespace, end.name);
    if (service === null) return lacking('to', `The API server knows no Service ${end.namespace}/${end.name}.`);
    const door = { kind: 'cluster-ip', address: null } as const;
    return serviceTargets(objects, service, { ...asked, written: end.port, door });
  }
  const written = end.kind === 'address' || end.kind === 'name' ? end.port : null;
  if (written !== null && asked.port !== null && written !== asked.port) return twoPorts(String(written), asked.port);
  const port = written ?? asked.port;
  if (end.kind === 'name') return noName('to', end.name);
  const behind = behindDoor(objects, end, { ...asked, port });
  if (behind !== null) return behind;
  if (port === null) return lacking('port', `Say which port of ${endText(end)} is asked about.`);
  const ends = endsOf(objects, end, 'to');
  if (!ends.ok) return ends;
  const family = end.kind === 'address' ? familyOf(end.address) : null;
  return found({
    ends: ends.value.map((one) => ({ ...one, port, family, through: null, way: null })),
    ...{ port, protocol: asked.protocol ?? 'tcp', notes: [] },
  });
}

/** Where an address or a node is the door to something else: a Service, or a pod by its host port; null where it is not. */
function behindDoor(objects: ClusterObjects, end: End, asked: Pick<PolicyQuestion, 'port' | 'protocol'>) {
  const address = end.kind === 'address' ? end.address : null;
  const at = address === null ? null : serviceAt(objects, address, asked);
  if (at !== null && address !== null) {
    return serviceTargets(objects, at.service, { ...asked, written: null, door: { kind: at.door, address } });
  }
  const node = end.kind === 'node' ? objects.node(end.name) : address === null ? null : nodeAt(objects, address);
  const { port, protocol } = asked;
  if (node === null || port === null) return null;
  const service = nodePortAt(objects, { port, protocol })?.service;
  if (service !== undefined) {
    const door = { kind: 'node-port', address, node: node.name, port } as const;
    return serviceTargets(objects, service, { ...asked, written: null, door });
  }
  const host = hostPortAt(objects, node, { port, protocol, address });
  if (host === null) return null;
  const pod = podEnd(host.pod);
  const family = address === null ? null : familyOf(address);
  return found({
    ends: [{ ...pod, port: host.port, family, through: null, way: null }],
    ...{ port, protocol: host.protocol },
    notes: [`Host port ${port} of ${node.name} is ${pod.text}'s, at its port ${host.port}, which policies see.`],
  });
}

function twoPorts(written: string, asked: number): Found<never> {
  return lacking('port', `The port is given twice, as ${written} and as ${asked}. Give one.`);
}

function endsOf(objects: ClusterObjects, end: End, parameter: 'from' | 'to'): Found<readonly NamedEnd[]> {
  switch (end.kind) {
    case 'node': {
      const node = objects.node(end.name);
      if (node === null) return lacking(parameter, `The API server knows no Node ${end.name}.`);
      return found([{ text: endText(end), end: { kind: 'node', node } }]);
    }
    case 'address':
      return found([endAt(objects, end.address)]);
    case 'name':
      return noName(parameter, end.name);
    case 'pod':
    case 'workload':
    case 'service': {
      const pods = podsOf(objects, end);
      if (pods.length === 0) return lacking(parameter, noPods(objects, end));
      return found(pods.map(podEnd));
    }
  }
}

function noName(parameter: 'from' | 'to', name: string): Found<never> {
  const instead = 'ask about svc/NAMESPACE/NAME or an address in its place; plumbline trace looks names up';
  return lacking(parameter, `Policies know no DNS names such as ${name}: ${instead}.`);
}

function podEnd(pod: Pod): NamedEnd {
  return { text: `pod/${pod.namespace}/${pod.name}`, end: { kind: 'pod', pod } };
}

/** Whose an address is: a pod's, a node's, or nobody's in this cluster. @param on the node that is asked first. */
function endAt(objects: ClusterObjects, address: Address, on: string | null = null): NamedEnd {
  const pod = objects.podsWithAddress(address).find(isLive);
  if (pod !== undefined) return podEnd(pod);
  const likely = on === null ? null : objects.node(on);
  const node = likely?.addresses.includes(address) ? likely : nodeAt(objects, address);
  return node === null
    ? { text: address, end: { kind: 'address', address } }
    : { text: `node/${node.name}`, end: { kind: 'node', node } };
}

function nodeAt(objects: ClusterObjects, address: Address): ClusterNode | null {
  for (const node of objects.nodes()) if (node.addresses.includes(address)) return node;
  return null;
}

function noPods(objects: ClusterObjects, end: Extract<End, { readonly namespace: string }>): string {
  const pod = end.kind === 'pod' ? [...objects.podsIn(end.namespace)].find(({ name }) => name === end.name) : undefined;
  if (pod !== undefined) return `${endText(end)} has ended (${pod.phase}): it has no network any more.`;
  return end.kind === 'pod'
    ? `The API server knows no Pod ${end.namespace}/${end.name}.`
    : `No live pod belongs to ${endText(end)}, as far as the API server knows.`;
}

interface ServiceQuestion extends Pick<PolicyQuestion, 'port' | 'protocol'> {
  /** The port behind the Service's name. */
  readonly written: string | null;
  readonly door: Door;
}

/** By which address a Service is asked. `address` null = by its name, and so by its cluster IP of either family. */
type Door =
  | { readonly kind: 'cluster-ip'; readonly address: Address | null }
  | { readonly kind: 'external'; readonly address: Address }
  | { readonly kind: 'node-port'; readonly address: Address | null; readonly node: string; readonly port: number };

function serviceTargets(objects: ClusterObjects, service: Service, question: ServiceQuestion): Found<Targets> {
  const chosen = chosenPort(service, question);
  if (!chosen.ok) return chosen;
  const { name, protocol } = chosen.value;
  const { door } = question;
  const port = door.kind === 'node-port' ? chosen.value.nodePort : chosen.value.port;
  const isByNumber = question.port !== null || /^\d+$/.test(question.written ?? '');
  const behind = isHeadless(service)
    ? headlessTargets(objects, service, { asked: chosen.value, isByNumber })
    : found(behindPort(objects, service, { asked: chosen.value, door }));
  if (!behind.ok) return behind;
  const ends = behind.value;
  const text = `${service.namespace}/${service.name}`;
  const targets = [...new Set(ends.map((end) => end.port))].sort((a, b) => a - b);
  const translated = targets.filter((target) => target !== port);
  const whose = door.kind === 'node-port' ? 'the node port' : "the Service's port";
  const notes = [
    ...(ends.length === 0 ? [`Service ${text} has no ready endpoint for port ${name || port}.`] : []),
    ...(door.kind === 'cluster-ip' && door.address === null ? [] : [`${doorText(door)} is Service ${text}'s.`]),
    ...(translated.length > 0
      ? [`Policies see the port of the endpoint, ${translated.join(' or ')}, and not ${whose} ${port}.`]
      : []),
  ];
  return found({ ends, port, protocol, notes });
}

function doorText(door: Door): string {
  return door.kind === 'node-port' ? `Node port ${door.port} of ${door.node}` : `${door.address}`;
}

function chosenPort(service: Service, { port, protocol, written, door }: ServiceQuestion): Found<ServicePort> {
  const text = `Service ${service.namespace}/${service.name}`;
  const listed = service.ports.map((one) => `${one.name && `${one.name} `}${one.port}/${one.protocol.toUpperCase()}`);
  const has = listed.length === 0 ? 'It has none.' : `It has ${listed.join(', ')}.`;
  const fitting = service.ports.filter(
    (one) =>
      (protocol === null || one.protocol === protocol) &&
      (port === null || (door.kind === 'node-port' ? one.nodePort : one.port) === port) &&
      (written === null || one.name === written || String(one.port) === written),
  );
  const [only, ...more] = fitting;
  if (only === undefined) {
    const wanted = [written ?? port ?? '', protocol?.toUpperCase() ?? ''].filter((word) => word !== '').join('/');
    return lacking('port', `${text} has no port${wanted === '' ? '' : ` ${wanted}`}. ${has}`);
  }
  return more.length === 0 ? found(only) : lacking('port', `Say which port of ${text} is asked about. ${has}`);
}

/** As packets arrive there: after the port of the Service was translated. */
function behindPort(
  objects: ClusterObjects,
  service: Service,
  { asked, door }: { readonly asked: ServicePort; readonly door: Door },
): readonly TargetEnd[] {
  const family = door.address === null ? null : familyOf(door.address);
  return endpointsOfPort(objects.endpointSlices(service.namespace, service.name), asked)
    .filter((one) => family === null || one.family === family)
    .map(({ address, nodeName, port, ...own }) => ({
      ...endAt(objects, address, nodeName),
      ...{ port, family: own.family, way: wayTo(service, door) },
      through: throughOf(service, asked, { door, family: own.family }),
    }));
}

/** What the packets have before they are translated; null of a node port, whose address is the node's. */
function throughOf(
  { clusterIPs }: Service,
  { port }: ServicePort,
  { door, family }: { readonly door: Door; readonly family: Family },
): TargetEnd['through'] {
  if (door.kind === 'node-port') return null;
  const address = door.address ?? clusterIPs[family];
  return address === undefined ? null : { address, port };
}

function wayTo({ externalTrafficPolicy }: Service, door: Door): TargetEnd['way'] {
  return door.kind === 'cluster-ip' ? door : { ...door, externalTrafficPolicy };
}

/** A headless Service's name is its pods: by its number a port is theirs, by its name whatever they call so. */
function headlessTargets(
  objects: ClusterObjects,
  service: Service,
  { asked, isByNumber }: { readonly asked: ServicePort; readonly isByNumber: boolean },
): Found<readonly TargetEnd[]> {
  const pods = podsBehind(objects, service);
  if (pods === null) {
    const text = `${service.namespace}/${service.name}`;
    return lacking('to', `Service ${text} is headless and selects no pods: who is behind it is not known.`);
  }
  return found(
    pods.map((pod) => {
      const port = isByNumber ? asked.port : (namedPort(asked, pod) ?? asked.port);
      return { ...podEnd(pod), port, family: null, through: null, way: null };
    }),
  );
}
