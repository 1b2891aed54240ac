/** A snapshot of the machine that this runs on: what its commands print now, and the API's objects beside it. */
import { closeSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Host, localHost } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import { type AccessWishes, findAccess } from '../../aggregator/cluster/find-access.ts';
import { writtenLists } from '../../aggregator/cluster/written-lists.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import { valueOr } from '../../proto/profile.ts';
import { readApiFolder } from '../audit/api-folder.ts';
import type { WhileOpen } from '../audit/audit-bundle.ts';
import { openFolder } from '../audit/opened-folder.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import { NodeFolder } from './node-folder.ts';
import { RecordingHost } from './recording-host.ts';

export interface LivePlan {
  /** What says what the machine should do: a folder or .tar.gz of lists, or the API server itself. */
  readonly api: { readonly folder: string } | { readonly access: AccessWishes };
  /** The machine's Node; null: as kube-proxy says, else as the host is called. */
  readonly node: string | null;
  readonly hostname: string;
  readonly version: string;
  readonly now: () => Date;
  /** The machine; a test has another one. */
  readonly host?: Host;
}

export interface LiveRecording {
  readonly node: string;
  /** What is not in it, one sentence each. */
  readonly gaps: readonly string[];
}

const attempted = 'take a snapshot of this machine';

/** @param folder is made, as a bundle of one node. */
export async function recordMachine(
  folder: string,
  plan: LivePlan,
  whileOpen: WhileOpen,
): Promise<Outcome<LiveRecording>> {
  const api = await objectsOf(plan.api, whileOpen);
  if (!api.ok) return api;
  mkdirSync(folder, { mode: 0o700 });
  const recording = new NodeFolder(join(folder, '.node'));
  const host = new RecordingHost(plan.host ?? localHost(), recording);
  const takenAt = plan.now().toISOString();
  const { profile, parts } = await observe(host);
  host.finish();
  if (parts.forwarding.state === 'failed') {
    return refused(attempted, parts.forwarding.reason, 'It takes root, iptables and nft.');
  }
  const node = plan.node ?? valueOr(profile.nodeName, plan.hostname);
  const { state, gaps } = api.value;
  const known = state?.nodes.map(({ name }) => name) ?? null;
  if (known !== null && !known.includes(node)) {
    return refused(attempted, `the API has no Node ${node}`, `Say with --node which it is: ${known.join(', ')}.`);
  }
  renameSync(recording.path, join(folder, node));
  if (state !== null) writeLists(join(folder, 'api'), state);
  const lacking = [...gaps, ...host.problems];
  const document = { apiVersion: 'plumbline.dev/v1', kind: 'NodeRecording', version: plan.version, takenAt, node };
  writePrivate(join(folder, 'snapshot.json'), [`${JSON.stringify({ ...document, leftOut: lacking }, null, 1)}\n`]);
  return done({ node, gaps: lacking });
}

interface ApiObjects {
  /** Null where no cluster was found: the node alone is recorded. */
  readonly state: ClusterSnapshot | null;
  readonly gaps: readonly string[];
}

async function objectsOf(api: LivePlan['api'], whileOpen: WhileOpen): Promise<Outcome<ApiObjects>> {
  if ('folder' in api) return fromFolder(api.folder, whileOpen);
  const found = await findAccess(api.access, () => performance.now());
  if (!found.ok && found.isNowhere === true) {
    return done({ state: null, gaps: [`the API's objects were not recorded: ${found.message}; audit it with --api`] });
  }
  // What talks to API servers is loaded only for this.
  const { readLiveApi } = await import('../audit/live-api.ts');
  return readLiveApi(api.access, attempted);
}

async function fromFolder(path: string, whileOpen: WhileOpen): Promise<Outcome<ApiObjects>> {
  const opened = await openFolder(path, attempted);
  if (!opened.ok) return opened;
  const forget = whileOpen(opened.value.close);
  try {
    const state = readApiFolder(opened.value.folder, attempted);
    return state.ok ? done({ state: state.value, gaps: [] }) : state;
  } finally {
    forget();
    opened.value.close();
  }
}

/** Of each object what the audit reads, and nothing else that it holds. */
function writeLists(folder: string, state: ClusterSnapshot): void {
  mkdirSync(folder, { mode: 0o700 });
  for (const { file, pieces } of writtenLists(state)) writePrivate(join(folder, file), pieces());
}

function writePrivate(path: string, pieces: Iterable<string>): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (const piece of pieces) writeSync(fd, piece);
  } finally {
    closeSync(fd);
  }
}
