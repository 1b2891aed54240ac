/** Answers `plumbline policy FROM TO` and /api/v1/policy: every pair of the two ends, pairs with one verdict told once. */
import { type Family, familyOf } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import type { ClusterObjects } from '../../model/cluster.ts';
import type {
  Flow,
  FlowEnd,
  ForeignPolicy,
  PolicyAnswer,
  PolicyAnswers,
  PolicyFlow,
  PolicyQuestion,
  PolicyReport,
  PolicyVerdict,
} from '../../model/policy.ts';
import { type EndProblem, type End, endText, parseEnd } from '../ends.ts';
import { mayBeRewritten } from './rewritten-source.ts';
import { type NamedEnd, sourcesOf, type TargetEnd, targetsOf } from './question-ends.ts';

/** As many ends of a side are paired; more are thinned to at least one of each class. */
const mostEnds = 40;
const mostFlows = 20;
const mostNotJudged = 20;

/** @returns what is wrong with the question, or what is not known, where there is no answer. */
export function answerQuestion(objects: ClusterObjects, question: PolicyQuestion): PolicyAnswer {
  const from = parseEnd(question.from);
  if (isProblem(from)) return { ok: false, parameter: 'from', problem: from.problem };
  const to = parseEnd(question.to);
  if (isProblem(to)) return { ok: false, parameter: 'to', problem: to.problem };
  const answers = objects.policy;
  if (answers === null) return { ok: false, parameter: null, problem: notKnown(objects) };
  const sources = sourcesOf(objects, from);
  if (!sources.ok) return sources;
  const targets = targetsOf(objects, to, question);
  if (!targets.ok) return targets;
  const { protocol } = targets.value;
  const chosen = { sources: thinned(sources.value, answers), targets: thinned(targets.value.ends, answers) };
  const flows = verdictsOf(answers, { ...chosen, protocol });
  const asked = { from: endText(from), to: endText(to), protocol, port: targets.value.port };
  const report = {
    ...asked,
    allowed: allowedOf(flows),
    sentence: sentenceOf(asked, flows),
    flows: flows.slice(0, mostFlows),
    total: flows.length,
    notes: [
      ...targets.value.notes,
      ...leftOut('FROM', sources.value.length, chosen.sources.length),
      ...leftOut('TO', targets.value.ends.length, chosen.targets.length),
    ],
    notJudged: foreignNames(objects, [...sources.value, ...targets.value.ends]),
  };
  return { ok: true, report };
}

function isProblem(end: End | EndProblem): end is EndProblem {
  return 'problem' in end;
}

/** What `ClusterObjects.policy` needs and lacks, in words. */
function notKnown({ knowsPolicies, knowsPods, knowsNamespaces }: ClusterObjects): string {
  const lacking = [
    ...(knowsPolicies ? [] : ['NetworkPolicies']),
    ...(knowsPods ? [] : ['pods']),
    ...(knowsNamespaces ? [] : ['namespaces']),
  ];
  return `Nothing can be said of policies: the API's ${lacking.join(', ')} are not known.`;
}

function leftOut(side: string, all: number, chosen: number): readonly string[] {
  return all === chosen
    ? []
    : [`${chosen} of the ${all} pods of ${side} were asked about, of each class at least one.`];
}

function thinned<E extends NamedEnd>(ends: readonly E[], answers: PolicyAnswers): readonly E[] {
  if (ends.length <= mostEnds) return ends;
  const seen = new Set<number>();
  const first: E[] = [];
  const others: E[] = [];
  for (const one of ends) {
    const podClass = one.end.kind === 'pod' ? answers.classOf(one.end.pod) : -1;
    (seen.has(podClass) ? others : first).push(one);
    seen.add(podClass);
  }
  return [...first, ...others].slice(0, mostEnds);
}

interface Pairs {
  readonly sources: readonly NamedEnd[];
  readonly targets: readonly TargetEnd[];
  readonly protocol: Protocol;
}

/** One entry for each verdict, the gravest first. */
function verdictsOf(answers: PolicyAnswers, { sources, targets, protocol }: Pairs): readonly PolicyFlow[] {
  const byContent = new Map<string, PolicyFlow>();
  for (const from of sources) {
    for (const to of targets) {
      // A pod with itself is asked about only where that is the question.
      if (from.text === to.text && sources.length + targets.length > 2) continue;
      for (const one of pairVerdicts(answers, [from, to], protocol)) {
        const content = JSON.stringify([one.families, one.port, one.egress, one.ingress]);
        const known = byContent.get(content);
        byContent.set(content, known === undefined ? one : { ...known, pairs: known.pairs + 1 });
      }
    }
  }
  const rank = ({ allowed }: PolicyFlow) => (allowed === false ? 0 : allowed === null ? 1 : 2);
  return [...byContent.values()].sort((a, b) => rank(a) - rank(b));
}

