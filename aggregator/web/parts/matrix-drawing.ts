/** Draws the grid of pairs: filled where a probe differs, crossed where it is denied, hatched what is not known. */
import type { MatrixGridJson } from '../../http/schemas/matrix.ts';
import type { GridLayout, PairCell } from '../matrix-cells.ts';
import { type Box, type Colours, coloursOf, drawName, hatching, outline, prepared, ring } from './canvas.ts';

/** Letters are drawn where a square has room for them. */
const roomForLetter = 13;

export function drawMatrix(
  canvas: HTMLCanvasElement,
  { rows, columns, cells }: MatrixGridJson,
  { step, names, head, height }: GridLayout,
  cursor: PairCell | null,
): void {
  const context = prepared(canvas, height);
  if (context === null) return;
  const colours = coloursOf(canvas);
  const hatch = hatching(context, colours('unknown'));
  const gap = step > 8 ? 2 : step > 4 ? 1 : 0;
  const boxOf = (row: number, column: number): Box => ({
    ...{ x: names + column * step, y: head + row * step },
    ...{ width: step - gap, height: step - gap },
  });
  if (head > 0) {
    for (const [column, name] of columns.entries()) {
      drawLeaning(context, name, { ...boxOf(0, column), height: head }, colours);
    }
  }
  for (const [row, letters] of cells.entries()) {
    if (names > 0) {
      drawName(context, rows[row] ?? '', { x: 0, y: head + row * step, width: names - 12, height: step }, colours);
    }
    for (let column = 0; column < letters.length; column++) {
      const box = boxOf(row, column);
      drawPair(context, box, letters[column] ?? '?', { colours, hatch });
    }
  }
  if (cursor === null) return;
  ring(context, boxOf(cursor.row, cursor.column), colours('text'));
}

/** A column's name begins above its square and rises to the right. @param box its square, as high as there is room above. */
function drawLeaning(context: CanvasRenderingContext2D, name: string, box: Box, colours: Colours): void {
  context.save();
  context.translate(box.x + box.width / 2, box.y - 6);
  context.rotate(-Math.PI / 4);
  drawName(context, name, { x: 0, y: -8, width: (box.height - 12) * Math.SQRT2, height: 16 }, colours);
  context.restore();
}

interface Paint {
  readonly colours: Colours;
  readonly hatch: CanvasPattern | null;
}

function drawPair(context: CanvasRenderingContext2D, box: Box, letter: string, { colours, hatch }: Paint): void {
  const { x, y, width, height } = box;
  switch (letter) {
    case '-':
      return;
    case '.':
      context.fillStyle = colours('calm');
      context.fillRect(x, y, width, height);
      return;
    case '?':
      context.fillStyle = hatch ?? colours('unknown');
      context.fillRect(x, y, width, height);
      return;
    case '!':
      context.fillStyle = colours('critical');
      context.fillRect(x, y, width, height);
      write(context, box, letter, colours('on-critical'));
      return;
    default:
      outline(context, box, { colour: colours('text'), line: height > 8 ? 1.5 : 1 });
      write(context, box, letter, colours('text'));
  }
}

function write(context: CanvasRenderingContext2D, { x, y, width, height }: Box, letter: string, colour: string): void {
  if (height < roomForLetter) return;
  context.fillStyle = colour;
  context.font = `700 ${Math.round(height * 0.6)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(letter, x + width / 2, y + height / 2 + 1);
}
