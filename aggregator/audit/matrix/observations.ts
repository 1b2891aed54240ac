/**
 * What probes of nodes saw of Services and pods, held against what policies and endpoints predict. Agents never enter a
 * pod, so what is observed begins at a node.
 */
import type { Address } from '../../../proto/address.ts';
import { familyOf } from '../../../proto/address.ts';
import type { ProbeResult } from '../../../proto/parts.ts';
import type { ClusterNode, ClusterObjects, Pod, Service } from '../../model/cluster.ts';
import type { Finding } from '../../model/finding.ts';
import type { MatrixObservation, MatrixPair } from '../../model/matrix.ts';
import type { FlowEnd, PolicyAnswers } from '../../model/policy.ts';
import { workloadRef } from '../ends.ts';
import { endpointsOfPort } from '../port-endpoints.ts';
import { explanation, findingOf, type ProbedWay } from './explained.ts';
import { decisionOf, noEndpoints, noEndpointsHere } from './predict.ts';

export interface ObservingNode {
  readonly name: string;
  readonly results: readonly ProbeResult[];
}

/** So many lookups of one probe make a window; before it is full nothing differs. */
const fullWindow = 3;

/** One pair for each node, target and port that was probed, however many pods or addresses it has. Sorted by nothing. */
export function observedPairs(
  objects: ClusterObjects,
  nodes: readonly ObservingNode[],
  findings: readonly Finding[],
): readonly MatrixPair[] {
  const answers = objects.policy;
  if (answers === null || nodes.every(({ results }) => !results.some(isOfMatrix))) return [];
  const services = servicesByAddress(objects);
  return nodes.flatMap(({ name, results }) => {
    const node = objects.node(name);
    if (node === null) return [];
    const probed = results.filter(isOfMatrix).flatMap((result) => {
      const target = targetOf(objects, { services, node: name }, result);
      return target === null ? [] : [{ node, target, result }];
    });
    const alike = Map.groupBy(probed, ({ target, result }) => `${target.ref} ${result.port}`);
    return [...alike.values()].map((of) => together(of.map((one) => pairOf({ ...one, objects, answers, findings }))));
  });
}

/** Several pods of a workload, or the addresses of a Service, as one. */
function together(pairs: readonly ObservedPair[]): ObservedPair {
  const [first] = pairs;
  if (first === undefined) throw new Error('there is no pair without a probe');
  if (pairs.length === 1) return first;
  const allowed = new Set(pairs.map((pair) => pair.allowed));
  const seen = pairs.map(({ observed }) => observed);
  const results = new Set(seen.map(({ result }) => result));
  return {
    ...first,
    allowed: allowed.size === 1 ? first.allowed : null,
    decidedBy: [...new Set(pairs.flatMap(({ decidedBy }) => decidedBy))].sort(),
    observed: {
      result: results.size === 1 ? first.observed.result : 'mixed',
      probes: seen.reduce((sum, { probes }) => sum + probes, 0),
      answered: seen.reduce((sum, { answered }) => sum + answered, 0),
      nodes: first.observed.nodes,
      differs: seen.some(({ differs }) => differs),
      explainedBy: seen.find(({ explainedBy }) => explainedBy !== null)?.explainedBy ?? null,
    },
  };
}

function isOfMatrix({ by, sent }: ProbeResult): boolean {
  return (by === 'service' || by === 'endpoint') && sent > 0;
}

function servicesByAddress(objects: ClusterObjects): ReadonlyMap<Address, Service> {
  const services = new Map<Address, Service>();
  for (const service of objects.services()) {
    for (const address of Object.values(service.clusterIPs)) if (address !== undefined) services.set(address, service);
  }
  return services;
}

/** What answers there, as the API says. */
interface Target {
  readonly ref: string;
  readonly service: Service | null;
  readonly ends: readonly { readonly pod: Pod | null; readonly address: Address; readonly port: number }[];
}

function targetOf(
  objects: ClusterObjects,
  { services, node }: { readonly services: ReadonlyMap<Address, Service>; readonly node: string },
  { by, address, port }: ProbeResult,
): Target | null {
  if (by === 'endpoint') {
    const [pod] = objects.podsWithAddress(address);
    return pod === undefined ? null : { ref: workloadRef(pod), service: null, ends: [{ pod, address, port }] };
  }
  const service = services.get(address);
  const own = service?.ports.find((one) => one.port === port && one.protocol === 'tcp');
  if (service === undefined || own === undefined) return null;
  const slices = objects
    .endpointSlices(service.namespace, service.name)
    .filter(({ family }) => family === familyOf(address));
  const isHere = (nodeName: string | null) => service.internalTrafficPolicy === 'Cluster' || nodeName === node;
  const used = endpointsOfPort(slices, own).filter(({ nodeName }) => isHere(nodeName));
  const ends = used.map((one) => ({
    pod: objects.podsWithAddress(one.address)[0] ?? null,
    address: one.address,
    port: one.port,
  }));
  return { ref: `svc/${service.namespace}/${service.name}`, service, ends };
}

type ObservedPair = MatrixPair & { readonly observed: MatrixObservation };

interface Probed {
  readonly node: ClusterNode;
  readonly target: Target;
  readonly result: ProbeResult;
  readonly objects: ClusterObjects;
  readonly answers: PolicyAnswers;
  readonly findings: readonly Finding[];
}

function pairOf({ node, target, result, objects, answers, findings }: Probed): ObservedPair {
  const verdicts = target.ends.map(({ pod, address, port }) => {
    const to: FlowEnd = pod === null ? { kind: 'address', address } : { kind: 'pod', pod };
    return answers.flow({ from: { kind: 'node', node }, to, family: familyOf(address), protocol: 'tcp', port });
  });
  const allowed = new Set(verdicts.map((verdict) => verdict.allowed));
  const [only = null] = allowed;
  const predicted = target.ends.length === 0 ? false : allowed.size === 1 ? only : null;
  const none = target.service?.internalTrafficPolicy === 'Local' ? noEndpointsHere : noEndpoints;
  const decidedBy = target.ends.length === 0 ? [none] : [...new Set(verdicts.flatMap(decisionOf))].sort();
  const way: ProbedWay = { from: node.name, objects, ...target, error: result.error, findings };
  const finding = predicted === null ? null : findingOf(way, predicted);
  const differs = differsFrom(predicted, result, finding);
  return {
    from: `node/${node.name}`,
    to: target.ref,
    protocol: 'tcp',
    ports: [result.port],
    allowed: predicted,
    decidedBy,
    observed: {
      ...observationOf(node.name, result),
      differs,
      explainedBy: differs && predicted !== null ? explanation(way, predicted, finding) : null,
    },
  };
}

/**
 * A refusal may come from the pod itself, where nothing listens: then nothing is wrong on the way. Only where a node's
 * rules for the Service are known to be wrong it counts as lost, since those may refuse too.
 */
function differsFrom(
  predicted: boolean | null,
  { sent, answered, error }: ProbeResult,
  finding: Finding | null,
): boolean {
  if (predicted === null || sent < fullWindow) return false;
  if (!predicted) return answered === sent;
  return (
    answered === 0 && (error !== 'ECONNREFUSED' || (finding?.layer === 'L3' && finding.subject.kind === 'Service'))
  );
}

function observationOf(
  node: string,
  { sent, answered }: ProbeResult,
): Omit<MatrixObservation, 'differs' | 'explainedBy'> {
  const result = answered === sent ? 'reached' : answered === 0 ? 'not-reached' : 'mixed';
  return { result, probes: sent, answered, nodes: [node] };
}
