/**
 * Who reaches whom, row by row: from each workload to every workload and Service. A row is made when it is asked for, so
 * that whoever computes a large matrix can let others have their turn between rows.
 */
import type { ClusterObjects } from '../../model/cluster.ts';
import type { Matrix, MatrixPair, MatrixQuestion } from '../../model/matrix.ts';
import type { PolicyAnswers } from '../../model/policy.ts';
import { type MatrixSource, type MatrixTarget, serviceTargets, workloadsOf, workloadTarget } from './ends.ts';
import { predict } from './predict.ts';

export interface MatrixRow {
  readonly from: string;
  readonly pairs: readonly MatrixPair[];
}

/** The ends of one moment. */
export interface MatrixEnds {
  readonly sources: readonly MatrixSource[];
  readonly targets: readonly MatrixTarget[];
}

/** Those that the question speaks of. */
export function matrixEnds(objects: ClusterObjects, answers: PolicyAnswers, question: MatrixQuestion): MatrixEnds {
  const workloads = workloadsOf(objects, answers);
  const targets = [
    ...workloads.map(workloadTarget).filter(({ ports }) => ports.length > 0),
    ...serviceTargets(objects, answers),
  ];
  const { namespace, from, to } = question;
  const isHere = (end: { readonly namespace: string }) => namespace === null || end.namespace === namespace;
  return {
    sources: workloads.filter((one) => (from === null || one.ref === from) && (isHere(one) || targets.some(isHere))),
    targets: targets.filter((one) => to === null || one.ref === to),
  };
}

/** One row for each source, in their order. Agents do not enter pods, so that nothing of them is observed. */
export function* matrixRows(
  answers: PolicyAnswers,
  { sources, targets }: MatrixEnds,
  question: MatrixQuestion,
): Generator<MatrixRow> {
  const { namespace } = question;
  for (const source of sources) {
    const isHere = namespace === null || source.namespace === namespace;
    const reached = isHere ? targets : targets.filter((target) => target.namespace === namespace);
    const pairs = reached.flatMap((target) =>
      predict(answers, source, target).map((pair) => ({ ...pair, observed: null })),
    );
    yield { from: source.ref, pairs: pairs.filter((pair) => isShown(pair, question)) };
  }
}

function isShown({ allowed, observed }: MatrixPair, { show }: MatrixQuestion): boolean {
  if (show === 'all') return true;
  return observed?.differs === true || (show === 'denied' && allowed === false);
}

/** So many pairs are kept. */
export const mostPairs = 100_000;

/**
 * All rows at once, for a bundle. Those that differ come first, then those denied, then by name.
 * @param observed the pairs that probes of nodes saw.
 */
export function wholeMatrix(
  objects: ClusterObjects,
  question: MatrixQuestion,
  observed: readonly MatrixPair[] = [],
): Matrix {
  const answers = objects.policy;
  if (answers === null) return unknownMatrix(objects);
  const ends = matrixEnds(objects, answers, question);
  const pairs: MatrixPair[] = observed.filter((pair) => isAsked(pair, question));
  let total = pairs.length;
  for (const row of matrixRows(answers, ends, question)) {
    total += row.pairs.length;
    pairs.push(...row.pairs.slice(0, Math.max(0, mostPairs - pairs.length)));
  }
  return { ...described(objects, ends.sources), pairs: pairs.sort(worstFirst), total };
}

/** Whether a pair that probes of a node made is among those asked for. */
export function isAsked(pair: MatrixPair, question: MatrixQuestion): boolean {
  const { namespace, from, to } = question;
  const isHere = namespace === null || pair.to.split('/')[1] === namespace || pair.from.split('/')[1] === namespace;
  return isHere && (from === null || pair.from === from) && (to === null || pair.to === to) && isShown(pair, question);
}

/** What is said beside the pairs. */
export function described(
  objects: ClusterObjects,
  sources: readonly MatrixSource[],
): Pick<Matrix, 'workloads' | 'notJudged' | 'unknownBecause'> {
  const foreign = [...objects.foreignPolicies()].map(({ kind, namespace, name }) =>
    namespace === null ? `${kind} ${name}` : `${kind} ${namespace}/${name}`,
  );
  return {
    workloads: sources.map(({ ref, namespace, pods }) => ({ ref, namespace, pods })),
    notJudged: foreign.sort().slice(0, 100),
    unknownBecause: [],
  };
}

/** Nothing is predicted where policies, pods or Namespaces are not known. */
export function unknownMatrix(objects: ClusterObjects): Matrix {
  const lacking = [
    ...(objects.knowsPods ? [] : ['nothing is known of pods']),
    ...(objects.knowsPolicies ? [] : ['nothing is known of NetworkPolicies']),
    ...(objects.knowsNamespaces ? [] : ['nothing is known of Namespaces']),
  ];
  return { ...described(objects, []), pairs: [], total: 0, unknownBecause: lacking };
}

/** Those that differ first, then those denied, then by name. */
export function worstFirst(one: MatrixPair, other: MatrixPair): number {
  const [a, b] = [rank(one), rank(other)];
  return (
    a - b || compare(one.from, other.from) || compare(one.to, other.to) || (one.ports[0] ?? 0) - (other.ports[0] ?? 0)
  );
}

function rank({ allowed, observed }: MatrixPair): number {
  if (observed?.differs === true) return 0;
  return allowed === false ? 1 : allowed === null ? 2 : 3;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
