/**
 * "Which layer broke first?" for one pair: from the pod's interface up, in both directions, by what the nodes really have.
 *
 *     question -> ends.ts: who -> resolution.ts: what a name means -> destinations.ts: where packets end
 *     L1 wiring.ts   L2 walked-ways.ts   L3 translated.ts   L4 resolution.ts   L5 permission.ts  -> verdict.ts
 *
 * Every layer is judged as far as it can be; the lowest that fails is the answer.
 */
import { familyOf } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { Diagnosis, DiagnosisStep } from '../model/diagnosis.ts';
import type { Layer } from '../model/finding.ts';
import { diagnosisEnd, endLabel } from './end-words.ts';
import { findSource, findTarget, type ServiceTarget, type Source, type Target } from './ends.ts';
import { strangerSteps } from './families.ts';
import { hairpinSteps } from './hairpin.ts';
import { hopsOf, type Travel } from './hops.ts';
import type { Answer, DiagnosisInput, Question } from './input.ts';
import { type Passage, passageOf } from './passage.ts';
import { permissionSteps } from './permission.ts';
import { dnsFindings, type Resolution, resolve } from './resolution.ts';
import { serviceSteps } from './service.ts';
import { type Place, step } from './step.ts';
import { strayPod } from './stray-addresses.ts';
import { inOrder, verdictOf } from './verdict.ts';
import { nameOf, wiringSteps } from './wiring.ts';
import { translationSteps } from './translated.ts';
import { type Walk, walkOf } from './walk.ts';
import { walkedWays } from './walked-ways.ts';

/** Answers a question by what is known now. Pure; costs what two nodes' lists cost. */
export function diagnose(question: Question, input: DiagnosisInput): Answer {
  const source = findSource(question, input.objects);
  if (!source.ok) return source;
  const target = findTarget(question, input.objects);
  if (!target.ok) return target;
  const resolution = target.value.kind === 'name' ? resolve(input, { ...target.value, source: source.value }) : null;
  const goal = target.value.kind === 'name' ? (resolution?.target ?? null) : target.value;
  const strangers = goal === null ? [] : strangerSteps(input.objects, source.value, goal);
  const walk = goal === null || strangers.length > 0 ? null : walkOf(input, source.value, goal, question);
  const named = nameSteps(input, source.value, { walk, resolution });
  const told = [...walkSteps(input, source.value, walk), ...strangers, ...named];
  const steps = inOrder(withAllLayers(once(told)));
  const pair = `${endLabel(source.value)} to ${endLabel(target.value)}`;
  const diagnosis: Diagnosis = {
    from: diagnosisEnd(source.value),
    to: diagnosisEnd(target.value),
    protocol: walk?.asked[0]?.port.protocol ?? walk?.destinations[0]?.protocol ?? question.protocol ?? 'tcp',
    port: portOf(target.value),
    ...verdictOf(steps, pair),
    steps,
    hops: walk === null ? [] : hopsOf(input, travelOf(input, walk)),
  };
  return { ok: true, diagnosis };
}

function travelOf({ objects }: DiagnosisInput, walk: Walk): Travel {
  const { left, asked, family } = walk;
  const node = left?.node ?? walk.node;
  const own = node === null ? [] : (objects.node(node)?.addresses ?? []);
  const key = left?.key ?? asked[0]?.key ?? null;
  const nodeAddress = own.find((address) => familyOf(address) === family) ?? null;
  const { mayBeRewritten } = passageOf(walk, { label: '', purpose: null });
  return { ...walk, node, nodeAddress, key, mayBeRewritten };
}

function portOf(target: Target): number | null {
  if (target.kind !== 'service') return target.port;
  const [only, ...more] = target.ports;
  return only === undefined || more.length > 0 ? null : only.port;
}

