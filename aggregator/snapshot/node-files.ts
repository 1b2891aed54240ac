/** The files of one node: what the API shows of it, its table and its parts as its agent told them. */
import type { NodeParts, Part } from '../../proto/parts.ts';
import { BucketTable, leavesOf } from '../../proto/bucket-tree.ts';
import { nodeJson } from '../http/node-json.ts';
import type { NodeHistory } from '../model/check.ts';
import type { NodeReport } from '../model/feeds.ts';
import type { NodeMoment, SnapshotFile } from '../model/moment.ts';
import { tablePieces } from './table-file.ts';
import type { TableLikeness } from './table-likeness.ts';

/** The files of this node, below a folder of its name. */
export function* nodeFiles(node: NodeMoment, likeness: TableLikeness): Generator<SnapshotFile> {
  const { name } = node.record;
  yield jsonFile(`${name}/node.json`, nodeDocument(node));
  const { report } = node;
  if (report === null) return;
  const table = report.table === null ? null : { leaves: leavesIn(report.table), ownerHint: report.ownerHint };
  if (table !== null) {
    const written = { ...table, likeness: likeness.of(name, table.leaves) };
    yield { name: `${name}/table.json`, pieces: () => tablePieces(written) };
  }
  const collectedAt = new Date(report.readAt).toISOString();
  yield jsonFile(`${name}/parts/profile.json`, { state: 'ok', collectedAt, value: report.profile });
  for (const [part, content] of Object.entries(toldParts(report))) {
    if (content.state !== 'absent') yield jsonFile(`${name}/parts/${part}.json`, content);
  }
}

/** One JSON document, made into text when it is wanted. */
export function jsonFile(name: string, document: object): SnapshotFile {
  return { name, pieces: () => [`${JSON.stringify(document, null, 1)}\n`] };
}

function leavesIn(table: NonNullable<NodeReport['table']>) {
  return table instanceof BucketTable ? table.leaves : leavesOf(table);
}

function nodeDocument({ record, notJudgedBecause, report, history, converging }: NodeMoment) {
  return {
    apiVersion: 'plumbline.dev/v1',
    kind: 'NodeSnapshot',
    node: nodeJson(record),
    reading: report?.reading ?? null,
    notJudgedBecause,
    history: history === null ? null : historyJson(history),
    converging,
  };
}

function historyJson({ reachesBackTo, desiredChangedAt, staleness }: NodeHistory) {
  const dated = [...staleness].map(([frontend, shown]) => ({ frontend, ...shown }));
  return { reachesBackTo, desiredChangedAt, staleness: dated };
}

/** The table is a file of its own. */
function toldParts({ parts }: NodeReport): { readonly [name in keyof NodeParts]: Part<object> } {
  const { forwarding } = parts;
  if (forwarding.state !== 'ok') return parts;
  const { mode, unlisted } = forwarding.value;
  return { ...parts, forwarding: { ...forwarding, value: { mode, unlisted } } };
}
