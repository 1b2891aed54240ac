/**
 * Which Services and pods agents shall connect to, where a Namespace asks for it by the annotation
 * `plumbline.dev/probe: "true"`. EndpointSlices are written by tenants too, so they are believed only where a live pod of
 * the same Namespace, in a declared range of pods, has the very address; and a Service only where all of its endpoints are
 * such pods: nobody can have agents connect to anything else by writing a slice.
 */
import { type Address, familyOf } from '../../proto/address.ts';
import { contains, parsePrefix, type PrefixSet, prefixSet } from '../../proto/prefixes.ts';
import type { ClusterObjects, Pod, Service } from '../model/cluster.ts';
import type { ProbeTarget } from '../model/feeds.ts';

export const probeAnnotation = 'plumbline.dev/probe';

/** One of them, with the node that it is on; null of a Service. */
export type OpenTarget = ProbeTarget & { readonly on: string | null };

/** Never pods, whatever a Node says of its ranges. */
const forbidden = prefixSet(
  ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/127', 'fe80::/10', 'ff00::/8']
    .map(parsePrefix)
    .filter((prefix) => prefix !== null),
);

/** All of them, always in the same order. Costs what the Namespaces that ask for it have. */
export function openTargets(objects: ClusterObjects): readonly OpenTarget[] {
  const asking = new Set(
    [...objects.namespaces()]
      .filter(({ annotations }) => annotations[probeAnnotation] === 'true')
      .map(({ name }) => name),
  );
  if (asking.size === 0) return [];
  const lawful = lawfulPods(objects);
  const targets = [...objects.services()]
    .filter(({ namespace }) => asking.has(namespace))
    .flatMap((service) => targetsOf(objects, service, lawful));
  const byKey = new Map(targets.map((target) => [`${target.by} ${target.address} ${target.port}`, target]));
  return [...byKey].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, target]) => target);
}

/** The pod that a probe to an address would reach, if it may be probed. */
type LawfulPod = (address: Address, namespace: string) => Pod | null;

function lawfulPods(objects: ClusterObjects): LawfulPod {
  const ranges: PrefixSet = prefixSet([...objects.nodes()].flatMap(({ podCIDRs }) => podCIDRs));
  const shunned = new Set([...objects.nodes()].flatMap(({ addresses }) => addresses));
  for (const { endpoints } of objects.endpointSlices('default', 'kubernetes')) {
    for (const { address } of endpoints) shunned.add(address);
  }
  return (address, namespace) => {
    if (shunned.has(address) || contains(forbidden, address) || !contains(ranges, address)) return null;
    const pods = objects.podsWithAddress(address);
    const [pod] = pods;
    // An address that two pods have is a fault of its own.
    return pod !== undefined && pods.length === 1 && pod.namespace === namespace && isOpen(pod) ? pod : null;
  };
}

function isOpen({ phase, ready, runs, terminating, hostNetwork }: Pod): boolean {
  return phase === 'Running' && ready && runs && !terminating && !hostNetwork;
}

/** Of TCP alone: a connection carries nothing, a datagram would have to. */
function targetsOf(objects: ClusterObjects, service: Service, lawful: LawfulPod): readonly OpenTarget[] {
  const { namespace, name, type } = service;
  if (type === 'ExternalName' || `${namespace}/${name}` === 'default/kubernetes') return [];
  const slices = objects.endpointSlices(namespace, name);
  const endpoints = slices.flatMap((slice) => slice.endpoints.map(({ address }) => lawful(address, namespace)));
  if (endpoints.length === 0 || endpoints.includes(null)) return [];
  return service.ports
    .filter(({ protocol }) => protocol === 'tcp')
    .flatMap(({ name: portName, port }) => {
      const ends = slices.flatMap((slice) => {
        const [own] = slice.ports.filter((one) => one.name === portName && one.protocol === 'tcp');
        if (own === undefined || own.port === 0) return [];
        return slice.endpoints.flatMap(({ address, ready }) => {
          const pod = ready ? lawful(address, namespace) : null;
          return pod === null ? [] : [podTarget(pod, address, own.port)];
        });
      });
      return ends.length === 0 ? [] : [...ends, ...serviceTargets(service, port)];
    });
}

function podTarget({ nodeName }: Pod, address: Address, port: number): OpenTarget {
  return { node: nodeName ?? '', on: nodeName, address, port, protocol: 'tcp', by: 'endpoint', packetBytes: 0 };
}

function serviceTargets({ clusterIPs }: Service, port: number): readonly OpenTarget[] {
  const addresses = Object.values(clusterIPs).filter(
    (address) => address !== undefined && !contains(forbidden, address),
  );
  return addresses.map(
    (address) =>
      ({
        ...{ node: '', on: null, address, port, protocol: 'tcp', by: 'service', packetBytes: 0 },
      }) as OpenTarget,
  );
}

/** So many of them a node connects to at a time; each again after two minutes. */
const mostOfNode = 32;
/** 200 connections a second in the whole cluster, each target once in two minutes. */
const mostOfCluster = 24_000;

/** Each target is one node's at a time, and another's in the next rotation; not its own node's, which every policy lets in. */
export class MatrixTargets {
  readonly #byNode = new Map<string, ProbeTarget[]>();

  /** @param nodes those that probe, sorted. */
  constructor(open: readonly OpenTarget[], nodes: readonly string[], rotation: number) {
    if (nodes.length === 0) return;
    const some = turned(open, rotation * mostOfCluster).slice(0, mostOfCluster);
    for (const [at, { on, ...target }] of some.entries()) {
      const first = (at + rotation) % nodes.length;
      const chosen = nodes[first] === on ? nodes[(first + 1) % nodes.length] : nodes[first];
      if (chosen === undefined) continue;
      const own = this.#byNode.get(chosen) ?? [];
      this.#byNode.set(chosen, own);
      own.push(target);
    }
    for (const [node, own] of this.#byNode)
      this.#byNode.set(node, [...turned(own, rotation * mostOfNode)].slice(0, mostOfNode));
  }

  of(node: string): readonly ProbeTarget[] {
    const own = this.#byNode.get(node) ?? [];
    return own.toSorted((one, other) => (familyOf(one.address) < familyOf(other.address) ? -1 : 1));
  }
}

/** The same, beginning somewhere else where there are more than can be taken. */
function turned<T>(items: readonly T[], by: number): readonly T[] {
  const from = items.length === 0 ? 0 : by % items.length;
  return from === 0 ? items : [...items.slice(from), ...items.slice(0, from)];
}
