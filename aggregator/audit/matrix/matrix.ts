/**
 * Who reaches whom, row by row: from each workload to every workload and Service. A row is made when it is asked for, so
 * that whoever computes a large matrix can let others have their turn between rows.
 */
import type { ClusterObjects } from '../../model/cluster.ts';
import type { Matrix, MatrixPair, MatrixQuestion } from '../../model/matrix.ts';
import type { PolicyAnswers } from '../../model/policy.ts';
import {
  type MatrixPort,
  type MatrixSource,
  type MatrixTarget,
  serviceTargets,
  workloadsOf,
  workloadTarget,
} from './ends.ts';
import { KeptPairs, rankOfAllowed } from './kept-pairs.ts';
import { predictor } from './predict.ts';
import { RowMemory, Slots } from './row-memory.ts';

export interface MatrixRow {
  readonly from: string;
  readonly pairs: readonly MatrixPair[];
  /** How many more there are, which nobody wanted. */
  readonly left: number;
}

/** The ends of one moment. */
export interface MatrixEnds {
  readonly sources: readonly MatrixSource[];
  readonly targets: readonly MatrixTarget[];
}

/** Those that the question speaks of. Yields now and then, so that others can have their turn. */
export function* matrixEnds(
  objects: ClusterObjects,
  answers: PolicyAnswers,
  question: MatrixQuestion,
): Generator<null, MatrixEnds> {
  const slots = new Slots();
  const workloads = yield* workloadsOf(objects, answers);
  const services = yield* serviceTargets(objects, answers, slots);
  const targets = [
    ...workloads.map((one) => workloadTarget(one, slots)).filter(({ ports }) => ports.length > 0),
    ...services,
  ];
  const { namespace, from, to } = question;
  const isHere = (end: { readonly namespace: string }) => namespace === null || end.namespace === namespace;
  const hasTarget = targets.some(isHere);
  return {
    sources: workloads.filter((one) => (from === null || one.ref === from) && (isHere(one) || hasTarget)),
    targets: targets
      .filter((one) => to === null || one.ref === to)
      .sort((one, other) => (one.ref < other.ref ? -1 : one.ref > other.ref ? 1 : 0)),
  };
}

/** So many targets are looked at in one step. */
const mostAtOnce = 1_000;
/** So many pairs are worked out for one question: 20 s of a processor. */
const mostWorkedOut = 10_000_000;

/** Whether pairs of a rank, as `rankOf` says it, are still wanted. */
export type IsWanted = (rank: 1 | 2 | 3) => boolean;

/**
 * The rows of all sources, in their order; one with more than 1,000 targets comes in several parts. Of what pods send
 * nothing is observed, since agents do not enter pods.
 */
export function* matrixRows(
  answers: PolicyAnswers,
  ends: MatrixEnds,
  { question, isWanted }: { readonly question: MatrixQuestion; readonly isWanted: IsWanted },
): Generator<MatrixRow> {
  const { namespace, show } = question;
  const { sources, targets } = ends;
  const there = namespace === null ? targets : targets.filter((target) => target.namespace === namespace);
  const memory = new RowMemory();
  for (const source of sources.slice(0, workedOut(ends))) {
    const reached = namespace === null || source.namespace === namespace ? targets : there;
    const predict = predictor(answers, source, memory);
    for (let first = 0; first === 0 || first < reached.length; first += mostAtOnce) {
      const pairs: MatrixPair[] = [];
      let left = 0;
      for (const target of reached.slice(first, first + mostAtOnce)) {
        predict(target, ({ allowed, decidedBy }, ports) => {
          if (show === 'differing' || (show === 'denied' && allowed !== false)) return;
          // In a large cluster most are not: what is not made need not be thrown away.
          if (isWanted(rankOfAllowed(allowed))) pairs.push(pairOf([source, target, ports], allowed, decidedBy));
          else left++;
        });
      }
      yield { from: source.ref, pairs, left };
    }
  }
}

function pairOf(
  [from, to, ports]: readonly [MatrixSource, MatrixTarget, readonly MatrixPort[]],
  allowed: boolean | null,
  decidedBy: readonly string[],
): MatrixPair {
  const protocol = ports[0]?.protocol ?? 'tcp';
  const numbers = ports.map(({ port }) => port);
  return { from: from.ref, to: to.ref, protocol, ports: numbers, allowed, decidedBy, observed: null };
}

/** How many sources are looked at, of those that there are. */
function workedOut({ sources, targets }: MatrixEnds): number {
  return Math.min(sources.length, Math.max(1, Math.floor(mostWorkedOut / Math.max(1, targets.length))));
}

function isShown({ allowed, observed }: MatrixPair, { show }: MatrixQuestion): boolean {
  if (show === 'all') return true;
  return observed?.differs === true || (show === 'denied' && allowed === false);
}

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
  const ends = atOnce(matrixEnds(objects, answers, question));
  const kept = new KeptPairs(observed.filter((pair) => isAsked(pair, question)));
  for (const row of matrixRows(answers, ends, { question, isWanted: kept.isWanted })) kept.addRow(row);
  return { ...described(objects, ends), pairs: kept.sorted(), total: kept.total };
}

/** What a generator comes to, without a turn for others. */
function atOnce<T>(steps: Generator<null, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Whether a pair that probes of a node made is among those asked for. */
export function isAsked(pair: MatrixPair, question: MatrixQuestion): boolean {
  const { namespace, from, to } = question;
  // What was observed begins at a node, which is in no namespace.
  const isHere = namespace === null || pair.to.split('/')[1] === namespace;
  return isHere && (from === null || pair.from === from) && (to === null || pair.to === to) && isShown(pair, question);
}

/** What is said beside the pairs. */
export function described(
  objects: ClusterObjects,
  ends: MatrixEnds,
): Pick<Matrix, 'workloads' | 'notJudged' | 'unknownBecause'> {
  const foreign = [...objects.foreignPolicies()].map(({ kind, namespace, name }) =>
    namespace === null ? `${kind} ${name}` : `${kind} ${namespace}/${name}`,
  );
  return {
    workloads: ends.sources.map(({ ref, namespace, pods }) => ({ ref, namespace, pods })),
    notJudged: foreign.sort().slice(0, 100),
    unknownBecause: tooLarge(ends),
  };
}

function tooLarge(ends: MatrixEnds): readonly string[] {
  const [looked, all] = [workedOut(ends), ends.sources.length];
  if (looked === all) return [];
  return [`${all - looked} of ${all} workloads are left out: all pairs are too many, name a namespace or an end`];
}

/** Nothing is predicted where policies, pods or Namespaces are not known. */
export function unknownMatrix(objects: ClusterObjects): Matrix {
  const lacking = [
    ...(objects.knowsPods ? [] : ['nothing is known of pods']),
    ...(objects.knowsPolicies ? [] : ['nothing is known of NetworkPolicies']),
    ...(objects.knowsNamespaces ? [] : ['nothing is known of Namespaces']),
  ];
  return { ...described(objects, { sources: [], targets: [] }), pairs: [], total: 0, unknownBecause: lacking };
}
