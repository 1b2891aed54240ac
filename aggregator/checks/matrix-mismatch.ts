/*
 * What policies and endpoints predict, and what a connection from this node came to, are held against each other where a
 * Namespace asks for it. Where they differ and nothing below explains it, something that is not in the API decides: a
 * policy that nobody enforces, one of another kind, a firewall.
 */
import { familyOf } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { ProbeResult } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Pod, Service } from '../model/cluster.ts';
import type { Subject, Violation } from '../model/finding.ts';
import type { FlowEnd } from '../model/policy.ts';
import { fact } from './shared/evidence.ts';
import { mayBeOverruled } from './shared/policies.ts';
import { peerTopic, podTopic } from './shared/topics.ts';
import { joined } from './shared/words.ts';

export const matrixMismatch: NodeCheck = {
  id: 'matrix-mismatch',
  layer: 'L5',
  scope: 'node',
  severity: 'high',
  title: 'A probe came to something else than policies and endpoints predict',
  explanation: `Agents connect to Services and pods of Namespaces that ask for it (annotation \`plumbline.dev/probe: "true"\`), and hold the outcome against what NetworkPolicies and endpoints say. Either all policies let the node in and the connection is lost: then a lower layer is broken (the finding of the Service's rules or of the pod is the cause of this one), or something drops it that the API does not show. Or all of them shut the node out and it gets through: then nothing enforces them.`,
  falsePositives: `Three connections in a row must differ, and the prediction must be certain: for a node other than the pod's own, policies with peers by label are left to the plugin, and predict nothing. A Service whose endpoints do not all have the same prediction, or are not all ready, is not judged. A port that the program does not serve is refused, which is told apart: a refusal came from the pod, so it was reached.`,
  remediation: `\`plumbline trace node/NODE svc/NAMESPACE/NAME:PORT\` walks the way layer by layer and names what is known. Look at policies of other kinds, and at firewalls on the nodes.`,
  needs: ['policies', 'probes'],
  holdForSeconds: 120,
  clearForSeconds: 60,
  evaluate,
};

const fullWindow = 3;

function evaluate(view: NodeView): readonly Violation[] {
  const { probes } = view.parts;
  if (probes.state !== 'ok' || view.node === null) return [];
  return probes.value.results.flatMap((result) => {
    if ((result.by !== 'service' && result.by !== 'endpoint') || result.sent < fullWindow) return [];
    const target = targetOf(view, result);
    const predicted = target === null ? null : predictionOf(view, target, familyOf(result.address));
    if (target === null || predicted === null) return [];
    const isReached = result.answered === result.sent || result.error === 'ECONNREFUSED';
    const differs = predicted ? result.answered === 0 && !isReached : result.answered === result.sent;
    return differs ? [violation(view, target, { result, predicted })] : [];
  });
}

interface Target {
  readonly subject: Subject;
  readonly text: string;
  readonly namespace: string;
  readonly ends: readonly { readonly pod: Pod; readonly port: number }[];
  readonly frontend: FrontendKey | null;
}

/** Null where it is not certain what it is: then it is not held against anything. */
function targetOf({ name: node, objects, owners }: NodeView, { by, address, port }: ProbeResult): Target | null {
  if (by === 'endpoint') {
    const pods = objects.podsWithAddress(address).filter(isSettled);
    const [pod] = pods;
    if (pod === undefined || pods.length > 1) return null;
    const { namespace, name } = pod;
    return {
      subject: { kind: 'Pod', namespace, name },
      text: `${namespace}/${name} at port ${port}`,
      namespace,
      ends: [{ pod, port }],
      frontend: null,
    };
  }
  const frontend = frontendKey({ family: familyOf(address), protocol: 'tcp', address, port });
  const owner = owners.get(frontend);
  const service = owner === undefined ? null : objects.service(owner.namespace, owner.name);
  if (owner === undefined || service === null) return null;
  // With internalTrafficPolicy Local a node sends to its own endpoints alone, and drops what it has none for.
  const onNode = service.internalTrafficPolicy === 'Local' ? node : null;
  const ends = endsOf({ objects }, service, { portName: owner.portName, family: familyOf(address), onNode });
  if (ends === null) return null;
  const { namespace, name } = service;
  const subject: Subject = { kind: 'Service', namespace, name, port: owner.portName, protocol: 'tcp' };
  return { subject, text: `${namespace}/${name} (${address}:${port})`, namespace, ends, frontend };
}

