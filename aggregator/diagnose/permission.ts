/** L5: what NetworkPolicies say of the packets, as they are after the Service's address was translated. */
import { fact } from '../checks/shared/evidence.ts';
import { shellWord } from '../checks/shared/remedies.ts';
import { joined } from '../checks/shared/words.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { Evidence, Finding, Remedy } from '../model/finding.ts';
import type { DecidingRule, Flow, FlowEnd, PolicyAnswers, PolicyVerdict, SideVerdict } from '../model/policy.ts';
import { type Destination, endName } from './destinations.ts';
import type { DiagnosisInput } from './input.ts';
import type { Passage } from './passage.ts';
import { openFindings, type Place, step } from './step.ts';

/** The steps of L5: one for each verdict that some destinations share; those that are denied first. */
export function permissionSteps(input: DiagnosisInput, passage: Passage): readonly DiagnosisStep[] {
  const what = passage.purpose === null ? 'NetworkPolicies' : `NetworkPolicies ${passage.purpose}`;
  const place: Place = { layer: 'L5', direction: 'there', what, node: null, ageSeconds: null };
  const { policy } = input.objects;
  if (passage.destinations.length === 0) return [];
  if (policy === null) {
    const sentence = 'What NetworkPolicies say is not known: they, pods or Namespaces could not be listed.';
    return [step(place, { verdict: 'unknown', sentence })];
  }
  const judged = passage.destinations.map((destination) => judgedOf(policy, passage, destination));
  const groups = [...Map.groupBy(judged, ({ group }) => group).values()];
  return groups
    .toSorted((one, other) => rank(one[0]) - rank(other[0]))
    .map((group) => groupStep(input, { passage, place, policy }, group));
}

interface Judged {
  readonly destination: Destination;
  readonly flow: Flow | null;
  readonly verdict: PolicyVerdict | null;
  readonly group: string;
}

function judgedOf(policy: PolicyAnswers, passage: Passage, destination: Destination): Judged {
  const { from, family, through, mayBeRewritten } = passage;
  const { end, port, protocol, servicePort } = destination;
  if (port === null) return { destination, flow: null, verdict: null, group: 'no port' };
  const flow: Flow = {
    ...{ from, to: end, family, protocol, port },
    ...(through === null || servicePort === null ? {} : { through: { address: through, port: servicePort } }),
    ...(mayBeRewritten ? { sourceMayBeRewritten: true } : {}),
  };
  const verdict = policy.flow(flow);
  const { egress, ingress } = verdict;
  const group = JSON.stringify([
    verdict.allowed,
    egress.state,
    egress.by,
    ingress.state,
    ingress.by,
    ingress.isolating,
    verdict.allowed === true ? protocol : port,
  ]);
  return { destination, flow, verdict, group };
}

/** Denied, not known, allowed. */
function rank(judged: Judged | undefined): number {
  if (judged?.verdict == null) return 1;
  return judged.verdict.allowed === null ? 1 : judged.verdict.allowed ? 2 : 0;
}

interface Around {
  readonly passage: Passage;
  readonly place: Place;
  readonly policy: PolicyAnswers;
}

function groupStep(input: DiagnosisInput, { passage, place, policy }: Around, group: readonly Judged[]): DiagnosisStep {
  const [first] = group;
  const foreign = foreignOf(input, [passage.from, ...group.map(({ destination }) => destination.end)]);
  if (first?.verdict == null || first.flow === null) return portless(policy, place, { passage, group, foreign });
  const { verdict, flow } = first;
  const whom = whomText(passage, group);
  const evidence = [...sideEvidence(verdict.egress), ...sideEvidence(verdict.ingress)];
  if (verdict.allowed === false)
    return deniedStep(input, { passage, place, policy }, { group, foreign, verdict, whom, evidence });
  if (verdict.allowed === null) {
    const because = joined([verdict.egress, verdict.ingress].filter(({ state }) => state === 'unknown').map(asClause));
    const sentence = `Whether policies let ${endName(passage.from)} in to ${whom} is not known: ${because}.`;
    return step(place, { verdict: 'unknown', sentence, evidence });
  }
  if (foreign.length > 0) {
    const sentence = `NetworkPolicies allow it, and ${othersText(foreign, 'forbid it')}.`;
    return step(place, { verdict: 'unknown', sentence, evidence });
  }
  const ports = [...new Set(group.map(({ destination: { port } }) => String(port)))];
  const on = `${flow.protocol} ${joined(ports)}`;
  const sentence = allowedSentence(endName(passage.from), whom, { verdict, on });
  return step(place, { verdict: 'pass', sentence, evidence });
}