/** L1 to L3, and L5; where packets have no way only the source's own network. */
function walkSteps(input: DiagnosisInput, source: Source, walk: Walk | null): readonly DiagnosisStep[] {
  const own = source.kind === 'pod' ? wiringSteps(input, source.pod, 'there') : [];
  if (walk === null) return own;
  const stray = walk.goal.kind === 'address' ? strayPod(input, walk.goal.address) : [];
  return [
    ...own,
    ...stray,
    ...targetWiring(input, walk),
    ...hairpinSteps(input, walk),
    ...walkedWays(input, walk),
    ...translationSteps(input, walk),
    ...policySteps(input, walk),
  ];
}

/** As many pods behind a Service are looked at one by one. */
const mostLooked = 20;

/** The pods at the other end: what is wrong with any of them, and in one step those that are right. */
function targetWiring(input: DiagnosisInput, { source, goal, destinations }: Walk): readonly DiagnosisStep[] {
  const own = source.kind === 'pod' ? source.pod.uid : null;
  const ends = goal.kind === 'pod' ? [goal] : destinations.map(({ end }) => end);
  const pods = [
    ...new Map(ends.flatMap((end) => (end.kind === 'pod' ? [[end.pod.uid, end.pod] as const] : []))).values(),
  ];
  const looked = pods.filter(({ uid }) => uid !== own).slice(0, mostLooked);
  const told = looked.map((pod) => ({ pod, steps: wiringSteps(input, pod, 'there') }));
  const right = told.filter(({ steps }) => steps.every(({ verdict }) => verdict === 'pass'));
  if (right.length < 2) return told.flatMap(({ steps }) => steps);
  const rest = told.filter((one) => !right.includes(one)).flatMap(({ steps }) => steps);
  const names = right.map(({ pod }) => nameOf(pod));
  const place: Place = {
    layer: 'L1',
    direction: 'there',
    what: 'the networks of the endpoints',
    node: null,
    ageSeconds: null,
  };
  const evidence = right.flatMap(({ steps }) =>
    steps.flatMap((one) => ({ kind: 'fact', name: one.what, value: one.sentence }) as const),
  );
  return [
    ...rest,
    step(place, {
      verdict: 'pass',
      sentence: `${names.length} endpoints are wired: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ' and others' : ''}.`,
      evidence,
    }),
  ];
}

function policySteps(input: DiagnosisInput, walk: Walk): readonly DiagnosisStep[] {
  const passage = passageOf(walk, { label: endLabel(walk.goal), purpose: null });
  const told = permissionSteps(input, passage);
  if (told.length === 0) return [];
  const judged = asksManyPorts(walk) && hasOpenPort(input, passage) ? withoutClaims(told) : told;
  const place: Place = { layer: 'L5', direction: 'back', what: 'NetworkPolicies', node: null, ageSeconds: null };
  const sentence = 'Policies let through the replies of every connection that they allow.';
  return [...judged, step(place, { verdict: 'not-looked-at', sentence })];
}

/** Whether it was not said which of several ports is asked about. */
function asksManyPorts({ goal, destinations }: Walk): boolean {
  if (goal.kind === 'service') return goal.ports.length > 1;
  return goal.kind === 'pod' && goal.port === null && destinations.length > 1;
}

/** Whether policies let through all that is behind one of the ports. */
function hasOpenPort(input: DiagnosisInput, passage: Passage): boolean {
  const byPort = Map.groupBy(
    passage.destinations,
    ({ servicePort, port, protocol }) => `${protocol} ${servicePort ?? port}`,
  );
  return [...byPort.values()].some((destinations) =>
    permissionSteps(input, { ...passage, destinations }).every(({ verdict }) => verdict === 'pass'),
  );
}

/** Where some ports are let through and others are not, nobody knows yet which was meant. */
function withoutClaims(steps: readonly DiagnosisStep[]): readonly DiagnosisStep[] {
  return steps.map((one) => {
    if (one.verdict !== 'fail') return one;
    return { ...one, verdict: 'unknown', sentence: `${one.sentence.slice(0, -1)}; other ports pass: ask with a port.` };
  });
}

