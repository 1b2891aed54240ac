/** The audit of the machine that this runs on. */
import { localHost } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import type { AccessWishes } from '../../aggregator/cluster/find-access.ts';
import { valueOr } from '../../proto/profile.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import { readApiFolder } from './api-folder.ts';
import type { WhileOpen } from './audit-bundle.ts';
import { judge } from './audit-nodes.ts';
import { openFolder } from './opened-folder.ts';
import type { LiveApi } from './live-api.ts';
import type { Audit } from './report.ts';

export interface LiveAudit {
  /** What says what the machine should do: a folder or .tar.gz of lists, or the API server itself. */
  readonly api: { readonly folder: string } | { readonly access: AccessWishes };
  /** The machine's Node; null: as kube-proxy says, else as the host is called. */
  readonly node: string | null;
  readonly hostname: string;
}

const attempted = 'audit this machine';

/** @param whileOpen see WhileOpen; lists that are an archive are unpacked for as long. */
export async function auditLive({ api, node, hostname }: LiveAudit, whileOpen: WhileOpen): Promise<Outcome<Audit>> {
  const read = 'folder' in api ? await fromFolder(api.folder, whileOpen) : await fromServer(api.access);
  if (!read.ok) return read;
  const { state, gaps } = read.value;
  const observation = await observe(localHost());
  const { forwarding } = observation.parts;
  if (forwarding.state === 'failed') return refused(attempted, forwarding.reason, 'It takes root, iptables and nft.');
  const name = node ?? valueOr(observation.profile.nodeName, hostname);
  const known = state.nodes.map((candidate) => candidate.name);
  if (!known.includes(name)) {
    return refused(attempted, `the API has no Node ${name}`, `Say with --node which it is: ${known.join(', ')}.`);
  }
  return done({ ...judge([{ name, observation }], state, 'observed'), gaps });
}

async function fromFolder(path: string, whileOpen: WhileOpen): Promise<Outcome<LiveApi>> {
  const folder = await openFolder(path, attempted);
  if (!folder.ok) return folder;
  const forget = whileOpen(folder.value.close);
  try {
    const state = readApiFolder(folder.value.folder, attempted);
    return state.ok ? done({ state: state.value, gaps: [] }) : state;
  } finally {
    forget();
    folder.value.close();
  }
}

/** What talks to API servers is loaded only for this. */
async function fromServer(access: AccessWishes): Promise<Outcome<LiveApi>> {
  const { readLiveApi } = await import('./live-api.ts');
  return readLiveApi(access, attempted);
}