function allowedSentence(
  from: string,
  whom: string,
  { verdict: { egress, ingress }, on }: { readonly verdict: PolicyVerdict; readonly on: string },
): string {
  const by = [egress, ingress].flatMap((side) => (side.by === null ? [] : [ruleText(side.by)]));
  // A pod and itself, a pod and its node: no rule lets them through, and none needs to.
  const [always] = [egress, ingress].filter((side) => side.state === 'allowed' && side.by === null);
  const without = always === undefined ? 'no policy isolates either end' : asClause(always);
  const why = by.length === 0 ? `${without.charAt(0).toLowerCase()}${without.slice(1)}` : `by ${joined(by)}`;
  return `Policies let ${from} reach ${whom} on ${on}: ${why}.`;
}

/** `a policy of another kind that may forbid it is not judged: CiliumNetworkPolicy shop/x` */
function othersText(foreign: readonly string[], may: string): string {
  const [who, are] =
    foreign.length === 1 ? ['a policy of another kind', 'is'] : [`${foreign.length} policies of other kinds`, 'are'];
  return `${who} that may ${may} ${are} not judged: ${joined(foreign)}`;
}

interface Portless {
  readonly passage: Passage;
  readonly group: readonly Judged[];
  readonly foreign: readonly string[];
}

/** Without a port only what is isolated, or not, can be told. */
function portless(policy: PolicyAnswers, place: Place, { passage: { from }, group, foreign }: Portless): DiagnosisStep {
  const isolating = [
    ...(from.kind === 'pod' ? policy.isolating(from.pod, 'egress') : []),
    ...group.flatMap(({ destination: { end } }) => (end.kind === 'pod' ? policy.isolating(end.pod, 'ingress') : [])),
  ];
  if (isolating.length === 0 && foreign.length > 0) {
    const sentence = `No NetworkPolicy isolates either end, and ${othersText(foreign, 'do so')}.`;
    return step(place, { verdict: 'unknown', sentence });
  }
  if (isolating.length === 0) {
    return step(place, { verdict: 'pass', sentence: 'No policy isolates either end: every port is let through.' });
  }
  const names = [...new Set(isolating.map(({ namespace, name }) => `${namespace}/${name}`))].sort();
  const sentence = `${joined(names)} ${names.length === 1 ? 'isolates' : 'isolate'} an end, and which ports pass depends on the port: ask with a port.`;
  return step(place, { verdict: 'unknown', sentence });
}

interface Denied {
  readonly group: readonly Judged[];
  readonly foreign: readonly string[];
  readonly verdict: PolicyVerdict;
  readonly whom: string;
  readonly evidence: readonly Evidence[];
}

function deniedStep(
  input: DiagnosisInput,
  { passage, place, policy }: Around,
  { group, foreign, verdict, whom, evidence }: Denied,
): DiagnosisStep {
  const { destination } = group[0] as Judged;
  const side = verdict.egress.state === 'denied' ? verdict.egress : verdict.ingress;
  const isolated = side.direction === 'egress' ? endName(passage.from) : whom;
  const finding = findingOf(input, side, [passage.from, destination.end]);
  const nothing = openFindings(input, ({ check }) => check === 'policy-not-enforced')[0] ?? null;
  const sentence =
    servicePortSentence(input, side, { passage, destination, whom }) ??
    `${joined(side.isolating)} ${side.isolating.length === 1 ? 'isolates' : 'isolate'} ${isolated} (${side.direction}), and ${whatLacks(input, side, { passage, destination, whom })}.`;
  // That nothing was seen to enforce policies is no proof that nothing does.
  const doubt =
    nothing === null
      ? '.'
      : '; no sign of anything that enforces policies was seen here, and if nothing does, the packets pass all the same.';
  const others = foreign.length === 0 ? '' : `; ${othersText(foreign, 'let it through all the same')}`;
  return step(place, {
    verdict: foreign.length === 0 && nothing === null ? 'fail' : 'unknown',
    sentence: `${sentence.slice(0, -1)}${others}${doubt}`,
    evidence: [
      ...evidence,
      ...[finding, nothing].flatMap((one) => (one === null ? [] : [fact(one.check, one.summary)])),
    ],
    remediation: [...allowing(policy, group), ...showPolicies(side)],
    finding,
  });
}

interface Missed {
  readonly passage: Passage;
  readonly destination: Destination;
  readonly whom: string;
}

/** The slip that is made most: policies see the pod's port, and a rule names the Service's. Null where it is not made. */
function servicePortSentence(
  input: DiagnosisInput,
  { nearly }: SideVerdict,
  { passage, destination, whom }: Missed,
): string | null {
  const { servicePort, port } = destination;
  if (servicePort === null || servicePort === port) return null;
  const near = nearly.find(({ rule, lacks }) => lacks === 'port' && portsOf(input, rule).includes(String(servicePort)));
  if (near === undefined) return null;
  return `${ruleText(near.rule)}, lets ${endName(passage.from)} reach ${whom} at port ${servicePort}, which is the Service's; policies see the pods' own port ${port}, and no rule allows that.`;
}

