/**
 * What policies and endpoints predict for a pair of ends. Pods that are alike are asked about once, so that a pair costs
 * what its classes cost, however many pods it has.
 */
import type { Family } from '../../../proto/address.ts';
import type { DecidingRule, Flow, FlowEnd, PolicyAnswers, PolicyVerdict, SideVerdict } from '../../model/policy.ts';
import type { Kin, MatrixPort, MatrixSource, MatrixTarget } from './ends.ts';
import type { Answer, RowMemory } from './row-memory.ts';

/** Takes an answer, and the ports of the target that have it. */
export type TakeAnswer = (answer: Answer, ports: readonly MatrixPort[]) => void;

/** What is predicted from one source to a target. */
export type Predictor = (to: MatrixTarget, take: TakeAnswer) => void;

interface Row {
  readonly answers: PolicyAnswers;
  readonly from: MatrixSource;
  readonly memory: RowMemory;
  /** The number of the row, for each of the source's classes. */
  readonly rows: readonly number[];
  /** Whether the Service's address may count: egress policies may name it. */
  readonly isIsolated: boolean;
}

/** For one source and many targets. No answer where the target has no port. */
export function predictor(answers: PolicyAnswers, from: MatrixSource, memory: RowMemory): Predictor {
  const isIsolated = from.kin.some(({ end }) => end.kind === 'pod' && answers.isolating(end.pod, 'egress').length > 0);
  const row: Row = { answers, from, memory, rows: from.kin.map(() => memory.nextRow()), isIsolated };
  return (to, take) => {
    // What a pod sends to itself is no pair.
    if (from.ref === to.ref && from.pods === 1) return;
    const [only, ...more] = to.ports;
    if (only === undefined) return;
    if (more.length === 0) return take(answerAt(row, only), to.ports);
    const answered = to.ports.map((port) => ({ port, answer: answerAt(row, port) }));
    const alike = Map.groupBy(
      answered,
      ({ port: { protocol }, answer: { allowed, decidedBy } }) => `${protocol} ${allowed} ${decidedBy.join()}`,
    );
    for (const same of alike.values()) {
      const ports = same.map(({ port }) => port);
      for (const { answer } of same.slice(0, 1)) take(answer, ports);
    }
  };
}

/** With internalTrafficPolicy Local there is an answer only where the source's own node has an endpoint. */
function answerAt(row: Row, asked: MatrixPort): Answer {
  const { nodes } = row.from;
  const { onlyOn } = asked;
  if (onlyOn === null || asked.answering.length === 0 || nodes.size === 0) return answerAnywhere(row, asked);
  const served = [...nodes].filter((node) => onlyOn.has(node)).length;
  if (served === 0) return { allowed: false, decidedBy: [noEndpointsHere] };
  const answer = answerAnywhere(row, asked);
  if (served === nodes.size || answer.allowed === false) return answer;
  return { allowed: null, decidedBy: [...answer.decidedBy, noEndpointsHere].sort() };
}

/** Null where not all pods of both ends have the same answer. */
function answerAnywhere(row: Row, asked: MatrixPort): Answer {
  const { answering } = asked;
  const [target, ...others] = answering;
  if (target === undefined) return nobody;
  const [source, ...moreSources] = row.from.kin;
  if (source !== undefined && others.length + moreSources.length === 0)
    return answerOf(row, asked, { source, number: row.rows[0] ?? 0, target });
  const all = row.from.kin.flatMap((one, at) =>
    answering.map((other) => answerOf(row, asked, { source: one, number: row.rows[at] ?? 0, target: other })),
  );
  const allowed = new Set(all.map((one) => one.allowed));
  const [only = null] = allowed;
  const decidedBy = [...new Set(all.flatMap((one) => one.decidedBy))].sort();
  return { allowed: allowed.size === 1 ? only : null, decidedBy };
}

/** Words of `decidedBy` where no policy decides. */
export const noEndpoints = 'no endpoints';
export const noEndpointsHere = 'no endpoints on its node';
const nobody: Answer = { allowed: false, decidedBy: [noEndpoints] };
const noFamily: Answer = { allowed: false, decidedBy: ['no address of one family'] };

