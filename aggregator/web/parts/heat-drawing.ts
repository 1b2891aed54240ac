/** Draws the map of nodes and layers: filled what is unhealthy, outlined what is pending, hatched what is unknown. */
import type { HeatmapJson } from '../../http/schemas/overview.ts';
import type { Cell, HeatLayout } from '../heat-cells.ts';

/** Letters are drawn where a cell has room for them. */
const roomForLetter = 13;

type Colours = (name: string) => string;

export function drawHeat(
  canvas: HTMLCanvasElement,
  { nodes, layers }: HeatmapJson,
  layout: HeatLayout,
  cursor: Cell | null,
): void {
  const context = prepared(canvas, layout.height);
  if (context === null) return;
  const style = getComputedStyle(canvas);
  const colours: Colours = (name) => style.getPropertyValue(`--${name}`).trim();
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

/** Cleared, and as fine as the screen. */
function prepared(canvas: HTMLCanvasElement, height: number): CanvasRenderingContext2D | null {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext('2d');
  context?.scale(density, density);
  return context;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
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

/** The name of a node above its cells; the end of a long one tells nodes apart. */
function drawName(
  context: CanvasRenderingContext2D,
  name: string,
  { x, y, width, height }: Box,
  colours: Colours,
): void {
  context.fillStyle = colours('text');
  context.font = '13px system-ui, sans-serif';
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  let shown = name;
  for (let end = 1; context.measureText(shown).width > width && end < name.length; end++) shown = `…${name.slice(end)}`;
  context.fillText(shown, x, y + height / 2 - 1);
}

interface Pen {
  readonly colour: string;
  readonly line: number;
}

function outline(context: CanvasRenderingContext2D, { x, y, width, height }: Box, { colour, line }: Pen): void {
  context.strokeStyle = colour;
  context.lineWidth = line;
  context.strokeRect(x + line / 2, y + line / 2, width - line, height - line);
}

function ring(context: CanvasRenderingContext2D, { x, y, width, height }: Box, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(x, y, width, height);
}

/** Slanted lines: unknown is loud, and no colour. */
function hatching(context: CanvasRenderingContext2D, colour: string): CanvasPattern | null {
  const tile = document.createElement('canvas');
  tile.width = 6;
  tile.height = 6;
  const lines = tile.getContext('2d');
  if (lines === null) return null;
  lines.strokeStyle = colour;
  lines.lineWidth = 1.5;
  lines.beginPath();
  for (const shift of [-6, 0, 6]) {
    lines.moveTo(shift, 6);
    lines.lineTo(shift + 6, 0);
  }
  lines.stroke();
  return context.createPattern(tile, 'repeat');
}
