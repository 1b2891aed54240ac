/**
 * The network of each pod on this node, seen through a process of it: /proc/<pid>/cgroup says whose it is, /proc/<pid>/net
 * what its namespace has. Nothing is entered and nothing is asked of the container runtime.
 */
import type { Part, PodNetwork, PodNetworksReport } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { addressesAsText, readNamespace } from './namespace-files.ts';
import { filesOfProcess, ownAddresses } from './namespace-texts.ts';
import { type PodProcesses, podProcesses } from './pod-processes.ts';

const mostPods = 2000;
const mostContainers = 20;
/** A process may end in between; so many of a pod are tried. */
const mostTries = 5;

const nothing = { links: [], addresses: [], defaultRoutes: [] } as const;

/** Reads once; `absent` where this host shows no process of any pod, as a container's own /proc does not. */
export async function collectPodNetworks(host: Host, now: () => Date): Promise<Part<PodNetworksReport>> {
  const found = await podProcesses(host);
  if (found.state !== 'ok') return found;
  const before = await ownAddresses(host);
  const shown = found.pods.slice(0, mostPods);
  const seen: (Seen | string)[] = [];
  for (const pod of shown) seen.push(await look(host, pod));
  // The node may have got an address meanwhile.
  const own = [before, await ownAddresses(host)].filter((text) => text !== '');
  const pods = seen.flatMap((one) => (typeof one === 'string' ? [] : [networkOf(one, own)]));
  const readable = pods.filter((one) => typeof one !== 'string');
  const problems = [...seen, ...pods].filter((one) => typeof one === 'string');
  const unread = found.refused + problems.length;
  const value = {
    pods: { total: found.pods.length - problems.length, first: readable },
    unread,
    problem: problems[0] ?? found.problem,
  };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

interface Seen {
  readonly pod: PodProcesses;
  readonly files: Exclude<Awaited<ReturnType<typeof filesOfProcess>>, string | null>;
}

/** @returns why it could not be seen, where none of its processes shows it. */
async function look(host: Host, pod: PodProcesses): Promise<Seen | string> {
  let because = 'its processes ended while they were looked at';
  for (const pid of pod.pids.slice(0, mostTries)) {
    const files = await filesOfProcess(host, pid, pod.uid);
    if (files !== null && typeof files !== 'string') return { pod, files };
    if (files !== null) because = files;
  }
  return because;
}

function networkOf({ pod, files }: Seen, own: readonly string[]): PodNetwork | string {
  const isNodes = own.includes(addressesAsText(files));
  const view = isNodes ? nothing : readNamespace(files);
  if (typeof view === 'string') return view;
  const containers = [...pod.containers].sort().slice(0, mostContainers);
  return { uid: pod.uid, pod: null, containers, namespace: isNodes ? 'node' : 'own', ...view };
}
