/** L3: what the node of the source really does with packets to a Service, held against what it should do. */
import { parseHostPort } from '../../proto/address.ts';
import type { Fate, Forwarding, FrontendKey } from '../../proto/forwarding.ts';
import { uncomparedBecause } from '../audit/uncompared.ts';
import { faultsOf } from '../checks/shared/faults.ts';
import { fact } from '../checks/shared/evidence.ts';
import { restartKubeProxy, showEndpoints } from '../checks/shared/remedies.ts';
import { forwardingText, joined } from '../checks/shared/words.ts';
import type { NodeView } from '../model/check.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { Drift } from '../model/drift.ts';
import type { Evidence, Finding, Subject } from '../model/finding.ts';
import { accountOf, isAmong } from './differences.ts';
import { originOf, sidesOf } from './frontends.ts';
import type { DiagnosisInput, KnownNode } from './input.ts';
import { findingStep, openFindings, type Place, step, withCause } from './step.ts';
import { labelOf, type Translation } from './translation.ts';

/** The steps of one frontend: whether it has endpoints at all, then what the node does. */
export function serviceSteps(input: DiagnosisInput, translation: Translation): readonly DiagnosisStep[] {
  const { target, asked, node } = translation;
  const what = `${labelOf(target, asked)} on ${node}`;
  const place: Place = { layer: 'L3', direction: 'there', what, node, ageSeconds: null };
  const facts = input.node(node);
  const empty = emptyStep(input, translation, place);
  if (!facts.isKnown) {
    const sentence = `What ${node} does with packets to ${labelOf(target, asked)} is not known: nothing is known of ${node} (${facts.because}).`;
    return empty ?? [step({ ...place, node: null }, { verdict: 'unknown', sentence })];
  }
  const onNode = { ...place, ageSeconds: facts.ageSeconds };
  const drifted = driftStep(input, facts, { translation, place: onNode });
  if (empty === null) return [drifted, ...besideSteps(input, translation, onNode)];
  // A node that still sends to pods which no endpoint names is a fault of its own, beside a Service without endpoints.
  const isOwnFault = drifted.verdict === 'fail' && sidesOf(facts.view, asked.key)?.drift !== null;
  return isOwnFault ? [...empty, drifted] : empty;
}

/** Null where some endpoint takes connections. */
function emptyStep(
  input: DiagnosisInput,
  { target: { service }, asked: { port, frontend } }: Translation,
  place: Place,
): readonly DiagnosisStep[] | null {
  const slices = input.objects.endpointSlices(service.namespace, service.name);
  const takes = slices.some(
    (slice) =>
      slice.family === frontend.family &&
      slice.ports.some(({ name, protocol }) => name === port.name && protocol === port.protocol) &&
      slice.endpoints.some(({ ready, serving, terminating }) => ready || (serving && terminating)),
  );
  if (takes) return null;
  const told = openFindings(input, (finding) => isOfService(finding, service, port.name) && isEmptiness(finding));
  if (told.length > 0) return told.map((finding) => findingStep(input, place, finding));
  const sentence = `${service.namespace}/${service.name}${port.name === '' ? '' : `:${port.name}`} has no endpoint that is ready: every node refuses or drops its packets.`;
  const subject: Subject = { kind: 'Service', ...service, port: port.name, protocol: port.protocol };
  return [step({ ...place, node: null }, { verdict: 'fail', sentence, remediation: showEndpoints(subject) })];
}

function isEmptiness({ check }: Finding): boolean {
  return check === 'service-selects-nothing' || check === 'dns-no-endpoints';
}

function isOfService(
  { subject }: Finding,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  port: string,
): boolean {
  const isIts = subject.kind === 'Service' && subject.namespace === namespace && subject.name === name;
  return isIts && (subject.port === '' || subject.port === port);
}

interface Judged {
  readonly translation: Translation;
  readonly place: Place;
}