function whatLacks(input: DiagnosisInput, side: SideVerdict, { passage, destination, whom }: Missed): string {
  const { port, protocol } = destination;
  const lets = side.direction === 'egress' ? `lets it reach ${whom}` : `lets ${endName(passage.from)} in`;
  const purpose = passage.purpose === null ? '' : `, ${passage.purpose}`;
  const near = side.nearly.find(({ lacks }) => lacks === 'port');
  const beside =
    near === undefined
      ? firstPolicy(input, side)
      : `; ${ruleText(near.rule)}, fits but for its ports (${joined(portsOf(input, near.rule)) || 'none'})`;
  return `no rule ${lets} on ${protocol} ${port}${purpose}${beside}`;
}

function portsOf(input: DiagnosisInput, { namespace, policy: name, direction, rule }: DecidingRule): readonly string[] {
  const policy = [...input.objects.policiesIn(namespace)].find((one) => one.name === name);
  return (policy?.[direction][rule]?.ports ?? []).map(({ port, endPort, protocol }) =>
    port === null ? `every ${protocol} port` : endPort === null ? String(port) : `${port}-${endPort}`,
  );
}

/** Where a namespace had none before, everything worked until it came. */
function firstPolicy(input: DiagnosisInput, { isolating }: SideVerdict): string {
  const [only, ...more] = isolating;
  if (only === undefined || more.length > 0) return '';
  const [namespace = '', name] = only.split('/');
  const all = [...input.objects.policiesIn(namespace)];
  if (all.length !== 1 || all[0]?.name !== name) return '';
  const since = all[0]?.createdAt;
  return `; it is the only NetworkPolicy in ${namespace}${since == null ? '' : `, there since ${since}`}`;
}

function asClause({ because }: SideVerdict): string {
  return because.replace(/\.$/, '');
}

/** `shop/allow-web, ingress rule 0` */
export function ruleText({ namespace, policy, direction, rule }: DecidingRule): string {
  return `${namespace}/${policy}, ${direction} rule ${rule}`;
}

function sideEvidence(side: SideVerdict): readonly Evidence[] {
  if (side.state === 'not-judged') return [];
  return [fact(side.direction, side.because)];
}

function whomText({ label }: Passage, group: readonly Judged[]): string {
  return joined([...new Set(group.map(({ destination }) => endName(destination.end)))].sort()) || label;
}

const policyChecks = ['policy-denies-dns', 'policy-port-after-dnat', 'first-policy-isolates', 'policy-blocks-probes'];

/** A finding of L5 about one of the policies that deny it, or about the namespace of an end. */
function findingOf(input: DiagnosisInput, { isolating }: SideVerdict, ends: readonly FlowEnd[]): Finding | null {
  const namespaces = ends.flatMap((end) => (end.kind === 'pod' ? [end.pod.namespace] : []));
  const found = openFindings(input, ({ check, subject, summary, evidence }) => {
    if (!policyChecks.includes(check)) return false;
    const told = [summary, ...evidence.map((piece) => (piece.kind === 'fact' ? `${piece.name} ${piece.value}` : ''))];
    const isIn = 'namespace' in subject ? namespaces.includes(subject.namespace) : namespaces.includes(subject.name);
    return isIn && isolating.some((name) => told.some((text) => text.includes(name)));
  });
  return found[0] ?? null;
}

/** Policies of other kinds that may concern these ends: of their namespaces, or of the whole cluster. */
function foreignOf(input: DiagnosisInput, ends: readonly FlowEnd[]): readonly string[] {
  const namespaces = new Set(ends.flatMap((end) => (end.kind === 'pod' ? [end.pod.namespace] : [])));
  if (namespaces.size === 0) return [];
  return [...input.objects.foreignPolicies()]
    .filter(({ namespace }) => namespace === null || namespaces.has(namespace))
    .map(({ kind, namespace, name }) => `${kind} ${namespace === null ? name : `${namespace}/${name}`}`);
}

const mostAllowing = 3;

/** One for each set of labels among the destinations. */
function allowing(policy: PolicyAnswers, group: readonly Judged[]): readonly Remedy[] {
  const texts = new Set<string>();
  for (const { flow } of group) {
    const yaml = flow === null || texts.size === mostAllowing ? null : policy.allowing(flow);
    if (yaml !== null) texts.add(yaml);
  }
  return [...texts].map((yaml) => ({
    command: `kubectl apply -f - <<'EOF'\n${yaml.trimEnd()}\nEOF`,
    effect: 'Allows exactly this. Write it down where the other policies are, too.',
  }));
}

function showPolicies({ isolating }: SideVerdict): readonly Remedy[] {
  return isolating.slice(0, 3).map((policy) => {
    const [namespace = '', name = ''] = policy.split('/');
    return {
      command: `kubectl -n ${shellWord(namespace)} get networkpolicy ${shellWord(name)} -o yaml`,
      effect: 'Shows the policy that isolates it.',
    };
  });
}
