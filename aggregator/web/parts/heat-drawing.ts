/** Draws the map of nodes and layers: filled what is unhealthy, outlined what is pending, hatched what is unknown. */
import type { HeatmapJson } from '../../http/schemas/overview.ts';
import type { Cell, HeatLayout } from '../heat-cells.ts';
import { type Box, type Colours, coloursOf, drawName, hatching, outline, prepared, ring } from './canvas.ts';

/** Letters are drawn where a cell has room for them. */
const roomForLetter = 13;

export function drawHeat(
  canvas: HTMLCanvasElement,
  { nodes, layers }: HeatmapJson,
  layout: HeatLayout,
  cursor: Cell | null,
): void {
  const context = prepared(canvas, layout.height);
  if (context === null) return;
  const colours = coloursOf(canvas);
  const hatch = hatching(context, colours('unknown'));
  const { stepX, stepY, head, perBand, bandHeight } = layout;
  const gap = stepY > 10 ? 2 : 1;
  for (const [index, { name, cells }] of nodes.slice(0, layout.nodes).entries()) {
    const x = (index % perBand) * stepX;
    const y = Math.floor(index / perBand) * bandHeight;
    if (head > 0) drawName(context, name, { x, y, width: stepX - 8, height: head }, colours);
    for (let layer = 0; layer < layers.length; layer++) {
      const box = { x, y: y + head + layer * stepY, width: stepX - gap, height: stepY - gap };
      drawCell(context, box, cells[layer] ?? '?', { colours, hatch });
      if (cursor?.node === index && cursor.layer === layer) ring(context, box, colours('text'));
    }
  }
}

interface Paint {
  readonly colours: Colours;
  readonly hatch: CanvasPattern | null;
}

function drawCell(context: CanvasRenderingContext2D, box: Box, cell: string, { colours, hatch }: Paint): void {
  const { x, y, width, height } = box;
  switch (cell) {
    case '-':
      context.fillStyle = colours('line');
      context.fillRect(x + width / 2 - 1, y + height / 2 - 1, 2, 2);
      return;
    case '.':
      context.fillStyle = colours('calm');
      context.fillRect(x, y, width, height);
      return;
    case 'p':
      outline(context, box, { colour: colours('pending'), line: height > 10 ? 2 : 1 });
      return;
    case '?':
      context.fillStyle = hatch ?? colours('unknown');
      context.fillRect(x, y, width, height);
      outline(context, box, { colour: colours('unknown'), line: 1 });
      return;
    default:
      drawSeverity(context, box, cell, colours);
  }
}

const severities: Readonly<Record<string, string>> = { C: 'critical', H: 'high', M: 'medium', L: 'low' };

function drawSeverity(context: CanvasRenderingContext2D, box: Box, cell: string, colours: Colours): void {
  const { x, y, width, height } = box;
  const name = severities[cell] ?? 'critical';
  context.fillStyle = colours(name);
  context.fillRect(x, y, width, height);
  if (height < roomForLetter) return;
  context.fillStyle = colours(`on-${name}`);
  context.font = `700 ${Math.round(height * 0.6)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(cell, x + width / 2, y + height / 2 + 1);
}
