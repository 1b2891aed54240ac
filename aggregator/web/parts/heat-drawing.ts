/** Draws the map of nodes and layers: filled what is unhealthy, outlined what is pending, hatched what is unknown. */
import type { HeatmapJson } from '../../http/schemas/overview.ts';
import type { HeatLayout } from '../heat-cells.ts';

/** Letters are drawn where a cell has room for them. */
const roomForLetter = 16;

type Colours = (name: string) => string;

export function drawHeat(
  canvas: HTMLCanvasElement,
  { nodes, layers }: HeatmapJson,
  layout: HeatLayout,
  cursor: { readonly node: number; readonly layer: number } | null,
): void {
  const { step, perBand, bandHeight, height } = layout;
  const width = canvas.clientWidth;
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext('2d');
  if (context === null) return;
  const style = getComputedStyle(canvas);
  const colours: Colours = (name) => style.getPropertyValue(`--${name}`).trim();
  context.scale(density, density);
  const hatch = hatching(context, colours('unknown'));
  for (const [index, { cells }] of nodes.entries()) {
    const x = (index % perBand) * step;
    const y = Math.floor(index / perBand) * bandHeight;
    for (let layer = 0; layer < layers.length; layer++) {
      const box = { x: x + 1, y: y + layer * step + 1, size: step - 2 };
      drawCell(context, box, cells[layer] ?? '?', { colours, hatch });
      if (cursor?.node === index && cursor.layer === layer) ring(context, box, colours('text'));
    }
  }
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

interface Paint {
  readonly colours: Colours;
  readonly hatch: CanvasPattern | null;
}

function drawCell(context: CanvasRenderingContext2D, box: Box, cell: string, { colours, hatch }: Paint): void {
  const { x, y, size } = box;
  switch (cell) {
    case '-':
      context.fillStyle = colours('line');
      context.fillRect(x + size / 2 - 1, y + size / 2 - 1, 2, 2);
      return;
    case '.':
      context.fillStyle = colours('calm');
      context.fillRect(x, y, size, size);
      return;
    case 'p':
      context.strokeStyle = colours('pending');
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, size - 2, size - 2);
      return;
    case '?':
      context.fillStyle = hatch ?? colours('unknown');
      context.fillRect(x, y, size, size);
      context.strokeStyle = colours('unknown');
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
      return;
    default:
      drawSeverity(context, box, cell, colours);
  }
}

const severities: Readonly<Record<string, string>> = { C: 'critical', H: 'high', M: 'medium', L: 'low' };

function drawSeverity(context: CanvasRenderingContext2D, { x, y, size }: Box, cell: string, colours: Colours): void {
  const name = severities[cell] ?? 'critical';
  context.fillStyle = colours(name);
  context.fillRect(x, y, size, size);
  if (size + 2 < roomForLetter) return;
  context.fillStyle = colours(`on-${name}`);
  context.font = `700 ${Math.round(size * 0.6)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(cell, x + size / 2, y + size / 2 + 1);
}

function ring(context: CanvasRenderingContext2D, { x, y, size }: Box, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(x - 1, y - 1, size + 2, size + 2);
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
