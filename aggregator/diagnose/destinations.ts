/** Where packets end in the end: the pods or addresses behind what was asked. */
import { type Address, familyOf, type Family, parseHostPort } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import { isHeadless, namedPort, podsBehind } from '../audit/front-doors.ts';
import { endpointsOfPort } from '../audit/port-endpoints.ts';
import type { ClusterObjects, Pod } from '../model/cluster.ts';
import type { FlowEnd } from '../model/policy.ts';
import { addressesOf, type ServiceTarget, type Source, type Target } from './ends.ts';
import { askedPorts, originOf, sidesOf } from './frontends.ts';
import type { DiagnosisInput } from './input.ts';

export interface Destination {
  readonly end: FlowEnd;
  readonly address: Address;
  /** After the Service's address was translated; null = no port was asked for. */
  readonly port: number | null;
  readonly protocol: Protocol;
  /** The node that it is on; null = outside of the cluster. */
  readonly node: string | null;
  /** The port of the Service by which it is reached; null where no Service is asked. */
  readonly servicePort: number | null;
}

/** `shop/web-0`, `node-a`, `192.0.2.7` */
export function endName(end: FlowEnd): string {
  switch (end.kind) {
    case 'pod':
      return `${end.pod.namespace}/${end.pod.name}`;
    case 'node':
      return end.node.name;
    case 'address':
      return end.address;
  }
}

/** A source as the policies see it. */
export function flowEnd(source: Source): FlowEnd {
  return source.kind === 'address' ? { kind: 'address', address: source.address } : source;
}

/** As many backends of a Service are followed to their pods. */
const mostBackends = 50;

/**
 * Every destination: of a Service its endpoints as the API has them; what a node sends elsewhere is told of the node, and
 * is no endpoint.
 */
export function destinationsOf(
  target: Exclude<Target, { readonly kind: 'name' }>,
  asked: { readonly family: Family; readonly protocol: Protocol },
  objects: ClusterObjects,
): readonly Destination[] {
  const { family, protocol } = asked;
  const base = { protocol, servicePort: null };
  switch (target.kind) {
    case 'pod': {
      const address = addressesOf(target).find((one) => familyOf(one) === family);
      if (address === undefined) return [];
      const end = { kind: 'pod', pod: target.pod } as const;
      return portsOf(target, protocol).map((port) => ({ ...base, end, address, port, node: target.pod.nodeName }));
    }
    case 'node': {
      const address = addressesOf(target).find((one) => familyOf(one) === family);
      if (address === undefined) return [];
      const end = { kind: 'node', node: target.node } as const;
      return [{ ...base, end, address, port: target.port, node: target.node.name }];
    }
    case 'address':
      return [{ ...base, end: target, address: target.address, port: target.port, node: null }];
    case 'service':
      return isHeadless(target.service) ? headlessPods(target, family, objects) : endpointsOf(target, family, objects);
  }
}

/** The ports that its containers name, where none was said. */
function portsOf(
  { pod, port }: { readonly pod: Pod; readonly port: number | null },
  protocol: Protocol,
): readonly (number | null)[] {
  if (port !== null) return [port];
  const named = pod.ports.filter((one) => one.protocol === protocol).map((one) => one.port);
  return named.length === 0 ? [null] : [...new Set(named)];
}

function headlessPods(
  { service, ports, isByNumber }: ServiceTarget,
  family: Family,
  objects: ClusterObjects,
): readonly Destination[] {
  const pods = podsBehind(objects, service) ?? [];
  return pods.slice(0, mostBackends).flatMap((pod) => {
    const address = pod.addresses.find((one) => familyOf(one) === family);
    if (address === undefined) return [];
    const own = { end: { kind: 'pod', pod }, address, node: pod.nodeName, servicePort: null } as const;
    return ports.map((one) => ({ ...own, port: isByNumber ? one.port : namedPort(one, pod), protocol: one.protocol }));
  });
}

function endpointsOf(
  { service, ports }: Extract<Target, { readonly kind: 'service' }>,
  family: Family,
  objects: ClusterObjects,
): readonly Destination[] {
  const slices = objects.endpointSlices(service.namespace, service.name).filter((slice) => slice.family === family);
  const found = ports.flatMap((own) =>
    endpointsOfPort(slices, own).map(({ address, port, nodeName }): Destination => {
      const end = endAt(address, nodeName, objects);
      const node = end.kind === 'pod' ? end.pod.nodeName : nodeName;
      return { end, address, port, protocol: own.protocol, node, servicePort: own.port };
    }),
  );
  return found.slice(0, mostBackends);
}

/** Whose an address is: a live pod's, a node's, or nobody's here. A host network pod has the address of its node. */
function endAt(address: Address, nodeName: string | null, objects: ClusterObjects): FlowEnd {
  const pod = objects.podsWithAddress(address).find(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed');
  if (pod !== undefined) return { kind: 'pod', pod };
  const node = nodeName === null ? null : objects.node(nodeName);
  return node?.addresses.includes(address) === true ? { kind: 'node', node } : { kind: 'address', address };
}

interface Translated {
  readonly source: Source;
  readonly sourceAddress: Address | null;
  readonly target: Target;
  readonly node: string | null;
}

/** Of a Service's endpoints those that the translating node uses for this source, where that can be told; else all. */
export function usedBy(
  input: DiagnosisInput,
  { source, sourceAddress, target, node }: Translated,
  all: readonly Destination[],
): readonly Destination[] {
  if (target.kind !== 'service' || node === null) return all;
  const facts = input.node(node);
  const [first] = all;
  if (!facts.isKnown || first === undefined) return all;
  const asked = askedPorts(target, familyOf(first.address));
  const backends = new Set<string>();
  for (const { key } of asked) {
    const sides = sidesOf(facts.view, key);
    const route = sides?.wanted?.[originOf(source, facts.view, sourceAddress)].route;
    if (route?.action !== 'forward') return all;
    for (const backend of route.backends) backends.add(backend);
  }
  const used = all.filter(({ address, port }) =>
    [...backends].some((backend) => {
      const parsed = parseHostPort(backend);
      return parsed?.address === address && parsed.port === port;
    }),
  );
  return used.length === 0 ? all : used;
}
