/**
 * Works out who reaches whom while the engine goes on: a row at a time, with a turn for everybody else after some
 * milliseconds. Answers are kept for a while, since a page asks again and again and others ask the same.
 */
import { drawnEnds, gridRow } from '../audit/matrix/grid.ts';
import {
  described,
  isAsked,
  matrixEnds,
  matrixRows,
  mostPairs,
  unknownMatrix,
  worstFirst,
} from '../audit/matrix/matrix.ts';
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
const mostKept = 16;
/** After so long everybody else has a turn. */
const sliceMs = 15;

export class MatrixDesk {
  readonly #options: MatrixDeskOptions;
  readonly #kept = new Map<string, { readonly at: number; readonly answer: Promise<unknown> }>();
  /** One at a time: each may hold a hundred thousand pairs. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: MatrixDeskOptions) {
    this.#options = options;
  }

  matrix(question: MatrixQuestion): Promise<Matrix> {
    return this.#answer(JSON.stringify(['pairs', question]), () => this.#pairs(question));
  }

  grid(namespace: string | null): Promise<MatrixGrid> {
    return this.#answer(JSON.stringify(['grid', namespace]), () => this.#grid(namespace));
  }

  #answer<T>(key: string, make: () => Promise<T>): Promise<T> {
    const now = this.#options.now();
    for (const [other, { at }] of this.#kept) if (now - at > keptMs) this.#kept.delete(other);
    const known = this.#kept.get(key);
    if (known !== undefined) return known.answer as Promise<T>;
    const answer = this.#last.then(make, make);
    this.#last = answer;
    if (this.#kept.size >= mostKept) this.#kept.clear();
    this.#kept.set(key, { at: now, answer });
    return answer;
  }

  async #pairs(question: MatrixQuestion): Promise<Matrix> {
    const { objects, observed } = this.#options;
    const answers = objects.policy;
    if (answers === null) return unknownMatrix(objects);
    const ends = matrixEnds(objects, answers, question);
    const pairs = observed().filter((pair) => isAsked(pair, question));
    let total = pairs.length;
    await this.#inTurns(matrixRows(answers, ends, question), (row) => {
      total += row.pairs.length;
      pairs.push(...row.pairs.slice(0, Math.max(0, mostPairs - pairs.length)));
    });
    return { ...described(objects, ends.sources), pairs: pairs.sort(worstFirst), total };
  }

  async #grid(namespace: string | null): Promise<MatrixGrid> {
    const { objects } = this.#options;
    const answers = objects.policy;
    const { notJudged, unknownBecause } = answers === null ? unknownMatrix(objects) : described(objects, []);
    if (answers === null) return { rows: [], columns: [], cells: [], hidden: 0, notJudged, unknownBecause };
    const question: MatrixQuestion = { namespace, from: null, to: null, show: 'all' };
    const ends = drawnEnds(matrixEnds(objects, answers, question));
    const cells: string[] = [];
    await this.#inTurns(matrixRows(answers, ends, question), (row) => {
      cells.push(gridRow(row, ends));
    });
    const [rows, columns] = [ends.sources.map(({ ref }) => ref), ends.targets.map(({ ref }) => ref)];
    return { rows, columns, cells, hidden: ends.hidden, notJudged, unknownBecause };
  }

  async #inTurns<T>(rows: Iterable<T>, take: (row: T) => void): Promise<void> {
    const { now, later } = this.#options;
    let since = now();
    for (const row of rows) {
      take(row);
      if (now() - since < sliceMs) continue;
      await new Promise<void>((resolve) => later(0, resolve));
      since = now();
    }
  }
}
