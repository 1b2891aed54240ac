/**
 * "Which layer broke first?" for one pair: from the pod's interface up, in both directions, by what the nodes really have.
 *
 *     question -> ends.ts: who -> resolution.ts: what a name means -> destinations.ts: where packets end
 *     L1 wiring.ts   L2 ways.ts   L3 service.ts   L4 resolution.ts   L5 permission.ts  -> verdict.ts
 *
 * Every layer is judged as far as it can be; the lowest that fails is the answer.
 */
import { familyOf } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { Diagnosis, DiagnosisStep } from '../model/diagnosis.ts';
import type { Layer } from '../model/finding.ts';
import { endName, flowEnd } from './destinations.ts';
import { diagnosisEnd, endLabel } from './end-words.ts';
import { findSource, findTarget, isHeadless, type ServiceTarget, type Source, type Target } from './ends.ts';
import { hopsOf } from './hops.ts';
import type { Answer, DiagnosisInput, Question } from './input.ts';
import { permissionSteps } from './permission.ts';
import { dnsFindings, type Resolution, resolve } from './resolution.ts';
import { serviceSteps } from './service.ts';
import { type Place, step } from './step.ts';
import { strayPod, strayService } from './stray-addresses.ts';
import { inOrder, verdictOf } from './verdict.ts';
import { nameOf, wiringSteps } from './wiring.ts';
import { type Walk, walkOf } from './walk.ts';
import { oneNodeSteps, outsideSteps, waySteps } from './ways.ts';

/** Answers a question by what is known now. Pure; costs what two nodes' lists cost. */
export function diagnose(question: Question, input: DiagnosisInput): Answer {
  const source = findSource(question, input.objects);
  if (!source.ok) return source;
  const target = findTarget(question, input.objects);
  if (!target.ok) return target;
  const resolution = target.value.kind === 'name' ? resolve(input, { ...target.value, source: source.value }) : null;
  const goal = target.value.kind === 'name' ? (resolution?.target ?? null) : target.value;
  const walk = goal === null ? null : walkOf(input, source.value, goal, question);
  const steps = inOrder(
    withAllLayers([...walkSteps(input, source.value, walk), ...nameSteps(input, source.value, { walk, resolution })]),
  );
  const pair = `${endLabel(source.value)} to ${endLabel(target.value)}`;
  const diagnosis: Diagnosis = {
    from: diagnosisEnd(source.value),
    to: diagnosisEnd(target.value),
    protocol: walk?.asked[0]?.port.protocol ?? walk?.destinations[0]?.protocol ?? question.protocol ?? 'tcp',
    port: portOf(target.value),
    ...verdictOf(steps, pair),
    steps,
    hops:
      walk === null
        ? []
        : hopsOf(input, { ...walk, asked: walk.asked[0] ?? null, destination: walk.destinations[0] ?? null }),
  };
  return { ok: true, diagnosis };
}

function portOf(target: Target): number | null {
  if (target.kind !== 'service') return target.port;
  const [only, ...more] = target.ports;
  return only === undefined || more.length > 0 ? null : only.port;
}

/** L1 to L3, and L5; of a name that means nothing only the source's own network. */
function walkSteps(input: DiagnosisInput, source: Source, walk: Walk | null): readonly DiagnosisStep[] {
  const own = source.kind === 'pod' ? wiringSteps(input, source.pod, 'there') : [];
  if (walk === null) return own;
  const stray = walk.goal.kind === 'address' ? strayPod(input, walk.goal.address) : [];
  return [
    ...own,
    ...stray,
    ...targetWiring(input, walk),
    ...wayStepsOf(input, walk),
    ...translationSteps(input, walk),
    ...policySteps(input, walk),
  ];
}

/** As many pods and nodes behind a Service are looked at one by one. */
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

