/** Lists of which a report shows the beginning. */
import type { Excerpt } from '../../proto/parts.ts';

/** As many as a report shows of one kind. */
const excerptLength = 40;

/** Counts everything, keeps the first few. */
export class Collected<T> {
  private total = 0;
  private readonly first: T[] = [];

  add(make: () => T): void {
    this.total++;
    if (this.first.length < excerptLength) this.first.push(make());
  }

  excerpt(): Excerpt<T> {
    return { total: this.total, first: this.first };
  }
}
