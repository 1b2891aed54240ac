/** A finished dump. */

import type { Ruleset, Shape, Table } from './ruleset.ts';
import type { ShapeBook } from './shape-book.ts';
import { bytesToText, type SharedWords, type TableStore } from './table.ts';
import { unquote } from './text.ts';
import type { Words } from './words.ts';

export class RulesetStore implements Ruleset {
  readonly tables: ReadonlyMap<string, Table>;
  readonly incompatible: readonly string[];
  readonly shapeCount: number;
  readonly wordCount: number;
  readonly #stores: readonly TableStore[];
  readonly #words: Words;
  readonly #shapes: ShapeBook;

  constructor(tables: ReadonlyMap<string, TableStore>, incompatible: readonly string[], shared: SharedWords) {
    this.tables = tables;
    this.#stores = [...tables.values()];
    this.incompatible = incompatible;
    this.shapeCount = shared.shapes.count;
    this.wordCount = shared.words.count;
    this.#words = shared.words;
    this.#shapes = shared.shapes;
  }

  shape(id: number): Shape {
    return this.#shapes.shape(id);
  }

  word(id: number): string {
    return bytesToText(this.#words, id);
  }

  wordIs(id: number, text: string, length: number, suffix: string): boolean {
    return this.#words.isText(id, text, length, suffix);
  }

  wordBytes(id: number): Uint8Array {
    return this.#words.bytesOf(id);
  }

  release(): void {
    this.#words.release();
    for (const table of this.#stores) table.release();
  }

  wordText(id: number): string {
    return unquote(this.word(id));
  }
}