/** Between the source's node and each node of a destination, there and back. */
function wayStepsOf(
  input: DiagnosisInput,
  { source, sourceAddress, node, destinations, family }: Walk,
): readonly DiagnosisStep[] {
  const place: Place = { layer: 'L2', direction: 'there', what: 'the way between nodes', node: null, ageSeconds: null };
  if (node === null) {
    const why =
      source.kind === 'pod'
        ? 'the pod is on no node'
        : `by which node packets of ${endName(flowEnd(source))} come is not known`;
    const verdict = source.kind === 'pod' ? 'not-looked-at' : 'unknown';
    return [step(place, { verdict, sentence: `No way was looked at: ${why}.` })];
  }
  if (sourceAddress === null && source.kind === 'pod' && source.pod.addresses.length > 0) {
    const sentence = `${nameOf(source.pod)} has no address of the family that is asked (${family === 'ipv4' ? 'IPv4' : 'IPv6'}).`;
    return [step(place, { verdict: 'fail', sentence })];
  }
  // Who comes by a node port from outside is seen there with the address of the node that translated.
  const own = input.objects.node(node)?.addresses.find((one) => familyOf(one) === family) ?? null;
  const seenSource = source.kind === 'address' ? own : sourceAddress;
  const byNode = [...new Map(destinations.map((one) => [one.node ?? one.address, one])).values()]
    // What crosses nodes says more than what does not.
    .toSorted((one, other) => Number(one.node === node) - Number(other.node === node))
    .slice(0, mostLooked);
  return byNode.flatMap(({ node: to, address }): readonly DiagnosisStep[] => {
    if (to === null) return outsideSteps(input, node, address);
    if (to === node) return oneNodeSteps(input, node);
    const there = waySteps(input, { from: node, to, address, direction: 'there' });
    const back =
      seenSource === null ? [] : waySteps(input, { from: to, to: node, address: seenSource, direction: 'back' });
    return [...there, ...back];
  });
}

const noService = 'No Service is asked: packets go to the address itself.';

function translationSteps(
  input: DiagnosisInput,
  { source, sourceAddress, goal, asked, node }: Walk,
): readonly DiagnosisStep[] {
  const place: Place = { layer: 'L3', direction: 'there', what: 'the Service', node: null, ageSeconds: null };
  const skipped = (sentence: string) => [step(place, { verdict: 'not-looked-at', sentence })];
  if (goal.kind === 'address') return strayService(input, goal, { node, place }) ?? skipped(noService);
  if (goal.kind !== 'service') return skipped(noService);
  const { service } = goal;
  if (asked.length === 0) {
    const why =
      service.type === 'ExternalName'
        ? 'it stands for a name outside of the cluster'
        : isHeadless(service)
          ? 'it is headless, and clients get the addresses of its pods'
          : 'it has no such address of this family';
    return skipped(`No node translates packets to ${service.namespace}/${service.name}: ${why}.`);
  }
  if (node === null) {
    const sentence =
      'Which node translates packets of a client outside is not known; ask with a node and its node port.';
    return [step(place, { verdict: 'unknown', sentence })];
  }
  const back = step(
    { ...place, direction: 'back', node },
    {
      verdict: 'not-looked-at',
      sentence: `The connection table of ${node} translates the replies of what it has let through.`,
    },
  );
  return [
    ...asked.flatMap((one) => serviceSteps(input, { source, sourceAddress, target: goal, asked: one, node })),
    back,
  ];
}

function policySteps(input: DiagnosisInput, { source, family, goal, destinations }: Walk): readonly DiagnosisStep[] {
  const told = permissionSteps(input, {
    from: flowEnd(source),
    family,
    destinations,
    label: endLabel(goal),
    purpose: null,
  });
  if (told.length === 0) return [];
  const place: Place = { layer: 'L5', direction: 'back', what: 'NetworkPolicies', node: null, ageSeconds: null };
  const sentence = 'Policies let through the replies of every connection that they allow.';
  return [...told, step(place, { verdict: 'not-looked-at', sentence })];
}

/** L4, and what of L3 and L5 is on the way to who answers for names. */
function nameSteps(
  input: DiagnosisInput,
  source: Source,
  { walk, resolution }: { readonly walk: Walk | null; readonly resolution: Resolution | null },
): readonly DiagnosisStep[] {
  const place: Place = { layer: 'L4', direction: 'there', what: 'the name', node: null, ageSeconds: null };
  if (resolution === null) {
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
  const { node, sourceAddress, asked, destinations, family } = walk;
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
      from: flowEnd(source),
      family,
      destinations: ofProtocol(protocol),
      label,
      purpose: 'so names are not resolved',
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
  L2: 'Where packets go is not known, so no way was looked at.',
  L3: 'Where packets go is not known, so no Service was looked at.',
  L4: 'No name was asked.',
  L5: 'Where packets go is not known, so no policy was asked.',
};
