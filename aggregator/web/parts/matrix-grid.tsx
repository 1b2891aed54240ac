/** Pairs on a canvas: a cell is a drawing, not an element, so a quarter of a million cost what five cost. */
import { useRef, useState } from 'preact/hooks';
import type { MatrixGridJson } from '../../http/schemas/matrix.ts';
import { gridLayout, type PairCell, pairAt, pairBeside, pairWords } from '../matrix-cells.ts';
import { go } from '../route.ts';
import { tracePath } from '../trace-question.ts';
import { drawMatrix } from './matrix-drawing.ts';
import { useDrawing, useWidth } from './use-drawing.ts';

export function MatrixGrid({ grid }: { readonly grid: MatrixGridJson }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(canvas);
  const [cursor, setCursor] = useState<PairCell | null>(null);
  const size = { rows: grid.rows.length, columns: grid.columns.length };
  const layout = gridLayout(size.rows, size.columns, width);
  const draw = (on: HTMLCanvasElement) => {
    if (width > 0) drawMatrix(on, grid, layout, cursor);
  };
  useDrawing(canvas, draw, [grid, width, cursor]);
  const pointed = (event: MouseEvent) => pairAt(layout, size, { x: event.offsetX, y: event.offsetY });
  return (
    <div class="grid">
      <div class="squares">
        <canvas
          ref={canvas}
          role="img"
          tabIndex={0}
          aria-label={`Grid of ${size.rows} workloads and ${size.columns} targets. What is denied or differs is in the lists beside it.`}
          style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
          onPointerMove={(event) => setCursor(pointed(event))}
          onPointerLeave={() => setCursor(null)}
          onBlur={() => setCursor(null)}
          onClick={(event) => openPair(grid, pointed(event))}
          onKeyDown={(event) => {
            if (event.key === 'Enter') openPair(grid, cursor);
            const next = pairBeside(cursor ?? { row: 0, column: 0 }, event.key, size);
            if (next === null) return;
            event.preventDefault();
            setCursor(cursor === null ? { row: 0, column: 0 } : next);
          }}
        />
      </div>
      <p class="pointed" aria-live="polite">
        {cursor === null ? 'Point at a square, or go through them with the arrow keys.' : pointedWords(grid, cursor)}
      </p>
      <Legend />
    </div>
  );
}

function openPair({ rows, columns }: MatrixGridJson, cursor: PairCell | null): void {
  const [from, to] = cursor === null ? [] : [rows[cursor.row], columns[cursor.column]];
  if (from !== undefined && to !== undefined) go(tracePath({ from, to }));
}

function pointedWords({ rows, columns, cells }: MatrixGridJson, { row, column }: PairCell): string {
  return `${rows[row]} to ${columns[column]}: ${pairWords(cells[row]?.[column] ?? '?')}`;
}

/** Letters as they are drawn, with their words. */
const legend = ['!', 'x', '~', '?', '.', '-'] as const;

function Legend() {
  return (
    <ul class="legend">
      {legend.map((cell) => (
        <li key={cell}>
          <span class={`pair-${legend.indexOf(cell)}`} aria-hidden="true">
            {cell === '!' || cell === 'x' || cell === '~' ? cell : ''}
          </span>{' '}
          {pairWords(cell)}
        </li>
      ))}
    </ul>
  );
}
