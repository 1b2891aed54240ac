import { describe, expect, it } from 'vitest';
import { gridLayout, pairAt, pairBeside, pairWords } from './matrix-cells.ts';

describe('the grid of pairs', () => {
  it('has names beside large squares where there is room', () => {
    expect(gridLayout(3, 4, 700)).toEqual({ step: 26, names: 200, head: 120, width: 424, height: 198 });
  });

  it('has shorter names on a phone', () => {
    expect(gridLayout(3, 3, 340)).toEqual({ step: 26, names: 136, head: 102, width: 316, height: 180 });
  });

  it('has smaller squares and no names where there is none', () => {
    expect(gridLayout(60, 60, 700)).toEqual({ step: 11, names: 0, head: 0, width: 660, height: 660 });
  });

  it('is never finer than two pixels, and is then wider than its place', () => {
    expect(gridLayout(500, 500, 320)).toEqual({ step: 2, names: 0, head: 0, width: 1000, height: 1000 });
  });

  it('tells the square at a point; the name of a row is its first, and beside and above them there is none', () => {
    const size = { rows: 3, columns: 4 };
    const at = (x: number, y: number) => pairAt(gridLayout(3, 4, 700), size, { x, y });
    expect([at(200, 120), at(303, 197), at(10, 150), at(304, 120), at(200, 198), at(200, 119)]).toEqual([
      { row: 0, column: 0 },
      { row: 2, column: 3 },
      { row: 1, column: 0 },
      null,
      null,
      null,
    ]);
  });

  it('is gone through with the arrow keys as far as its edges', () => {
    const size = { rows: 2, columns: 2 };
    const from = (row: number, column: number, key: string) => pairBeside({ row, column }, key, size);
    expect([
      from(0, 0, 'ArrowRight'),
      from(0, 1, 'ArrowRight'),
      from(0, 0, 'ArrowDown'),
      from(1, 0, 'ArrowDown'),
    ]).toEqual([
      { row: 0, column: 1 },
      { row: 0, column: 1 },
      { row: 1, column: 0 },
      { row: 1, column: 0 },
    ]);
    expect([from(0, 0, 'ArrowLeft'), from(0, 0, 'ArrowUp'), from(0, 0, 'j')]).toEqual([
      { row: 0, column: 0 },
      { row: 0, column: 0 },
      null,
    ]);
  });

  it('has words for each letter, and takes no other for allowed', () => {
    expect([...'!x~?.-'].map(pairWords)).toEqual([
      'a probe differs from what is predicted',
      'not allowed',
      'not the same for all ports or pods',
      'not known',
      'allowed',
      'nothing to reach there',
    ]);
    expect(['Z', ''].map(pairWords)).toEqual(['not known', 'not known']);
  });
});
