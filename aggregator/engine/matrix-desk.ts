/**
 * Works out who reaches whom while the engine goes on: a row at a time, with a turn for everybody else after some
 * milliseconds. Answers are kept for a while, since a page asks again and again and others ask the same.
 */
import { drawnEnds, gridRow, probingRows } from '../audit/matrix/grid.ts';
import { KeptPairs } from '../audit/matrix/kept-pairs.ts';
import { described, isAsked, matrixEnds, matrixRows, unknownMatrix } from '../audit/matrix/matrix.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { Matrix, MatrixGrid, MatrixPair, MatrixQuestion } from '../model/matrix.ts';

export interface MatrixDeskOptions {
  readonly objects: ClusterObjects;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly later: (ms: number, run: () => void) => void;
  /** What probes of nodes have seen by now. */
  readonly observed: () => readonly MatrixPair[];
}

const keptMs = 10_000;
/** Who asks again and again takes no more than a tenth of a processor. */
const keptPerMs = 10;
const mostKept = 16;
/** So many questions wait at most: the largest takes seconds, and nobody waits for the last of many. */
const mostWaiting = 8;
/** After so long everybody else has a turn. */
const sliceMs = 15;

interface Kept {
  /** Null until it is there: it is waited for. */
  until: number | null;
  readonly answer: Promise<unknown>;
}

export class MatrixDesk {
  readonly #options: MatrixDeskOptions;
  readonly #kept = new Map<string, Kept>();
  /** One at a time: each may hold a hundred thousand pairs. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: MatrixDeskOptions) {
    this.#options = options;
  }

  /** `busy` where too many other questions wait. */
  matrix(question: MatrixQuestion): Promise<Matrix | 'busy'> {
    return this.#answer(JSON.stringify(['pairs', question]), () => this.#pairs(question));
  }

  /** The same. */
  grid(namespace: string | null): Promise<MatrixGrid | 'busy'> {
    return this.#answer(JSON.stringify(['grid', namespace]), () => this.#grid(namespace));
  }

  #answer<T>(key: string, make: () => Promise<T>): Promise<T | 'busy'> {
    const { now } = this.#options;
    for (const [other, { until }] of this.#kept) if (until !== null && now() > until) this.#kept.delete(other);
    const known = this.#kept.get(key);
    if (known !== undefined) return known.answer as Promise<T>;
    if (this.#waiting >= mostWaiting) return Promise.resolve('busy');
    this.#waiting++;
    const timed = async () => {
      const started = now();
      try {
        return await make();
      } finally {
        this.#waiting--;
        kept.until = now() + keptMs + keptPerMs * (now() - started);
      }
    };
    const answer = this.#last.then(timed, timed);
    const kept: Kept = { until: null, answer };
    this.#last = answer;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= mostKept && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, kept);
    return answer;
  }

  async #pairs(question: MatrixQuestion): Promise<Matrix> {
    const { objects, observed } = this.#options;
    const answers = objects.policy;
    if (answers === null) return unknownMatrix(objects);
    const ends = await this.#inTurns(matrixEnds(objects, answers, question), () => undefined);
    const kept = new KeptPairs(observed().filter((pair) => isAsked(pair, question)));
    await this.#inTurns(matrixRows(answers, ends, { question, isWanted: kept.isWanted }), (row) => kept.addRow(row));
    return { ...described(objects, ends), pairs: kept.sorted(), total: kept.total };
  }

  async #grid(namespace: string | null): Promise<MatrixGrid> {
    const { objects, observed } = this.#options;
    const answers = objects.policy;
    const { notJudged, unknownBecause } =
      answers === null ? unknownMatrix(objects) : described(objects, { sources: [], targets: [] });
    if (answers === null) return { rows: [], columns: [], cells: [], hidden: 0, notJudged, unknownBecause };
    const question: MatrixQuestion = { namespace, from: null, to: null, show: 'all' };
    const ends = drawnEnds(await this.#inTurns(matrixEnds(objects, answers, question), () => undefined));
    const cells: string[] = [];
    await this.#inTurns(matrixRows(answers, ends, { question, isWanted: () => true }), (row) => {
      cells.push(gridRow(row, ends));
    });
    const probing = probingRows(observed().filter((pair) => isAsked(pair, question)));
    return {
      rows: [...probing.map(({ from }) => from), ...ends.sources.map(({ ref }) => ref)],
      columns: ends.targets.map(({ ref }) => ref),
      cells: [...probing.map((row) => gridRow(row, ends)), ...cells],
      ...{ hidden: ends.hidden, notJudged, unknownBecause },
    };
  }

  async #inTurns<T, R>(steps: Generator<T, R>, take: (step: T) => void): Promise<R> {
    const { now, later } = this.#options;
    let since = now();
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
      take(value);
      if (now() - since < sliceMs) continue;
      await new Promise<void>((resolve) => later(0, resolve));
      since = now();
    }
  }
}
