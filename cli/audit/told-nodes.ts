/**
 * Nodes of a bundle that was recorded through the aggregator: instead of what a node's commands printed it has what its
 * agent told (docs/bundles.md, `node.json`, `table.json`, `parts/`).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTable, type TableReading } from '../../aggregator/snapshot/read-table.ts';
import { readToldNode, readToldParts, type ToldNode } from '../../aggregator/snapshot/read-node.ts';
import type { Forwarding } from '../../proto/forwarding.ts';
import type { NodeParts } from '../../proto/parts.ts';
import { done, type Outcome, refused, systemReason } from '../refusal.ts';
import type { ObservedNode } from './audit-nodes.ts';
import { nodeDocument, type RecordedNode } from './bundle.ts';

export interface ToldNodes {
  /** Those that the aggregator judged. */
  readonly judged: readonly ObservedNode[];
  /** Those of which it could say nothing. */
  readonly unjudged: readonly ToldNode[];
}

const advice = 'Take the snapshot again: plumbline snapshot --out FILE.tar.gz.';
/** A table may be told as what differs from another one; a chain of them is not made. */
const deepest = 2;

/** @param attempted for the refusal: `audit ./bundle`. */
export function readToldNodes(nodes: readonly RecordedNode[], attempted: string): Outcome<ToldNodes> {
  const tables = tablesOf(nodes);
  const judged: ObservedNode[] = [];
  const unjudged: ToldNode[] = [];
  for (const { name, folder } of nodes) {
    const told = readJson(join(folder, nodeDocument));
    const node = told.ok ? readToldNode(told.value) : told;
    if (!node.ok) return refused(attempted, `${join(folder, nodeDocument)}: ${node.problem}`, advice);
    const { status, notJudgedBecause, history, converging } = node.value;
    if (notJudgedBecause !== null) {
      unjudged.push({ ...node.value, status: { ...status, name } });
      continue;
    }
    const parts = partsOf(folder, tables(name));
    if ('problem' in parts) return refused(attempted, `${folder}: ${parts.problem}`, advice);
    judged.push({ name, observation: { ...parts, explain: () => [] }, remembered: { history, converging } });
  }
  return done({ judged, unjudged });
}

type Parts = Pick<ObservedNode['observation'], 'profile' | 'parts'>;

function partsOf(folder: string, table: TableReading | null): Parts | { readonly problem: string } {
  let problem: string | null = null;
  const { profile, parts, forwarding } = readToldParts((name) => {
    const path = join(folder, 'parts', `${name}.json`);
    if (!existsSync(path)) return null;
    const read = readJson(path);
    if (read.ok) return read.value;
    problem ??= `parts/${name}.json ${read.problem}`;
    return null;
  });
  if (problem !== null) return { problem };
  if (table !== null && !table.ok) return { problem: `table.json: ${table.problem}` };
  return { profile, parts: { ...parts, forwarding: withTable(forwarding, table) } };
}

function withTable(
  part: ReturnType<typeof readToldParts>['forwarding'],
  table: Extract<TableReading, { readonly ok: true }> | null,
): NodeParts['forwarding'] {
  if (part.state !== 'ok') return part;
  if (table === null) return { state: 'failed', reason: 'the snapshot has no table of the node' };
  return { ...part, value: { ...part.value, table: table.value.table, owners: table.value.hints } };
}

/** Reads tables when they are asked for, each once: others may be like it. Null where a node has none. */
function tablesOf(nodes: readonly RecordedNode[]): (node: string) => TableReading | null {
  const folders = new Map(nodes.map(({ name, folder }) => [name, folder]));
  const known = new Map<string, TableReading | null>();
  const shared = new Map<string, Forwarding>();
  const read = (node: string, depth: number): TableReading | null => {
    const before = known.get(node);
    if (before !== undefined) return before;
    const path = join(folders.get(node) ?? '', 'table.json');
    if (!folders.has(node) || !existsSync(path)) return null;
    const json = readJson(path);
    const base = (like: string): TableReading =>
      (depth < deepest ? read(like, depth + 1) : null) ?? { ok: false, problem: 'there is no such table' };
    const reading: TableReading = json.ok ? readTable(json.value, base, shared) : json;
    known.set(node, reading);
    return reading;
  };
  return (node) => read(node, 1);
}

type JsonReading = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

function readJson(path: string): JsonReading {
  try {
    return { ok: true, value: JSON.parse(readFileSync(path, 'utf8')) };
  } catch (cause) {
    const problem = cause instanceof SyntaxError ? `is no JSON: ${cause.message}` : systemReason(cause);
    return { ok: false, problem };
  }
}
