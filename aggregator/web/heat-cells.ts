/** How a map of nodes and layers is laid out: bands of nodes side by side, a row for each layer, worst nodes first. */

export interface HeatLayout {
  /** Pixels from one node to the next. */
  readonly stepX: number;
  /** Pixels from one layer to the next. */
  readonly stepY: number;
  /** Pixels above the cells of a band, for the names of nodes; 0 where there is no room for them. */
  readonly head: number;
  /** Nodes beside one another. */
  readonly perBand: number;
  /** Pixels from one band to the next. */
  readonly bandHeight: number;
  readonly height: number;
  /** So many nodes are on the map; the others are none worse. */
  readonly nodes: number;
}

export interface HeatRoom {
  /** Pixels that there are. */
  readonly width: number;
  /** Whether all nodes are wanted, however high the map becomes. */
  readonly isWhole: boolean;
}

const leastStep = 6;
const mostStep = 28;
/** Wide enough for a name above. */
const namedStep = 72;
const widestStep = 140;
const nameHeight = 22;
const bandGap = 8;
/** What does not fit into it is shown when asked for. */
const mostHeight = 320;

export function heatLayout(nodes: number, layers: number, { width, isWhole }: HeatRoom): HeatLayout {
  const beside = Math.min(widestStep, Math.floor(width / Math.max(1, nodes)));
  if (beside >= mostStep) {
    const head = beside >= namedStep ? nameHeight : 0;
    const stepY = Math.min(mostStep, beside);
    const height = nodes === 0 ? 0 : head + layers * stepY;
    return { stepX: beside, stepY, head, perBand: Math.max(1, nodes), bandHeight: height, height, nodes };
  }
  let step = mostStep;
  while (step > leastStep && heightOf(nodes, layers, { step, width }) > mostHeight) step--;
  const perBand = Math.max(1, Math.floor(width / step));
  const bandHeight = layers * step + bandGap;
  const fitting = Math.max(1, Math.floor((mostHeight + bandGap) / bandHeight)) * perBand;
  const shown = isWhole ? nodes : Math.min(nodes, fitting);
  const height = Math.max(0, Math.ceil(shown / perBand) * bandHeight - bandGap);
  return { stepX: step, stepY: step, head: 0, perBand, bandHeight, height, nodes: shown };
}

function heightOf(nodes: number, layers: number, { step, width }: { readonly step: number; readonly width: number }) {
  const bands = Math.ceil(nodes / Math.max(1, Math.floor(width / step)));
  return bands * (layers * step + bandGap) - bandGap;
}

export interface Cell {
  readonly node: number;
  readonly layer: number;
}

/** The cell at a point of the map; null between bands and behind the last node. Above its cells a node is its first. */
export function cellAt(
  { stepX, stepY, head, perBand, bandHeight, nodes }: HeatLayout,
  layers: number,
  at: { readonly x: number; readonly y: number },
): Cell | null {
  const column = Math.floor(at.x / stepX);
  const band = Math.floor(at.y / bandHeight);
  const layer = Math.max(0, Math.floor((at.y - band * bandHeight - head) / stepY));
  const node = band * perBand + column;
  const isInside = column >= 0 && column < perBand && band >= 0 && layer < layers && node < nodes;
  return isInside ? { node, layer } : null;
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

/** What a layer is about. */
export const layerTitles = {
  L1: 'pod interface',
  L2: 'node to node',
  L3: 'Services',
  L4: 'DNS',
  L5: 'NetworkPolicy',
} as const;
