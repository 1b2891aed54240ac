/**
 * The resolv.conf of each pod, as its processes see it: /proc/<pid>/root/etc/resolv.conf. The kernel shows the root of a
 * process only to who may trace it (ptrace(2), PTRACE_MODE_READ_FSCREDS): without CAP_SYS_PTRACE that is a process with no
 * more capabilities than the agent has. What is refused is counted, and never an error.
 */
import type { DnsReport, PodResolver } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { podProcesses } from '../pod-networks/pod-processes.ts';
import { readResolvConf } from './resolv-conf.ts';

const mostPods = 2_000;
const mostTries = 3;
const fileBytes = 64 * 1024;

export type PodResolvers = Pick<DnsReport, 'pods' | 'podsUnread' | 'podsUnreadBecause'>;

/** One process of each pod is looked at; the pause container of a sandbox has a file too, as the runtime made it. */
export async function readPodResolvers(host: Host): Promise<PodResolvers> {
  const found = await podProcesses(host);
  if (found.state !== 'ok') return none(0, found.state === 'failed' ? found.reason : null);
  const pods: PodResolver[] = [];
  let unread = 0;
  let because: string | null = null;
  for (const { uid, pids } of found.pods.slice(0, mostPods)) {
    const text = await firstOf(host, pids);
    if (text.ok) pods.push({ uid, settings: readResolvConf(text.text) });
    else {
      unread++;
      because ??= text.because;
    }
  }
  return {
    pods: { total: found.pods.length - unread, first: pods },
    podsUnread: unread + found.refused,
    podsUnreadBecause: because ?? found.problem,
  };
}

type Text = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly because: string };

/** Containers have the file mounted; the newest processes are theirs, the oldest the sandbox's, which may have none. */
async function firstOf(host: Host, pids: readonly string[]): Promise<Text> {
  let because = 'its processes ended while they were looked at';
  for (const pid of pids.toReversed().slice(0, mostTries)) {
    const etc = `/proc/${pid}/root/etc`;
    const link = await linkAt(host, etc);
    if (link !== null) {
      because = link;
      continue;
    }
    const file = await host.read(`${etc}/resolv.conf`, fileBytes);
    if (file.ok) return { ok: true, text: file.bytes.toString('utf8') };
    if (file.kind !== 'absent') because = file.message;
  }
  return { ok: false, because };
}

/** Of a folder that is a link, the words that say so: an absolute one would lead into the agent's own files. */
async function linkAt(host: Host, path: string): Promise<string | null> {
  const listed = await host.list?.(path, 0);
  return listed !== undefined && !listed.ok && listed.kind === 'failed' ? listed.message : null;
}

function none(unread: number, because: string | null): PodResolvers {
  return { pods: { total: 0, first: [] }, podsUnread: unread, podsUnreadBecause: because };
}