function driftStep(input: DiagnosisInput, { view, explain }: KnownNode, { translation, place }: Judged): DiagnosisStep {
  const { target, asked, source, sourceAddress, node } = translation;
  const label = labelOf(target, asked);
  const sides = sidesOf(view, asked.key);
  if (sides === null) {
    const sentence = `What ${node} does with packets to ${label} is not known: ${whyNotCompared(view)}.`;
    return step(place, { verdict: 'unknown', sentence });
  }
  const { drift, wanted, real } = sides;
  if (drift?.kind === 'unknown') {
    const sentence = `What ${node} does with packets to ${label} could not be told from its rules (${drift.reason}).`;
    return step(place, { verdict: 'unknown', sentence });
  }
  const origin = originOf(source, view, sourceAddress);
  const doubt = origin === 'pod' ? originDoubt(translation, real) : null;
  if (doubt !== null) return step(place, { verdict: 'unknown', sentence: doubt });
  if (drift === null)
    return inSync(input, place, { translation, wanted: wanted?.[origin] ?? null, real: real?.[origin] ?? null });
  const account = accountOf(input.objects, view, { translation, drift, origin });
  const finding = findingOf(input, view, { translation, drift });
  const told = finding === null ? { evidence: [], remediation: [] } : withCause(input, finding);
  const own = drift.kind === 'stale' ? [] : showEndpoints(subjectOf(translation));
  return step(place, {
    verdict: account.isBroken ? 'fail' : 'pass',
    sentence: account.sentence,
    evidence: [
      ...sidesText(asked.key, wanted?.[origin] ?? null, real?.[origin] ?? null),
      ...told.evidence.filter(({ kind }) => kind !== 'forwarding'),
      ...(told.evidence.some(({ kind }) => kind === 'rule') ? [] : ruleEvidence(explain?.(asked.key) ?? [])),
    ],
    remediation: told.remediation.length > 0 ? told.remediation : [...own, restartKubeProxy(node)],
    finding,
  });
}

/** Pods are written over with a node's address on their way to another node, or not, as the CNI plugin likes it. */
function originDoubt({ source, node, target, asked }: Translation, real: Forwarding | null): string | null {
  if (source.kind !== 'pod' || source.pod.hostNetwork || source.pod.nodeName === node || real === null) return null;
  const [asPod, asOutside] = [actsOf(real.pod), actsOf(real.outside)];
  // Where both get on, it matters little to which endpoints.
  if (real.pod.route.action === real.outside.route.action) return null;
  const name = `${source.pod.namespace}/${source.pod.name}`;
  return `By which address ${name} comes to ${node} is not known: with a pod's its packets to ${labelOf(target, asked)} meet ${asPod}, with a node's ${asOutside}.`;
}

interface BothFates {
  readonly translation: Translation;
  readonly wanted: Fate | null;
  readonly real: Fate | null;
}

function inSync(input: DiagnosisInput, place: Place, { translation, wanted, real }: BothFates): DiagnosisStep {
  const { node, target, asked, sourceAddress } = translation;
  const label = labelOf(target, asked);
  // A running aggregator tells nobody of a difference while the change is still on its way; who asks now is told.
  if (real !== null && wanted !== null && actsOf(real) !== actsOf(wanted)) {
    const sentence = `${node} has not followed the newest change of ${label} yet: it does ${actsOf(real)}, and ${actsOf(wanted)} is wanted.`;
    return step(place, { verdict: 'unknown', sentence });
  }
  if (wanted?.route.action !== 'forward') {
    const action = wanted?.route.action ?? 'none';
    const does = action === 'reject' ? 'refuses' : action === 'drop' ? 'drops' : 'does not serve';
    const sentence = `${node} ${does} packets to ${label} for this source, as the Service and its endpoints ask for${whyNoneHere(translation)}.`;
    return step(place, { verdict: 'fail', sentence });
  }
  const { backends, sources, otherwise } = wanted.route;
  if (sources !== 'any' && sourceAddress !== null && !isAmong(sourceAddress, sources)) {
    const sentence = `${node} does not let ${sourceAddress} in to ${label} (${otherwise}), as the Service asks for: its source ranges are ${joined(sources)}.`;
    return step(place, { verdict: 'fail', sentence });
  }
  const astray = real === null ? null : strayReplies(input, translation, real);
  if (astray !== null) return step(place, astray);
  const sentence = `${node} sends packets to ${label} to ${joined(backends)}, as it should.`;
  return step(place, { verdict: 'pass', sentence, evidence: [fact('backends', backends.join(', '))] });
}

/**
 * A node that only passes packets on sees their replies where it wrote its own address over the source's, or where the
 * endpoint is its own. Where kube-proxy keeps the source and the endpoint is on another node, that one answers the source
 * directly, which knows no such connection; null where that cannot be.
 */
