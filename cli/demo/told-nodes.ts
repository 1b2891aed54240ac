/** The nodes as the aggregator sees them, in a table that fits beside nothing else. */
import type { NodeJson } from '../../aggregator/http/schemas/node.ts';
import type { Paints } from '../paints.ts';
import { tableLines, wrap } from '../table.ts';
import { visible } from '../visible.ts';

/** One row each, and below them why the unknown ones are unknown. */
export function nodeTable(nodes: readonly NodeJson[], columns: number, paint: Paints): string {
  const shown = visible([...nodes].sort((one, other) => (one.name < other.name ? -1 : 1)));
  const rows = shown.map(({ name, mode, state, frontends: { total, inSync, drifted, unknown }, findings }) => [
    name,
    mode,
    state,
    ...(total === 0 ? ['-', '-', '-', '-'] : [total, inSync, drifted, unknown].map(String)),
    String(findings.firing),
  ]);
  const heads = ['NODE', 'MODE', 'STATE', 'FRONTENDS', 'IN SYNC', 'DRIFTED', 'UNKNOWN', 'FIRING'];
  const [head = '', ...lines] = tableLines(heads, rows);
  const reasons = shown
    .filter(({ unknownBecause }) => unknownBecause.length > 0)
    .flatMap(({ name, unknownBecause }) => wrap(`${name} is unknown: ${unknownBecause.join('; ')}.`, columns));
  return [
    paint.quiet(head),
    ...lines.map((line, row) => paint.nodeState(shown[row]?.state ?? 'unknown', line)),
    ...reasons.map(paint.warning),
  ].join('\n');
}