interface Asked {
  readonly source: Kin;
  /** Of its row. */
  readonly number: number;
  readonly target: MatrixPort['answering'][number];
}

function answerOf(
  { answers, memory, isIsolated }: Row,
  { protocol, port: sentTo, through }: MatrixPort,
  { source, number, target }: Asked,
): Answer {
  const family = commonFamily(source, target.kin);
  if (family === null) return noFamily;
  const { from, to, isKnownOfOthers } = endsToAsk(source, target.kin);
  const address = isIsolated ? through[family] : undefined;
  const slot = address === undefined && isKnownOfOthers ? target.slot : null;
  const before = slot === null ? null : memory.get(number, slot);
  if (before !== null) return before;
  const verdict = answers.flow({
    ...{ from, to, family, protocol, port: target.port },
    ...(address === undefined ? {} : { through: { address, port: sentTo } }),
  });
  const answer = memory.toldOnce(verdict, decisionOf(verdict));
  if (slot !== null) memory.set(number, slot, answer);
  return answer;
}

/**
 * Pods that stand for the others. Of a pod and itself, and of a pod and its own node, no policy ever says no, so that
 * the answer would be none for the others.
 */
function endsToAsk(
  source: Kin,
  target: Kin,
): Pick<Flow, 'from' | 'to'> & { /** Not of these two alone. */ readonly isKnownOfOthers: boolean } {
  const from = source.end;
  if (!isOneOrOwnNode(from, target.end)) return { from, to: target.end, isKnownOfOthers: true };
  const { another } = target;
  if (another !== null && !isOneOrOwnNode(from, another)) return { from, to: another, isKnownOfOthers: true };
  if (source.another !== null && !isOneOrOwnNode(source.another, target.end))
    return { from: source.another, to: target.end, isKnownOfOthers: true };
  // All are on one node: another pod at least, where there is one.
  const to = isOne(from, target.end) ? (another ?? target.end) : target.end;
  return { from, to, isKnownOfOthers: false };
}

function isOne(from: FlowEnd, to: FlowEnd): boolean {
  return (
    from.kind === 'pod' && to.kind === 'pod' && from.pod.name === to.pod.name && from.pod.namespace === to.pod.namespace
  );
}

function isOneOrOwnNode(from: FlowEnd, to: FlowEnd): boolean {
  if (from.kind !== 'pod' || to.kind !== 'pod') return false;
  const isOnHost = from.pod.hostNetwork || to.pod.hostNetwork;
  return isOne(from, to) || (isOnHost && from.pod.nodeName === to.pod.nodeName);
}

/** A pod without an address yet will have those of the others. */
function commonFamily(source: Kin, target: Kin): Family | null {
  if (source.families.length === 0) return target.families[0] ?? 'ipv4';
  if (target.families.length === 0) return source.families[0] ?? 'ipv4';
  return source.families.find((family) => target.families.includes(family)) ?? null;
}

/** `shop/allow-web ingress rule 0`; `shop/default-deny ingress` of what lets nobody; `no policy`. */
export function decisionOf({ allowed, egress, ingress }: PolicyVerdict): readonly string[] {
  const words = [
    ...(allowed !== false || egress.state === 'denied' ? sideWords(egress) : []),
    ...(allowed !== false || ingress.state === 'denied' ? sideWords(ingress) : []),
  ];
  return words.length === 0 ? noPolicy : words.sort();
}

const noPolicy: readonly string[] = ['no policy'];

function sideWords({ state, by, isolating, direction, because }: SideVerdict): readonly string[] {
  switch (state) {
    case 'allowed':
      return by === null ? [because] : [ruleText(by)];
    case 'denied':
      return isolating.map((policy) => `${policy} ${direction}`);
    case 'unknown':
      return [because];
    case 'not-isolated':
    case 'not-judged':
      return [];
  }
}

function ruleText({ namespace, policy, direction, rule }: DecidingRule): string {
  return `${namespace}/${policy} ${direction} rule ${rule}`;
}
