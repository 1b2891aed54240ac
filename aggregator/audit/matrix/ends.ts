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

/** Pods that have the same verdict with every other end; one of them stands for all. */
export interface Kin {
  readonly end: FlowEnd;
  /** Another of them, on another node where there is one: to be asked where the first would be held against itself. */
  readonly another: FlowEnd | null;
  readonly families: readonly Family[];
  readonly pods: number;
}

/** Where packets begin. */
export interface MatrixSource {
  readonly ref: string;
  readonly namespace: string;
  readonly pods: number;
  readonly kin: readonly Kin[];
}

/** One port of a target, and who answers there. */
export interface MatrixPort {
  readonly protocol: Protocol;
  /** Of a Service its own. */
  readonly port: number;
  /** With the port that they have themselves: of a Service its target port. Empty: nobody answers. */
  readonly answering: readonly { readonly kin: Kin; readonly port: number }[];
  /** What packets are sent to before they are translated; none of a workload. By family. */
  readonly through: Service['clusterIPs'];
}

export interface MatrixTarget {
  readonly ref: string;
  readonly namespace: string;
  readonly ports: readonly MatrixPort[];
}

/** Workloads with pods that live, by name. */
export function workloadsOf(objects: ClusterObjects, answers: PolicyAnswers): readonly MatrixSource[] {
  const live = [...objects.pods()].filter((pod) => isLive(pod) && !pod.terminating);
  return [...Map.groupBy(live, workloadRef)]
    .map(([ref, pods]) => ({
      ref,
      namespace: pods[0]?.namespace ?? '',
      pods: pods.length,
      kin: kinOf(pods, answers),
    }))
    .sort((one, other) => (one.ref < other.ref ? -1 : 1));
}

/** One for each class, with an address where any of it has one. */
function kinOf(pods: readonly Pod[], answers: PolicyAnswers): readonly Kin[] {
  return [...Map.groupBy(pods, (pod) => answers.classOf(pod)).values()].flatMap((alike) => {
    const pod = alike.find(({ addresses }) => addresses.length > 0) ?? alike[0];
    if (pod === undefined) return [];
    const other = alike.find(({ nodeName }) => nodeName !== pod.nodeName) ?? alike.find((one) => one !== pod);
    const another: FlowEnd | null = other === undefined ? null : { kind: 'pod', pod: other };
    return [{ end: { kind: 'pod', pod }, another, families: familiesOf(pod), pods: alike.length } as const];
  });
}

function familiesOf({ addresses }: Pod): readonly Family[] {
  return [...new Set(addresses.map(familyOf))];
}

/** The ports that the containers of a workload name. */
export function workloadTarget({ ref, namespace, kin }: MatrixSource): MatrixTarget {
  const ports = kin.flatMap((one) =>
    one.end.kind === 'pod'
      ? one.end.pod.ports.map(({ protocol, port }) => ({ key: `${protocol} ${port}`, protocol, port, one }))
      : [],
  );
  const byPort = [...Map.groupBy(ports, ({ key }) => key).values()].flatMap((of) => {
    const [first] = of;
    if (first === undefined) return [];
    const { protocol, port } = first;
    const answering = [...new Set(of.map(({ one }) => one))].map((answerer) => ({ kin: answerer, port }));
    return [{ protocol, port, answering, through: {} }];
  });
  return { ref, namespace, ports: byPort.sort(byNumber) };
}

/**
 * Services with an address: of headless ones the endpoints are not watched, and their pods stand for themselves.
 * @param answers tells which endpoints are alike.
 */
export function serviceTargets(objects: ClusterObjects, answers: PolicyAnswers): readonly MatrixTarget[] {
  return [...objects.services()]
    .filter(({ type, clusterIPs }) => type !== 'ExternalName' && Object.keys(clusterIPs).length > 0)
    .map((service) => ({
      ref: `svc/${service.namespace}/${service.name}`,
      namespace: service.namespace,
      ports: portsOf(objects, answers, service).sort(byNumber),
    }))
    .filter(({ ports }) => ports.length > 0)
    .sort((one, other) => (one.ref < other.ref ? -1 : 1));
}

function portsOf(objects: ClusterObjects, answers: PolicyAnswers, service: Service): MatrixPort[] {
  const slices = objects.endpointSlices(service.namespace, service.name);
  return service.ports.map(({ name, protocol, port }) => {
    const backends = slices.flatMap((slice) => {
      const [own] = slice.ports.filter((one) => one.name === name && one.protocol === protocol);
      if (own === undefined) return [];
      const usable = slice.endpoints.filter(({ ready, serving, terminating }) => ready || (serving && terminating));
      return usable.map(({ address }) => ({ address, port: own.port }));
    });
    return { protocol, port, answering: answeringAt(objects, answers, backends), through: service.clusterIPs };
  });
}

/** An endpoint that is no pod stands for itself. */
function answeringAt(
  objects: ClusterObjects,
  answers: PolicyAnswers,
  backends: readonly { readonly address: Address; readonly port: number }[],
): MatrixPort['answering'] {
  const ends = backends.map(({ address, port }) => {
    const [pod] = objects.podsWithAddress(address).filter(isLive);
    const end: FlowEnd = pod === undefined ? { kind: 'address', address } : { kind: 'pod', pod };
    const alike = pod === undefined ? address : `${answers.classOf(pod)} ${familyOf(address)}`;
    return { key: `${alike} ${port}`, end, family: familyOf(address), port };
  });
  return [...Map.groupBy(ends, ({ key }) => key).values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined) return [];
    const { end, family, port } = first;
    const another = alike.find((one) => nodeOf(one.end) !== nodeOf(end)) ?? alike[1];
    return [{ kin: { end, another: another?.end ?? null, families: [family], pods: alike.length }, port }];
  });
}

function nodeOf(end: FlowEnd): string | null {
  return end.kind === 'pod' ? end.pod.nodeName : null;
}

function byNumber(one: MatrixPort, other: MatrixPort): number {
  return one.port - other.port || (one.protocol < other.protocol ? -1 : 1);
}
