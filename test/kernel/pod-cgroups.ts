/**
 * cgroups of a lab's pods, under the names that the kubelet gives them (pkg/kubelet/cm, driver cgroupfs):
 * kubepods.../podUID/CONTAINER. What is read of a process is its line in /proc/PID/cgroup:
 *
 *   0::/kubepods-plumbline-test-4711/podfdff37c2-9c99-4f55-96de-0dae20ce053c/b7fbdcbf9c10...
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const prefix = 'kubepods-plumbline-test-';

/** A pod's cgroup, as a kubelet names it to a container runtime. */
export function cgroupOf(uid: string): string {
  return `/${prefix}${process.pid}/pod${uid}`;
}

/** Puts a process into a container of a pod. @throws where this machine's cgroups cannot be written. */
export function enterCgroup(pid: number, uid: string, container: string): void {
  const folder = join(hierarchies()[0] ?? '', cgroupOf(uid), container);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'cgroup.procs'), `${pid}`);
}

/** Removes the cgroups of a pod, whose processes have ended. */
export function removeCgroups(uid: string): void {
  for (const hierarchy of hierarchies()) {
    const root = join(hierarchy, `${prefix}${process.pid}`);
    removeTree(join(root, `pod${uid}`));
    if (existsSync(root) && foldersIn(root).length === 0) rmdirSync(root);
  }
}

/** Removes what earlier runs left behind when they were killed. */
export function removeAbandonedCgroups(): void {
  for (const root of hierarchies()) {
    const own = foldersIn(root).filter((name) => name.startsWith(prefix));
    for (const name of own.filter((each) => !existsSync(`/proc/${each.slice(prefix.length)}`))) {
      removeTree(join(root, name));
    }
  }
}

/**
 * Where cgroups are mounted. The first is one in which new ones can be made by hand: cgroup2, or systemd's own hierarchy
 * where the machine still has the first kind. A container runtime makes them in all.
 */
function hierarchies(): readonly string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const second = mounts.filter(([, , kind]) => kind === 'cgroup2');
  const first = mounts.filter(([, , kind]) => kind === 'cgroup');
  const byHand = second[0] ?? first.find(([, , , options]) => options?.includes('name=systemd'));
  if (byHand === undefined) throw new Error('kernel tests of pods need cgroups: none are mounted');
  return [...new Set([byHand, ...second, ...first].map(([, place = '']) => place))];
}

/** The files in a cgroup's folder are the kernel's, and go with it; a folder goes only when those in it are gone. */
function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of foldersIn(folder)) removeTree(join(folder, name));
  rmdirSync(folder);
}

function foldersIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}