/** One entry, or two where the families differ. */
function pairVerdicts(
  answers: PolicyAnswers,
  [from, to]: readonly [NamedEnd, TargetEnd],
  protocol: Protocol,
): readonly PolicyFlow[] {
  const told: PolicyFlow[] = [];
  for (const family of familiesOf(from.end, to)) {
    const flow = flowOf(from, to, { family, protocol });
    const verdict = answers.flow(flow);
    const same = told.findIndex((one) => sides(one) === sides(verdict));
    const known = told[same];
    if (known !== undefined) told[same] = { ...known, families: [...known.families, family] };
    else
      told.push({
        ...{ from: from.text, to: to.text, pairs: 1, families: [family], port: to.port, ...verdict },
        allowing: verdict.allowed === false ? answers.allowing(flow) : null,
      });
  }
  return told;
}

function sides({ egress, ingress }: Pick<PolicyVerdict, 'egress' | 'ingress'>): string {
  return JSON.stringify([egress, ingress]);
}

function flowOf(from: NamedEnd, to: TargetEnd, how: Pick<Flow, 'family' | 'protocol'>): Flow {
  return {
    ...{ from: from.end, to: to.end, ...how, port: to.port },
    ...(to.through === null ? {} : { through: to.through }),
    ...(to.way !== null && mayBeRewritten(to.way, from.end) ? { sourceMayBeRewritten: true } : {}),
  };
}

/** Those that both have addresses of; IPv4 where nothing is known of either. */
function familiesOf(from: FlowEnd, to: TargetEnd): readonly Family[] {
  const source = addressFamilies(from);
  const target = to.family === null ? addressFamilies(to.end) : [to.family];
  const both = (['ipv4', 'ipv6'] as const).filter(
    (family) => (source.length === 0 || source.includes(family)) && (target.length === 0 || target.includes(family)),
  );
  return source.length === 0 && target.length === 0 ? ['ipv4'] : both;
}

function addressFamilies(end: FlowEnd): readonly Family[] {
  switch (end.kind) {
    case 'pod':
      return end.pod.addresses.map(familyOf);
    case 'node':
      return end.node.addresses.map(familyOf);
    case 'address':
      return [familyOf(end.address)];
  }
}

function allowedOf(flows: readonly PolicyFlow[]): boolean | null {
  const [first, ...rest] = flows;
  return first === undefined || rest.some(({ allowed }) => allowed !== first.allowed) ? null : first.allowed;
}

function sentenceOf(
  { from, to, port, protocol }: Pick<PolicyReport, 'from' | 'to' | 'port' | 'protocol'>,
  flows: readonly PolicyFlow[],
): string {
  const where = `${to}, port ${port}/${protocol.toUpperCase()}`;
  if (flows.length === 0) return `There is nobody at ${where}, whom ${from} could reach.`;
  const countOf = (verdict: boolean | null) =>
    flows.reduce((sum, { allowed, pairs }) => (allowed === verdict ? sum + pairs : sum), 0);
  const [denied, unknown] = [countOf(false), countOf(null)];
  const pairs = denied + unknown + countOf(true);
  if (denied === pairs) return `NetworkPolicies keep ${from} from ${where}.`;
  if (unknown === pairs) return `Whether NetworkPolicies let ${from} reach ${where}, is not known.`;
  if (denied + unknown === 0) return `NetworkPolicies let ${from} reach ${where}.`;
  const parts = [
    ...(denied > 0 ? [`${denied} of ${pairs} pairs are denied`] : []),
    ...(unknown > 0 ? [`${unknown} of ${pairs} pairs are not known`] : []),
  ];
  return `NetworkPolicies do not say the same of all pairs of ${from} and ${where}: ${parts.join(', ')}.`;
}

/** Of the namespaces concerned, and cluster-wide ones. */
function foreignNames(objects: ClusterObjects, ends: readonly NamedEnd[]): readonly string[] {
  const namespaces = new Set(ends.flatMap(({ end }) => (end.kind === 'pod' ? [end.pod.namespace] : [])));
  return [...objects.foreignPolicies()]
    .filter(({ namespace }) => namespace === null || namespaces.has(namespace))
    .map(foreignName)
    .sort()
    .slice(0, mostNotJudged);
}

function foreignName({ kind, namespace, name }: ForeignPolicy): string {
  return `${kind} ${namespace === null ? name : `${namespace}/${name}`}`;
}
