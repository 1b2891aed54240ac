/**
 * What one source was found to reach so far. A Service's pods are a workload's too, most of the time, so that half of the
 * questions come up twice. One memory serves all rows: maps that are made and thrown away for each would be most of what a
 * large matrix costs.
 */
import type { PolicyVerdict } from '../../model/policy.ts';
import type { Kin } from './ends.ts';

export interface Answer {
  readonly allowed: boolean | null;
  readonly decidedBy: readonly string[];
}

/** Numbers for targets that have the same answer, from 0 on. */
export class Slots {
  readonly #numbers = new Map<string, number>();

  /** Null of what is no pod: it is asked about each time. */
  of({ id, families }: Kin, protocol: string, port: number): number | null {
    if (id === null) return null;
    const key = `${id} ${families.join()} ${protocol} ${port}`;
    const known = this.#numbers.get(key) ?? this.#numbers.size;
    this.#numbers.set(key, known);
    return known;
  }
}

export class RowMemory {
  /** In which row the answer of a slot was found. */
  readonly #rows: number[] = [];
  readonly #answers: Answer[] = [];
  /** By their text: equal answers are one. */
  readonly #told = new Map<string, Answer>();
  #row = 0;

  /** Forgets the answers of the row before. @returns the new row's number. */
  nextRow(): number {
    return ++this.#row;
  }

  get(row: number, slot: number): Answer | null {
    return this.#rows[slot] === row ? (this.#answers[slot] ?? null) : null;
  }

  set(row: number, slot: number, answer: Answer): void {
    this.#rows[slot] = row;
    this.#answers[slot] = answer;
  }

  /** The verdict in short. */
  toldOnce({ allowed }: PolicyVerdict, decidedBy: readonly string[]): Answer {
    const text = `${allowed} ${decidedBy.join()}`;
    const same = this.#told.get(text);
    if (same !== undefined) return same;
    const answer = { allowed, decidedBy };
    this.#told.set(text, answer);
    return answer;
  }
}
