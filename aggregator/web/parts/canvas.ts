/** What drawings of many cells have in common: a canvas as fine as the screen, the style sheet's colours, names, hatching. */

/** A colour of the style sheet by its name, as it is now. */
export type Colours = (name: string) => string;

export function coloursOf(canvas: HTMLCanvasElement): Colours {
  const style = getComputedStyle(canvas);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

/** Cleared, and as fine as the screen. */
export function prepared(canvas: HTMLCanvasElement, height: number): CanvasRenderingContext2D | null {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext('2d');
  context?.scale(density, density);
  return context;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A name in a box; the end of a long one tells names apart. */
export function drawName(
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

export function outline(context: CanvasRenderingContext2D, { x, y, width, height }: Box, { colour, line }: Pen): void {
  context.strokeStyle = colour;
  context.lineWidth = line;
  context.strokeRect(x + line / 2, y + line / 2, width - line, height - line);
}

export function ring(context: CanvasRenderingContext2D, { x, y, width, height }: Box, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(x, y, width, height);
}

/** Slanted lines: unknown is loud, and no colour. */
export function hatching(context: CanvasRenderingContext2D, colour: string): CanvasPattern | null {
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
