/**
 * The ends of the matrix: workloads, as groups of pods that policies take for the same, and Services with what answers at
 * each of their ports.
 */
import type { Address, Family } from '../../../proto/address.ts';
import { familyOf } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import type { ClusterObjects, Pod, Service } from '../../model/cluster.ts';
import type { FlowEnd, PolicyAnswers } from '../../model/policy.ts';
import { isLive, workloadRef } from '../ends.ts';
import { endpointsOfPort } from '../port-endpoints.ts';
import type { Slots } from './row-memory.ts';

/** Pods that have the same verdict with every other end; one of them stands for all. */
export interface Kin {
  readonly end: FlowEnd;
  /** Another of them, on another node where there is one: to be asked where the first would be held against itself. */
  readonly another: FlowEnd | null;
  /** As `PolicyAnswers.classOf` says; null of what is no pod. */
  readonly id: number | null;
  readonly families: readonly Family[];
  readonly pods: number;
}

/** Where packets begin. */
export interface MatrixSource {
  readonly ref: string;
  readonly namespace: string;
  readonly pods: number;
  /** Those that its pods are on. */
  readonly nodes: ReadonlySet<string>;
  readonly kin: readonly Kin[];
}

/** One port of a target, and who answers there. */
export interface MatrixPort {
  readonly protocol: Protocol;
  /** Of a Service its own. */
  readonly port: number;
  /** With the port that they have themselves: of a Service its target port. Empty: nobody answers. */
  readonly answering: readonly {
    readonly kin: Kin;
    readonly port: number;
    /** The same number where the answer is; null where that is not known. */
    readonly slot: number | null;
  }[];
  /** The nodes with an endpoint, where a Service asks that each node use its own alone; null = all use all. */
  readonly onlyOn: ReadonlySet<string> | null;
  /** What packets are sent to before they are translated; none of a workload. By family. */
  readonly through: Service['clusterIPs'];
}

export interface MatrixTarget {
  readonly ref: string;
  readonly namespace: string;
  readonly ports: readonly MatrixPort[];
}

/** After so many pods or endpoints others may have a turn. */
const step = 2_000;

/** Workloads with pods that live, by name. Yields now and then, so that others can have their turn. */
export function* workloadsOf(
  objects: ClusterObjects,
  answers: PolicyAnswers,
): Generator<null, readonly MatrixSource[]> {
  const workloads = new Map<string, Gathered>();
  for (const [index, pod] of [...objects.pods()].entries()) {
    if (index % step === step - 1) yield null;
    if (!isLive(pod) || pod.terminating) continue;
    const ref = workloadRef(pod);
    const known = workloads.get(ref) ?? { namespace: pod.namespace, pods: 0, nodes: new Set(), kin: new Map() };
    workloads.set(ref, known);
    known.pods++;
    if (pod.nodeName !== null) known.nodes.add(pod.nodeName);
    const id = answers.classOf(pod);
    known.kin.set(id, withPod(known.kin.get(id), pod, id));
  }
  return [...workloads]
    .map(([ref, { kin, ...own }]) => ({ ref, ...own, kin: [...kin.values()] }))
    .sort((one, other) => (one.ref < other.ref ? -1 : 1));
}

interface Gathered {
  readonly namespace: string;
  pods: number;
  readonly nodes: Set<string>;
  /** By class. */
  readonly kin: Map<number, Kin>;
}

/** One stands for its class, with an address where any of it has one. */
function withPod(kin: Kin | undefined, pod: Pod, id: number): Kin {
  const end: FlowEnd = { kind: 'pod', pod };
  if (kin === undefined) return { end, another: null, id, families: familiesOf(pod), pods: 1 };
  const pods = kin.pods + 1;
  if (kin.families.length === 0 && pod.addresses.length > 0) {
    return { end, another: kin.end, id, families: familiesOf(pod), pods };
  }
  const isElsewhere = nodeOf(kin.another) === nodeOf(kin.end) && pod.nodeName !== nodeOf(kin.end);
  return { ...kin, pods, another: kin.another === null || isElsewhere ? end : kin.another };
}

function familiesOf({ addresses }: Pod): readonly Family[] {
  return [...new Set(addresses.map(familyOf))];
}

