/** The ends of a question about policies: which pods, nodes or addresses they are, and which port policies see. */
import { type Address, type Family, familyOf } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import type { ClusterNode, ClusterObjects, EndpointSlice, Pod, Service, ServicePort } from '../../model/cluster.ts';
import type { Flow, FlowEnd, PolicyProblem, PolicyQuestion } from '../../model/policy.ts';
import { type End, endText, isLive, podsOf } from '../ends.ts';

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
    return serviceTargets(objects, service, { ...asked, written: end.port });
  }
  const written = end.kind === 'address' || end.kind === 'name' ? end.port : null;
  if (written !== null && asked.port !== null && written !== asked.port) return twoPorts(String(written), asked.port);
  const port = written ?? asked.port;
  if (end.kind === 'address') {
    const service = serviceAt(objects, end.address);
    if (service !== null) return serviceTargets(objects, service, { ...asked, port, written: null });
  }
  if (end.kind === 'name') return noName('to', end.name);
  if (port === null) return lacking('port', `Say which port of ${endText(end)} is asked about.`);
  const ends = endsOf(objects, end, 'to');
  if (!ends.ok) return ends;
  const family = end.kind === 'address' ? familyOf(end.address) : null;
  return found({
    ends: ends.value.map((one) => ({ ...one, port, family, through: null })),
    ...{ port, protocol: asked.protocol ?? 'tcp', notes: [] },
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

function serviceAt(objects: ClusterObjects, address: Address): Service | null {
  for (const service of objects.services()) {
    if (Object.values(service.clusterIPs).includes(address)) return service;
  }
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
}

function serviceTargets(objects: ClusterObjects, service: Service, question: ServiceQuestion): Found<Targets> {
  const chosen = chosenPort(service, question);
  if (!chosen.ok) return chosen;
  const { port, name, protocol } = chosen.value;
  const slices = objects.endpointSlices(service.namespace, service.name);
  const ends = slices.flatMap((slice) => sliceTargets(objects, slice, { service, port: chosen.value }));
  const text = `${service.namespace}/${service.name}`;
  const targets = [...new Set(ends.map((end) => end.port))].sort((a, b) => a - b);
  const translated = targets.filter((target) => target !== port);
  const notes = [
    ...(ends.length === 0 ? [`Service ${text} has no ready endpoint for port ${name || port}.`] : []),
    ...(translated.length > 0
      ? [`Policies see the port of the endpoint, ${translated.join(' or ')}, and not the Service's port ${port}.`]
      : []),
  ];
  return found({ ends, port, protocol, notes });
}

function chosenPort(service: Service, { port, protocol, written }: ServiceQuestion): Found<ServicePort> {
  const text = `Service ${service.namespace}/${service.name}`;
  const listed = service.ports.map((one) => `${one.name && `${one.name} `}${one.port}/${one.protocol.toUpperCase()}`);
  const has = listed.length === 0 ? 'It has none.' : `It has ${listed.join(', ')}.`;
  const fitting = service.ports.filter(
    (one) =>
      (protocol === null || one.protocol === protocol) &&
      (port === null || one.port === port) &&
      (written === null || one.name === written || String(one.port) === written),
  );
  const [only, ...more] = fitting;
  if (only === undefined) {
    const wanted = [written ?? port ?? '', protocol?.toUpperCase() ?? ''].filter((word) => word !== '').join('/');
    return lacking('port', `${text} has no port ${wanted}. ${has}`);
  }
  return more.length === 0 ? found(only) : lacking('port', `Say which port of ${text} is asked about. ${has}`);
}

/** The ready endpoints; those that still serve while they end, where none is ready, as kube-proxy does. */
function sliceTargets(
  objects: ClusterObjects,
  { family, ports, endpoints }: EndpointSlice,
  { service, port }: { readonly service: Service; readonly port: ServicePort },
): readonly TargetEnd[] {
  const target = ports.find(({ name, protocol }) => name === port.name && protocol === port.protocol);
  if (target === undefined) return [];
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const used = ready.length > 0 ? ready : endpoints.filter(({ serving, terminating }) => serving && terminating);
  const clusterIP = service.clusterIPs[family];
  const through = clusterIP === undefined ? null : { address: clusterIP, port: port.port };
  return used.map(({ address, nodeName }) => ({
    ...endAt(objects, address, nodeName),
    port: target.port,
    family,
    through,
  }));
}