/** L4, and what of L3 and L5 is on the way to who answers for names. */
function nameSteps(
  input: DiagnosisInput,
  source: Source,
  { walk, resolution }: { readonly walk: Walk | null; readonly resolution: Resolution | null },
): readonly DiagnosisStep[] {
  const place: Place = { layer: 'L4', direction: 'there', what: 'the name', node: null, ageSeconds: null };
  if (resolution === null) {
    if (walk?.goal.kind === 'service' && walk.goal.service.type === 'ExternalName') {
      const { namespace, name } = walk.goal.service;
      const sentence = `${namespace}/${name} stands for a name outside of the cluster (ExternalName), and no name was asked: ask for ${name}.${namespace} to have its resolution looked at.`;
      return [step(place, { verdict: 'unknown', sentence })];
    }
    const found = walk?.goal.kind === 'service' ? dnsFindings(input, source) : [];
    if (found.length > 0) return found;
    const sentence = 'No name is asked; ask for the name to have its resolution looked at.';
    return [step(place, { verdict: 'not-looked-at', sentence })];
  }
  const { dns, steps } = resolution;
  return dns === null ? steps : [...steps, ...wayToDns(input, source, dns)];
}

function wayToDns(input: DiagnosisInput, source: Source, dns: ServiceTarget): readonly DiagnosisStep[] {
  const walk = walkOf(input, source, dns, { from: '', to: '', port: null, protocol: null });
  const { node, sourceAddress, asked, destinations } = walk;
  const translated =
    node === null
      ? []
      : asked
          .filter(({ port }) => port.protocol === 'udp')
          .flatMap((one) => serviceSteps(input, { source, sourceAddress, target: dns, asked: one, node }));
  const label = `${dns.service.namespace}/${dns.service.name}`;
  const ofProtocol = (protocol: Protocol) => destinations.filter((one) => one.protocol === protocol);
  const permitted = (['udp', 'tcp'] as const).flatMap((protocol) =>
    permissionSteps(input, {
      ...passageOf(walk, { label, purpose: 'so names are not resolved' }),
      destinations: ofProtocol(protocol),
    }),
  );
  const failing = permitted.filter(({ verdict }) => verdict !== 'pass');
  return [...translated, ...(failing.length > 0 ? withAllRemedies(failing) : permitted.slice(0, 1))];
}

/** Names are asked for by UDP, and again by TCP where answers are long: one remedy without the other is half of it. */
function withAllRemedies(steps: readonly DiagnosisStep[]): readonly DiagnosisStep[] {
  const all = new Map(
    steps.flatMap(({ remediation }) => remediation.map((remedy) => [remedy.command, remedy] as const)),
  );
  return steps.map((one) => ({ ...one, remediation: [...all.values()] }));
}

/** Who asks cluster DNS itself by its name is told of its Service twice. */
function once(steps: readonly DiagnosisStep[]): readonly DiagnosisStep[] {
  const keyOf = ({ layer, direction, sentence }: DiagnosisStep) => `${layer} ${direction} ${sentence}`;
  return [...new Map(steps.map((one) => [keyOf(one), one])).values()];
}

/** Every layer has a step: what was not looked at says so. */
function withAllLayers(steps: readonly DiagnosisStep[]): readonly DiagnosisStep[] {
  const lacking = (Object.keys(notReached) as readonly Layer[]).filter(
    (layer) => !steps.some((one) => one.layer === layer),
  );
  return [
    ...steps,
    ...lacking.map((layer) =>
      step(
        { layer, direction: 'there', what: layer, node: null, ageSeconds: null },
        { verdict: 'not-looked-at', sentence: notReached[layer] },
      ),
    ),
  ];
}

const notReached: Readonly<Record<Layer, string>> = {
  L1: 'Neither end is a pod: there is no interface to look at.',
  L2: 'No way of packets is known, so none was looked at.',
  L3: 'No way of packets is known, so no Service was looked at.',
  L4: 'No name was asked.',
  L5: 'No way of packets is known, so no policy was asked.',
};