/** The ports that the containers of a workload name. */
export function workloadTarget({ ref, namespace, kin }: MatrixSource, slots: Slots): MatrixTarget {
  const ports = kin.flatMap((one) =>
    one.end.kind === 'pod'
      ? one.end.pod.ports.map(({ protocol, port }) => ({ key: `${protocol} ${port}`, protocol, port, one }))
      : [],
  );
  const byPort = [...Map.groupBy(ports, ({ key }) => key).values()].flatMap((of) => {
    const [first] = of;
    if (first === undefined) return [];
    const { protocol, port } = first;
    const answering = [...new Set(of.map(({ one }) => one))].map((answerer) => ({
      kin: answerer,
      port,
      slot: slots.of(answerer, protocol, port),
    }));
    return [{ protocol, port, answering, onlyOn: null, through: {} }];
  });
  return { ref, namespace, ports: byPort.sort(byProtocol) };
}

/**
 * Services with an address: of headless ones the endpoints are not watched, and their pods stand for themselves. Yields
 * now and then.
 * @param answers tells which endpoints are alike.
 */
export function* serviceTargets(
  objects: ClusterObjects,
  answers: PolicyAnswers,
  slots: Slots,
): Generator<null, readonly MatrixTarget[]> {
  const targets: MatrixTarget[] = [];
  let looked = 0;
  for (const service of [...objects.services()]) {
    if (service.type === 'ExternalName' || Object.keys(service.clusterIPs).length === 0) continue;
    const ports = portsOf({ objects, answers, slots }, service).sort(byProtocol);
    const { namespace, name } = service;
    if (ports.length > 0) targets.push({ ref: `svc/${namespace}/${name}`, namespace, ports });
    looked += 10 + ports.reduce((sum, { answering }) => sum + answering.reduce((all, { kin }) => all + kin.pods, 0), 0);
    if (looked < step) continue;
    looked = 0;
    yield null;
  }
  return targets;
}

interface Looked {
  readonly objects: ClusterObjects;
  readonly answers: PolicyAnswers;
  readonly slots: Slots;
}

function portsOf(looked: Looked, service: Service): MatrixPort[] {
  const slices = looked.objects.endpointSlices(service.namespace, service.name);
  return service.ports.map((own) => {
    const endpoints = endpointsOfPort(slices, own);
    const isLocal = service.internalTrafficPolicy === 'Local';
    return {
      ...{ protocol: own.protocol, port: own.port, through: service.clusterIPs },
      answering: answeringAt(looked, own.protocol, endpoints),
      onlyOn: isLocal ? new Set(endpoints.flatMap(({ nodeName }) => nodeName ?? [])) : null,
    };
  });
}

/** An endpoint that is no pod stands for itself. */
function answeringAt(
  { objects, answers, slots }: Looked,
  protocol: Protocol,
  backends: readonly { readonly address: Address; readonly port: number }[],
): MatrixPort['answering'] {
  const ends = backends.map(({ address, port }) => {
    const [pod] = objects.podsWithAddress(address).filter(isLive);
    const end: FlowEnd = pod === undefined ? { kind: 'address', address } : { kind: 'pod', pod };
    const id = pod === undefined ? null : answers.classOf(pod);
    return { key: `${id ?? address} ${familyOf(address)} ${port}`, end, id, family: familyOf(address), port };
  });
  return [...Map.groupBy(ends, ({ key }) => key).values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined) return [];
    const { end, id, family, port } = first;
    const another = alike.find((one) => nodeOf(one.end) !== nodeOf(end)) ?? alike[1];
    const kin: Kin = { end, another: another?.end ?? null, id, families: [family], pods: alike.length };
    return [{ kin, port, slot: slots.of(kin, protocol, port) }];
  });
}

function nodeOf(end: FlowEnd | null): string | null {
  return end?.kind === 'pod' ? end.pod.nodeName : null;
}

/** As pairs are sorted. */
function byProtocol(one: MatrixPort, other: MatrixPort): number {
  return one.protocol === other.protocol ? one.port - other.port : one.protocol < other.protocol ? -1 : 1;
}
