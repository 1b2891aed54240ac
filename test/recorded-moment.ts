/** A recorded cluster as an aggregator would hold it, and its snapshot unpacked, for tests of snapshots. */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { observe } from '../agent/observe.ts';
import { recordedHost } from '../agent/recorded-host.ts';
import type { NodeReport } from '../aggregator/model/feeds.ts';
import type { AuditMoment, NodeMoment } from '../aggregator/model/moment.ts';
import { archiveOf } from '../aggregator/snapshot/archive.ts';
import { snapshotsOf } from '../aggregator/snapshot/snapshot.ts';
import { openBundle } from '../cli/audit/bundle.ts';
import { unpackBundle } from '../cli/bundle-archive.ts';
import { BucketTable, leavesOf } from '../proto/bucket-tree.ts';
import type { FrontendKey } from '../proto/forwarding.ts';
import { noon, nodeRecord } from './audit-record.ts';
import { recordedSnapshot } from './recorded-snapshot.ts';
import { recordingFolder } from './recordings.ts';

/** Every node of the recording has reported and was judged; there are no findings. */
export async function recordedMoment(recording: string): Promise<AuditMoment> {
  const folder = recordingFolder(recording);
  const bundle = await openBundle({ bundle: folder, api: null, over: null });
  if (!bundle.ok) throw new Error(bundle.refusal.cameBack);
  const nodes: NodeMoment[] = [];
  for (const node of bundle.value.nodes) nodes.push(judgedNode(await recordedReport(node.name, node.folder)));
  return { nodes, findings: [], objects: recordedSnapshot(recording) };
}

async function recordedReport(node: string, folder: string): Promise<NodeReport> {
  const { profile, parts, ownerHint } = await observe(recordedHost(folder));
  const { forwarding } = parts;
  return {
    node,
    reading: 'epoch-1/7',
    readAt: noon,
    profile,
    parts:
      forwarding.state === 'ok'
        ? {
            ...parts,
            forwarding: { ...forwarding, value: { ...forwarding.value, table: new Map(), owners: new Map() } },
          }
        : parts,
    table: forwarding.state === 'ok' ? new BucketTable(leavesOf(forwarding.value.table)) : null,
    ownerHint: (key) => ownerHint(key as FrontendKey),
  };
}

function judgedNode(report: NodeReport): NodeMoment {
  const history = { reachesBackTo: new Date(noon).toISOString(), staleness: new Map(), desiredChangedAt: null };
  return { record: nodeRecord(report.node), notJudgedBecause: null, report, history, converging: [] };
}

/** The files of a snapshot in a folder of their own. @returns what to call when they are not needed any more. */
export async function unpackedSnapshot(
  moment: AuditMoment,
): Promise<{ readonly folder: string; readonly archive: string; readonly remove: () => void }> {
  const place = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
  const take = snapshotsOf({ moment: () => moment, version: '0.2.0', now: () => noon });
  const taken = await take(new AbortController().signal);
  if (taken === null) throw new Error('a snapshot was expected');
  const archive = join(place, 'snapshot.tar.gz');
  await pipeline(archiveOf(taken), createWriteStream(archive));
  const folder = join(place, 'snapshot');
  const unpacked = await unpackBundle(archive, folder);
  if (!unpacked.ok) throw new Error(unpacked.message);
  return { folder, archive, remove: () => rmSync(place, { recursive: true, force: true }) };
}
