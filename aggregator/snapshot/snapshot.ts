/**
 * All that the aggregator knows, as files: a bundle that `plumbline audit` reads. The moment is held by its objects, none
 * of which changes; each is made into text when its turn comes, so what it costs does not grow with the cluster.
 */
import { writtenLists } from '../cluster/written-lists.ts';
import { findingJson, groupSizes } from '../http/finding-json.ts';
import { list } from '../http/schemas/list.ts';
import type { AuditMoment, NodeMoment, SnapshotFile, TakeSnapshot } from '../model/moment.ts';
import { jsonFile, nodeFiles } from './node-files.ts';
import { TableLikeness } from './table-likeness.ts';

export interface SnapshotSources {
  readonly moment: () => AuditMoment;
  readonly version: string;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** A file that is not there, or not whole, and why. */
interface LeftOut {
  readonly file: string;
  readonly because: string;
}

/** Names that the snapshot's own files have. */
const ownFiles = ['snapshot.json', 'findings.json'];
/** As Kubernetes has names of nodes: no other may become the name of a folder. */
const nodeName = /^[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?$/;

/** What takes snapshots, one at a time: each of the moment at which it is asked for. */
export function snapshotsOf(sources: SnapshotSources): TakeSnapshot {
  let isTaking = false;
  return async (signal) => {
    if (isTaking || signal.aborted) return null;
    isTaking = true;
    signal.addEventListener('abort', () => {
      isTaking = false;
    });
    const takenAt = sources.now();
    return { takenAt, files: filesOf(sources.moment(), { version: sources.version, takenAt }) };
  };
}

function* filesOf(
  moment: AuditMoment,
  made: { readonly version: string; readonly takenAt: number },
): Generator<SnapshotFile> {
  const { nodes, findings, objects } = moment;
  const named = nodes.filter(({ record: { name } }) => hasPlace(name));
  const leftOut = [...unknownLists(objects), ...placeless(nodes)];
  yield jsonFile('snapshot.json', {
    apiVersion: 'plumbline.dev/v1',
    kind: 'Snapshot',
    version: made.version,
    takenAt: new Date(made.takenAt).toISOString(),
    nodes: nodes.length,
    services: objects.services.length,
    endpointSlices: objects.endpointSlices.length,
    pods: objects.pods?.length ?? null,
    namespaces: objects.namespaces?.length ?? null,
    events: objects.podEvents?.length ?? null,
    networkPolicies: objects.networkPolicies?.length ?? null,
    findings: findings.length,
    leftOut,
  });
  for (const { file, pieces } of writtenLists(objects)) yield { name: `api/${file}`, pieces };
  yield { name: 'findings.json', pieces: () => findingPieces(findings) };
  const likeness = new TableLikeness();
  for (const node of named) yield* nodeFiles(node, likeness);
}

/** One finding at a time: there may be ten thousand, with evidence. */
function* findingPieces(findings: AuditMoment['findings']): Generator<string> {
  const { items: _none, ...head } = list('FindingList', [], findings.length, null);
  yield `${JSON.stringify(head).slice(0, -1)},"items":[`;
  const sizes = groupSizes(findings);
  let separator = '\n';
  for (const finding of findings) {
    yield `${separator}${JSON.stringify(findingJson(finding, sizes))}`;
    separator = ',\n';
  }
  yield ']}\n';
}

function hasPlace(name: string): boolean {
  return nodeName.test(name) && !ownFiles.includes(name);
}

function placeless(nodes: readonly NodeMoment[]): readonly LeftOut[] {
  const names = nodes.map(({ record }) => record.name).filter((name) => !hasPlace(name));
  return names.map((name) => ({ file: `${name}/`, because: 'no folder can have the name of this node' }));
}

function unknownLists(objects: AuditMoment['objects']): readonly LeftOut[] {
  const { pods, namespaces, podEvents, networkPolicies, foreignPolicies, dnsConfigurations } = objects;
  const lists = { pods, namespaces, events: podEvents, networkpolicies: networkPolicies };
  const all = { ...lists, foreignpolicies: foreignPolicies, configmaps: dnsConfigurations };
  const unknown = Object.entries(all).filter(([, list]) => list === null);
  return unknown.map(([name]) => ({ file: `api/${name}.json`, because: 'the aggregator does not know them now' }));
}
