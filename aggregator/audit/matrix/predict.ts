/**
 * What policies and endpoints predict for a pair of ends. Pods that are alike are asked about once, so that a pair costs
 * what its classes cost, however many pods it has.
 */
import type { Family } from '../../../proto/address.ts';
import type { MatrixPair } from '../../model/matrix.ts';
import type { DecidingRule, Flow, FlowEnd, PolicyAnswers, PolicyVerdict, SideVerdict } from '../../model/policy.ts';
import type { Kin, MatrixPort, MatrixSource, MatrixTarget } from './ends.ts';

/** One pair without what probes saw. */
export type Predicted = Omit<MatrixPair, 'observed'>;

/** One for each answer: ports with the same one stand together. None where the target has no port. */
export function predict(answers: PolicyAnswers, from: MatrixSource, to: MatrixTarget): readonly Predicted[] {
  // What a pod sends to itself is no pair.
  const told = to.ports
    .filter(({ answering }) => from.ref !== to.ref || from.pods > 1 || answering.some(({ kin }) => kin.pods > 1))
    .map((port) => ({ port, answer: answerAt(answers, from.kin, port) }));
  const alike = Map.groupBy(
    told,
    ({ port: { protocol }, answer: { allowed, decidedBy } }) => `${protocol} ${allowed} ${decidedBy.join()}`,
  );
  return [...alike.values()].flatMap((of) => {
    const [first] = of;
    if (first === undefined) return [];
    const ports = of.map(({ port }) => port.port);
    return [{ from: from.ref, to: to.ref, protocol: first.port.protocol, ports, ...first.answer }];
  });
}

interface Answer {
  readonly allowed: boolean | null;
  readonly decidedBy: readonly string[];
}

/** Null where not all pods of both ends have the same answer. */
function answerAt(answers: PolicyAnswers, from: readonly Kin[], asked: MatrixPort): Answer {
  const { protocol, answering, port: sentTo, through } = asked;
  if (answering.length === 0) return { allowed: false, decidedBy: ['no endpoints'] };
  const allowed = new Set<boolean | null>();
  const decidedBy = new Set<string>();
  for (const source of from) {
    for (const { kin: target, port } of answering) {
      const family = commonFamily(source, target);
      if (family === null) {
        allowed.add(false);
        decidedBy.add('no address of one family');
        continue;
      }
      const address = through[family];
      const verdict = answers.flow({
        ...endsToAsk(source, target),
        ...{ family, protocol, port },
        ...(address === undefined ? {} : { through: { address, port: sentTo } }),
      });
      allowed.add(verdict.allowed);
      for (const word of decisionOf(verdict)) decidedBy.add(word);
    }
  }
  const [only = null] = allowed;
  return { allowed: allowed.size === 1 ? only : null, decidedBy: [...decidedBy].sort() };
}

/**
 * Pods that stand for the others. Of a pod and itself, and of a pod and its own node, no policy ever says no, so that
 * the answer would be none for the others.
 */
function endsToAsk(source: Kin, target: Kin): Pick<Flow, 'from' | 'to'> {
  const from = source.end;
  const others = [target.end, target.another].filter((end) => end !== null);
  const to = others.find((end) => !isOneOrOwnNode(from, end));
  if (to !== undefined) return { from, to };
  const { another } = source;
  if (another !== null && !isOneOrOwnNode(another, target.end)) return { from: another, to: target.end };
  // All are on one node: another pod at least, where there is one.
  return { from, to: others.find((end) => !isOne(from, end)) ?? target.end };
}

function isOne(from: FlowEnd, to: FlowEnd): boolean {
  return from.kind === 'pod' && to.kind === 'pod' && from.pod === to.pod;
}

function isOneOrOwnNode(from: FlowEnd, to: FlowEnd): boolean {
  if (from.kind !== 'pod' || to.kind !== 'pod') return false;
  const isOnHost = from.pod.hostNetwork || to.pod.hostNetwork;
  return from.pod === to.pod || (isOnHost && from.pod.nodeName === to.pod.nodeName);
}

/** A pod without an address yet will have those of the others. */
function commonFamily(source: Kin, target: Kin): Family | null {
  if (source.families.length === 0) return target.families[0] ?? 'ipv4';
  if (target.families.length === 0) return source.families[0] ?? 'ipv4';
  return source.families.find((family) => target.families.includes(family)) ?? null;
}

/** `shop/allow-web ingress rule 0`; `shop/default-deny ingress` of what lets nobody; `no policy`. */
export function decisionOf({ allowed, egress, ingress }: PolicyVerdict): readonly string[] {
  const sides = [egress, ingress].filter(({ state }) => allowed !== false || state === 'denied');
  const words = sides.flatMap(sideWords);
  return words.length === 0 ? ['no policy'] : words;
}

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