function isSettled({ phase, ready, runs, terminating }: Pod): boolean {
  return phase === 'Running' && ready && runs && !terminating;
}

/** Null where an endpoint is no pod that is settled. */
function endsOf(
  { objects }: Pick<NodeView, 'objects'>,
  { namespace, name }: Service,
  { portName, family, onNode }: { portName: string; family: 'ipv4' | 'ipv6'; onNode: string | null },
): Target['ends'] | null {
  const slices = objects.endpointSlices(namespace, name).filter((slice) => slice.family === family);
  const ends = slices.flatMap((slice) => {
    const own = slice.ports.find((one) => one.name === portName && one.protocol === 'tcp');
    const used = slice.endpoints.filter(({ nodeName }) => onNode === null || nodeName === onNode);
    return own === undefined ? [] : used.map(({ address, ready }) => ({ address, ready, port: own.port }));
  });
  const pods = ends.map(({ address, ready, port }) => {
    const [pod] = objects.podsWithAddress(address).filter(isSettled);
    return pod === undefined || !ready ? null : { pod, port };
  });
  return pods.length === 0 || pods.includes(null) ? null : pods.filter((one) => one !== null);
}

/** The same for every endpoint, or null. */
function predictionOf(
  { node, objects }: NodeView,
  { ends, namespace }: Target,
  family: 'ipv4' | 'ipv6',
): boolean | null {
  const { policy } = objects;
  if (policy === null || node === null) return null;
  const from: FlowEnd = { kind: 'node', node };
  const verdicts = new Set(
    ends.map(({ pod, port }) => {
      return policy.flow({ from, to: { kind: 'pod', pod }, family, protocol: 'tcp', port }).allowed;
    }),
  );
  const [only = null] = verdicts;
  if (verdicts.size !== 1) return null;
  // What others deny is not known here, and what others let in neither.
  return mayBeOverruled(objects, namespace) === null ? only : null;
}

function violation(
  view: NodeView,
  { subject, text, ends, frontend }: Target,
  { result, predicted }: { readonly result: ProbeResult; readonly predicted: boolean },
): Violation {
  const { answered, sent, error } = result;
  const summary = predicted
    ? `${view.name} cannot connect to ${text}, which no policy forbids: ${answered} of ${sent} connections came about${error === null ? '' : ` (${error})`}.`
    : `${view.name} connects to ${text}, which policies forbid: nothing enforces them on this way.`;
  // Where one fault of the pod explains it, this hangs below it; of a Service the fault of its frontend.
  const topics = frontend === null ? ends.map(({ pod }) => podTopic(pod.namespace, pod.name)) : [];
  return {
    subject,
    summary,
    evidence: [
      fact('predicted', predicted ? 'allowed' : 'not allowed'),
      fact('connections', `${answered} of ${sent} came about${error === null ? '' : `; ${error}`}`),
      fact('endpoints', joined(ends.map(({ pod, port }) => `${pod.namespace}/${pod.name} port ${port}`))),
    ],
    remediation: [
      {
        command: `plumbline trace node/${view.name} ${subject.kind === 'Service' ? `svc/${subject.namespace}/${subject.name}:${result.port}` : `${result.address}:${result.port}`}`,
        effect: 'Walks the way layer by layer and names what is known to be wrong.',
      },
    ],
    frontends: frontend === null ? [] : [frontend],
    topics,
    ...(predicted ? strandedBy(view, ends, topics) : {}),
  };
}

/** Where all of it is on one node, what is wrong there or on the way there is why nothing is heard. */
function strandedBy({ name }: NodeView, ends: Target['ends'], topics: readonly string[]): Pick<Violation, 'stranded'> {
  const [node, ...more] = new Set(ends.map(({ pod }) => pod.nodeName));
  if (node == null || more.length > 0) return {};
  return { stranded: [{ node, topics, unheard: { by: [name], peer: peerTopic(node) } }] };
}
