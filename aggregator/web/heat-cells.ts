/** How a map of nodes and layers is laid out: bands of nodes side by side, a row for each layer, worst nodes first. */

export interface HeatLayout {
  /** Pixels from one cell to the next. */
  readonly step: number;
  /** Nodes beside one another. */
  readonly perBand: number;
  readonly bands: number;
  /** Pixels from one band to the next. */
  readonly bandHeight: number;
  readonly height: number;
}

const leastStep = 10;
const mostStep = 30;
const bandGap = 10;

/** @param width pixels that there are. */
export function heatLayout(nodes: number, layers: number, width: number): HeatLayout {
  const step = Math.max(leastStep, Math.min(mostStep, Math.floor(width / Math.max(1, nodes))));
  const perBand = Math.max(1, Math.floor(width / step));
  const bands = Math.ceil(nodes / perBand);
  const bandHeight = layers * step + bandGap;
  return { step, perBand, bands, bandHeight, height: Math.max(0, bands * bandHeight - bandGap) };
}

/** The node and layer at a point of the map; null between bands and behind the last node. */
export function cellAt(
  { step, perBand, bandHeight }: HeatLayout,
  count: { readonly nodes: number; readonly layers: number },
  at: { readonly x: number; readonly y: number },
): { readonly node: number; readonly layer: number } | null {
  const column = Math.floor(at.x / step);
  const band = Math.floor(at.y / bandHeight);
  const layer = Math.floor((at.y - band * bandHeight) / step);
  const node = band * perBand + column;
  if (column < 0 || column >= perBand || band < 0 || layer < 0 || layer >= count.layers || node >= count.nodes)
    return null;
  return { node, layer };
}

const words: Readonly<Record<string, string>> = {
  C: 'critical',
  H: 'high',
  M: 'medium',
  L: 'low',
  p: 'pending',
  '?': 'not known',
  '.': 'healthy',
  '-': 'not looked at',
};

/** What a cell's letter means. */
export function cellWords(cell: string): string {
  return words[cell] ?? 'not known';
}
