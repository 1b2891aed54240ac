/**
 * What probes of nodes saw of Services and pods, held against what policies and endpoints predict. Agents never enter a
 * pod, so what is observed begins at a node.
 */
import type { Address } from '../../../proto/address.ts';
import { familyOf } from '../../../proto/address.ts';
import type { ProbeResult } from '../../../proto/parts.ts';
import type { ClusterNode, ClusterObjects, Pod, Service } from '../../model/cluster.ts';
import { type Finding, type Layer, layers } from '../../model/finding.ts';
import type { MatrixObservation, MatrixPair } from '../../model/matrix.ts';
import type { FlowEnd, PolicyAnswers } from '../../model/policy.ts';
import { workloadRef } from '../ends.ts';
import { decisionOf } from './predict.ts';

export interface ObservingNode {
  readonly name: string;
  readonly results: readonly ProbeResult[];
}

/** So many lookups of one probe make a window; before it is full nothing differs. */
const fullWindow = 3;

/** One pair for each node, target and port that was probed. */
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
    return results.filter(isOfMatrix).flatMap((result) => {
      const target = targetOf(objects, services, result);
      return target === null ? [] : [pairOf(answers, { node, target, result, findings })];
    });
  });
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
  services: ReadonlyMap<Address, Service>,
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
  const ends = slices.flatMap((slice) => {
    const [at] = slice.ports.filter(({ name, protocol }) => name === own.name && protocol === 'tcp');
    if (at === undefined) return [];
    return slice.endpoints
      .filter(({ ready, serving, terminating }) => ready || (serving && terminating))
      .map((one) => ({ pod: objects.podsWithAddress(one.address)[0] ?? null, address: one.address, port: at.port }));
  });
  return { ref: `svc/${service.namespace}/${service.name}`, service, ends };
}

interface Probed {
  readonly node: ClusterNode;
  readonly target: Target;
  readonly result: ProbeResult;
  readonly findings: readonly Finding[];
}

function pairOf(answers: PolicyAnswers, probed: Probed): MatrixPair {
  const { node, target, result } = probed;
  const verdicts = target.ends.map(({ pod, address, port }) => {
    const to: FlowEnd = pod === null ? { kind: 'address', address } : { kind: 'pod', pod };
    return answers.flow({ from: { kind: 'node', node }, to, family: familyOf(address), protocol: 'tcp', port });
  });
  const allowed = new Set(verdicts.map((verdict) => verdict.allowed));
  const [only = null] = allowed;
  const predicted = target.ends.length === 0 ? false : allowed.size === 1 ? only : null;
  const decidedBy = target.ends.length === 0 ? ['no endpoints'] : [...new Set(verdicts.flatMap(decisionOf))].sort();
  const differs = differsFrom(predicted, result);
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
      explainedBy: differs ? explanation(probed, predicted) : null,
    },
  };
}

function differsFrom(predicted: boolean | null, { sent, answered }: ProbeResult): boolean {
  if (predicted === null || sent < fullWindow) return false;
  return predicted ? answered === 0 : answered === sent;
}

function observationOf(
  node: string,
  { sent, answered }: ProbeResult,
): Omit<MatrixObservation, 'differs' | 'explainedBy'> {
  const result = answered === sent ? 'reached' : answered === 0 ? 'not-reached' : 'mixed';
  return { result, probes: sent, answered, nodes: [node] };
}

/** The lowest layer of which an open finding speaks of this way; else what is left. */
function explanation(
  { node, target, findings, result }: Probed,
  predicted: boolean | null,
): MatrixObservation['explainedBy'] {
  const about = findings.filter((finding) => concerns(finding, node.name, target)).toSorted(lowestFirst);
  const [first] = about;
  if (first !== undefined) return { layer: first.layer, finding: first.fingerprint, because: first.summary };
  const because =
    predicted === true
      ? `policies allow it and no finding of a lower layer explains it${result.error === null ? '' : ` (${result.error})`}: something on the way drops it, as a policy of another kind would`
      : 'policies deny it and it is let through: whatever should enforce them does not';
  return { layer: 'L5', finding: null, because };
}

const stopping: ReadonlySet<Layer> = new Set(['L1', 'L2', 'L3', 'L5']);

function concerns({ layer, state, node, subject }: Finding, from: string, { service, ends }: Target): boolean {
  if (!stopping.has(layer) || (state !== 'firing' && state !== 'pending')) return false;
  const pods = ends.flatMap(({ pod }) => pod ?? []);
  switch (subject.kind) {
    case 'Service':
      return (
        (node === null || node === from) && subject.name === service?.name && subject.namespace === service.namespace
      );
    case 'Pod':
      return pods.some(({ namespace, name }) => namespace === subject.namespace && name === subject.name);
    case 'Peer':
      return node === from && pods.some(({ nodeName }) => nodeName === subject.name);
    case 'Node':
      return node === from || pods.some(({ nodeName }) => nodeName === node);
    default:
      return false;
  }
}

function lowestFirst(one: Finding, other: Finding): number {
  return layers.indexOf(one.layer) - layers.indexOf(other.layer);
}