function strayReplies(
  { objects }: DiagnosisInput,
  { source, node, target, asked }: Translation,
  { route, dress }: Fate,
): Pick<DiagnosisStep, 'verdict' | 'sentence'> | null {
  const home = source.kind === 'pod' ? source.pod.nodeName : source.kind === 'node' ? source.node.name : null;
  if (home === node || dress?.masquerade !== 'never' || route.action !== 'forward') return null;
  const away = route.backends.filter((backend) => {
    const at = parseHostPort(backend);
    const pod = at === null ? undefined : objects.podsWithAddress(at.address)[0];
    return pod !== undefined && !pod.hostNetwork && pod.nodeName !== null && pod.nodeName !== node;
  });
  if (away.length === 0) return null;
  const which =
    away.length === route.backends.length
      ? 'its endpoints are'
      : `of its endpoints ${joined(away)} ${away.length === 1 ? 'is' : 'are'}`;
  const why = `${node} forwards packets to ${labelOf(target, asked)} without writing its own address over their source, and ${which} on another node`;
  return source.kind === 'pod' && !source.pod.hostNetwork
    ? {
        verdict: 'unknown',
        sentence: `${why}: replies get lost, unless the CNI plugin gives pods' packets to other nodes the address of theirs.`,
      }
    : { verdict: 'fail', sentence: `${why}: the replies go past ${node}, and are lost.` };
}

/** Where source ranges or a traffic policy leave a source without endpoints, though the Service has some. */
function whyNoneHere({ target: { service, at }, sourceAddress, node }: Translation): string {
  const ranges = service.loadBalancerSourceRanges;
  const isBalanced = service.loadBalancerIngress.some(({ address }) => address === at);
  if (isBalanced && ranges.length > 0 && sourceAddress !== null && !isAmong(sourceAddress, ranges)) {
    return `: its source ranges are ${joined(ranges)}`;
  }
  const own = [service.clusterIPs.ipv4, service.clusterIPs.ipv6];
  const isInside = at === null || (typeof at === 'string' && own.includes(at));
  const policy = isInside ? service.internalTrafficPolicy : service.externalTrafficPolicy;
  if (policy !== 'Local') return '';
  return `: its ${isInside ? 'internalTrafficPolicy' : 'externalTrafficPolicy'} is Local, and it has no endpoint on ${node}`;
}

/** `forward to 10.244.1.2:8080`, `reject` */
function actsOf({ route }: Fate): string {
  return route.action === 'forward' ? `forward to ${joined(route.backends, 8)}` : route.action;
}

function whyNotCompared(view: NodeView): string {
  const other = uncomparedBecause(view);
  if (other !== null) return other;
  const { mode } = view.profile;
  if (mode.source === 'unknown') return `the mode of its kube-proxy is not known (${mode.reason})`;
  const { forwarding } = view.parts;
  if (forwarding.state === 'failed') return forwarding.reason;
  return forwarding.state === 'absent' ? 'its rules were not told' : 'its rules are not those of its mode';
}

/** The open finding that speaks of this difference: of a check that the drift is sorted to, on this very node. */
function findingOf(
  input: DiagnosisInput,
  view: NodeView,
  { translation, drift }: { readonly translation: Translation; readonly drift: Drift },
): Finding | null {
  const checks: ReadonlySet<string> = new Set(faultsOf(drift).keys());
  const { target, asked } = translation;
  const own = openFindings(
    input,
    (finding) =>
      finding.node === view.name &&
      checks.has(finding.check) &&
      (isOfService(finding, target.service, asked.port.name) || finding.subject.name === asked.key),
  );
  return own[0] ?? null;
}

function subjectOf({ target: { service }, asked: { port } }: Translation): Subject {
  const { namespace, name } = service;
  return { kind: 'Service', namespace, name, port: port.name, protocol: port.protocol };
}

function sidesText(key: FrontendKey, wanted: Fate | null, real: Fate | null): readonly Evidence[] {
  const text = (fate: Fate | null) =>
    fate === null ? 'no rule' : forwardingText({ pod: fate, node: fate, outside: fate });
  return [{ kind: 'forwarding', frontend: key, wanted: text(wanted), real: text(real) }];
}

const shownRules = 12;

function ruleEvidence(lines: readonly { readonly table: string; readonly rule: string }[]): readonly Evidence[] {
  return lines.slice(0, shownRules).map(({ table, rule }, index): Evidence => {
    return { kind: 'rule', table, rule, note: index === 0 ? 'the first rule that such packets meet' : '' };
  });
}

/** What hits every Service of the node, or this one's connections, though its rules are right. */
const besideChecks = [
  'stale-conntrack',
  'conntrack-full',
  'forward-dropped',
  'ipvs-unbound-vip',
  'ipvs-drained-backend',
];

function besideSteps(
  input: DiagnosisInput,
  { target, asked, node }: Translation,
  place: Place,
): readonly DiagnosisStep[] {
  const told = openFindings(
    input,
    (finding) =>
      finding.node === node &&
      besideChecks.includes(finding.check) &&
      (finding.subject.kind === 'Node' || isOfService(finding, target.service, asked.port.name)),
  );
  return told.map((finding) => findingStep(input, place, finding));
}
