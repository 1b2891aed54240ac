/**
 * Whose process it is: a container runtime puts each container of a pod into a cgroup that says so (cgroups(7)), and
 * /proc/<pid>/cgroup names it. With either version of cgroups, by either driver of the kubelet (pkg/kubelet/cm):
 *
 *     0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0b8e1d4e_7f0e_...slice/cri-containerd-6a38....scope
 *     4:memory:/kubepods/besteffort/pod0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e/6a3857a2...
 *     0::/system.slice/containerd.service/kubepods-besteffort-pod0b8e1d4e_....slice:cri-containerd:6a3857a2...
 *
 * Seen from another cgroup namespace the path begins where that one does, so that what all pods have in common may lack:
 *
 *     0::/../../pod0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e/6a3857a2...
 */

export interface ProcessPod {
  readonly uid: string;
  /** 64 hexadecimal digits: of the sandbox for its pause process, else of a container. */
  readonly container: string;
}

/** Static pods have a hash for a UID. */
const uid = '([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})';
const container = '(?![0-9a-f]).{0,100}?[/:-]([0-9a-f]{64})(?![0-9a-f])';
const whole = new RegExp(`kubepods.{0,200}?pod${uid}${container}`);
const relative = new RegExp(`:(?:/\\.\\.){1,20}/(?:burstable/|besteffort/)?pod${uid}${container}`);
/** CRI-O's watcher of a container has a cgroup beside it, and the node's own network. */
const watcher = 'crio-conmon-';
const longestLine = 4096;

/** Null of a process that is of no pod. @param cgroup the text of /proc/<pid>/cgroup. */
export function podOfProcess(cgroup: string): ProcessPod | null {
  for (const line of cgroup.split('\n')) {
    if (line.length > longestLine || line.includes(watcher)) continue;
    const [, pod, of] = whole.exec(line) ?? relative.exec(line) ?? [];
    if (pod !== undefined && of !== undefined) return { uid: pod.replaceAll('_', '-'), container: of };
  }
  return null;
}
