/**
 * Which processes of this node are of which pod, the oldest of each pod first: that is its sandbox, or the first process
 * of a container. Later ones may have made themselves another network, as browsers do for what they show.
 *
 * Their age stands in /proc/<pid>/stat (proc_pid_stat(5)), the 20th field behind the name, in ticks since the boot:
 *
 *     4711 (nginx: (x)) S 4690 4711 4711 0 -1 4194560 1015 0 0 0 0 1 0 0 20 0 1 0 81270 11259904 ...
 */
import type { ReadResult } from '../../host-files.ts';
import type { Host } from '../../host.ts';
import { podOfProcess, type ProcessPod } from './process-pod.ts';

const folder = '/proc';
const mostProcesses = 65_536;
const fileBytes = 64 * 1024;

export interface PodProcesses {
  readonly uid: string;
  /** The oldest first. */
  readonly pids: readonly string[];
  readonly containers: ReadonlySet<string>;
}

export type FoundPods =
  | {
      readonly state: 'ok';
      /** By UID. */
      readonly pods: readonly PodProcesses[];
      /** Processes that would not say whose they are, and the words of the first. */
      readonly refused: number;
      readonly problem: string | null;
    }
  | { readonly state: 'absent' }
  | { readonly state: 'failed'; readonly reason: string };

/**
 * Looks at all processes. All of them each time: a number may be another process's by the next, and to look costs less
 * than to find out (20 ms for 2,000 of them).
 */
export async function podProcesses(host: Host): Promise<FoundPods> {
  const listed = await host.list?.(folder, mostProcesses);
  if (listed === undefined || (!listed.ok && listed.kind === 'absent')) return { state: 'absent' };
  if (!listed.ok) return { state: 'failed', reason: listed.message };
  const pids = listed.entries.flatMap(({ name }) => (/^\d{1,10}$/.test(name) ? [name] : []));
  const cgroups = await readOf(host, pids, 'cgroup');
  const owners = new Map<string, ProcessPod>();
  for (const [pid, text] of textsOf(cgroups)) {
    const pod = podOfProcess(text);
    if (pod !== null) owners.set(pid, pod);
  }
  // Where the first process is of a pod, this is what that pod sees of itself: no other pod's processes are there.
  if (owners.has('1')) return { state: 'absent' };
  const refusals = [...cgroups.values()].flatMap((file) => (!file.ok && file.kind === 'not-permitted' ? file : []));
  const [refusal = null] = refusals;
  if (owners.size === 0) {
    return refusal === null ? { state: 'absent' } : { state: 'failed', reason: refusal.message };
  }
  const pods = await grouped(host, owners);
  return { state: 'ok', pods, refused: refusals.length, problem: refusal?.message ?? null };
}

async function grouped(host: Host, owners: ReadonlyMap<string, ProcessPod>): Promise<readonly PodProcesses[]> {
  const starts = new Map<string, number>();
  for (const [pid, text] of textsOf(await readOf(host, [...owners.keys()], 'stat'))) starts.set(pid, startOf(text));
  // What has ended by now comes last.
  const age = (pid: string) => starts.get(pid) ?? Number.POSITIVE_INFINITY;
  const pods = new Map<string, { readonly pids: string[]; readonly containers: Set<string> }>();
  for (const [pid, { uid, container }] of owners) {
    const pod = pods.get(uid) ?? { pids: [], containers: new Set<string>() };
    pods.set(uid, pod);
    pod.pids.push(pid);
    pod.containers.add(container);
  }
  return [...pods]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([uid, { pids, containers }]) => ({ uid, containers, pids: pids.toSorted((a, b) => age(a) - age(b) || 0) }));
}

/** The name may hold blanks and brackets. */
function startOf(stat: string): number {
  const [, ...fields] = stat.slice(stat.lastIndexOf(')')).split(' ');
  const start = Number(fields[19] ?? Number.NaN);
  return Number.isNaN(start) ? Number.POSITIVE_INFINITY : start;
}

function* textsOf(files: ReadonlyMap<string, ReadResult>): Iterable<readonly [string, string]> {
  for (const [pid, file] of files) if (file.ok) yield [pid, file.bytes.toString('latin1')];
}

async function readOf(host: Host, pids: readonly string[], name: string): Promise<ReadonlyMap<string, ReadResult>> {
  const results = await readProcessFiles(
    host,
    pids.map((pid) => `${folder}/${pid}/${name}`),
    fileBytes,
  );
  return new Map(pids.flatMap((pid, at) => (results[at] === undefined ? [] : [[pid, results[at]] as const])));
}

/** Reads files of processes in the way that costs least on this host. */
export async function readProcessFiles(
  host: Host,
  paths: readonly string[],
  maxBytes: number,
): Promise<readonly ReadResult[]> {
  if (host.readOfProcesses !== undefined) return host.readOfProcesses(paths, maxBytes);
  const results: ReadResult[] = [];
  for (const path of paths) results.push(await host.read(path, maxBytes));
  return results;
}
