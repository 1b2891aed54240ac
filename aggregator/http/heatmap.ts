/** What each node is in each layer, as one character: the whole cluster in a picture, small enough to send. */
import type { Check } from '../model/check.ts';
import { type Layer, layers, type Severity } from '../model/finding.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import type { NodeRecord } from '../model/record.ts';
import type { HeatmapJson } from './schemas/overview.ts';

/** From the worst to none. */
const order = 'CHML?p.-';
const letters: Readonly<Record<Severity, string>> = { critical: 'C', high: 'H', medium: 'M', low: 'L' };

/** The nodes, those with the worst cell first, then by name. */
export function heatmapNodes(
  nodes: readonly Pick<NodeRecord, 'name' | 'state' | 'layers'>[],
  findings: readonly Pick<TrackedFinding, 'node' | 'layer' | 'severity' | 'state'>[],
  checks: readonly Pick<Check, 'layer'>[],
): HeatmapJson['nodes'] {
  const looked = new Set(checks.map(({ layer }) => layer));
  const worst = new Map<string, string>();
  for (const { node, layer, severity, state } of findings) {
    const letter = letterOf(severity, state);
    if (node === null || letter === null) continue;
    const key = `${layer} ${node}`;
    const known = worst.get(key);
    if (known === undefined || order.indexOf(letter) < order.indexOf(known)) worst.set(key, letter);
  }
  const rows = nodes.map((node) => {
    const { name, state } = node;
    const cells = layers.map((layer) =>
      looked.has(layer) ? worseOf(worst.get(`${layer} ${name}`), withoutFinding(node, layer)) : '-',
    );
    return { name, state, cells: cells.join('') };
  });
  return rows.sort((one, other) => rankOf(one.cells) - rankOf(other.cells) || (one.name < other.name ? -1 : 1));
}

/** What a layer is where no check says anything of it; before the first look that is what the node is. */
function withoutFinding({ state, layers: statuses }: Pick<NodeRecord, 'state' | 'layers'>, layer: Layer): string {
  switch (statuses.find((status) => status.layer === layer)?.state) {
    case 'known':
      return '.';
    case 'unknown':
      return '?';
    case 'not-looked-at':
      return '-';
    case undefined:
      return state === 'unknown' ? '?' : '-';
  }
}

/** Null where it does not count: its owner accepts it, or it has ended. */
function letterOf(severity: Severity, state: TrackedFinding['state']): string | null {
  switch (state) {
    case 'firing':
      return letters[severity];
    case 'pending':
      return 'p';
    case 'unknown':
      return '?';
    case 'suppressed':
    case 'resolved':
    case 'gone':
      return null;
  }
}

function worseOf(one: string | undefined, other: string): string {
  return one !== undefined && order.indexOf(one) < order.indexOf(other) ? one : other;
}

function rankOf(cells: string): number {
  return Math.min(...[...cells].map((cell) => order.indexOf(cell)));
}
