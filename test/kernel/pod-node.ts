/** A node of a lab, and the pods on it: each a namespace with a process in it, wired by whatever wires pods here. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { until } from '../e2e/until.ts';
import type { CniAnswer, LabSandbox, Wiring } from './cni-runtime.ts';
import { makeNamespace, mustRunIn, removeNamespace } from './namespaces.ts';
import type { NodeFolders } from './node-folders.ts';
import { enterCgroup, removeCgroups } from './pod-cgroups.ts';

/** A pod that the API knows. */
export interface LabPod extends LabSandbox {
  /** What came of its sandbox. */
  readonly network: CniAnswer;
  /** Its one process; null where it has no sandbox. */
  readonly pid: number | null;
}

export interface PodNode {
  /** The Node's name in the API. */
  readonly name: string;
  readonly number: number;
  readonly namespace: string;
  /** Of its uplink, eth0. */
  readonly address: string;
  /** The node's range of pods. */
  readonly range: string;
  readonly folders: NodeFolders;
  /** From places of a real node to the lab's folders. */
  readonly places: Readonly<Record<string, string>>;
  /** In the order in which they were made; those that the API does not know any more are left out. */
  readonly pods: readonly LabPod[];
  /** Makes a pod as a kubelet does, in the namespace `shop`; one whose network fails stays in the API, and waits. */
  addPod(name: string): Promise<LabPod>;
  /** Makes one in another namespace of the API. */
  addPodOf(namespace: string, name: string): Promise<LabPod>;
  /** Ends it and its process as a kubelet does. */
  removePod(pod: LabPod): Promise<void>;
  /** It is gone, as after a restart of the machine: its namespace and links too; what the plugins wrote down stays. */
  losePod(pod: LabPod): Promise<void>;
  /** It is gone from the API, its process has ended; its namespace, its links and what was written down stay. */
  leavePod(pod: LabPod): Promise<void>;
  close(): Promise<void>;
}

export type PodNodePlan = Omit<
  PodNode,
  'pods' | 'addPod' | 'addPodOf' | 'removePod' | 'losePod' | 'leavePod' | 'close'
> & {
  readonly wiring: Wiring;
};

/** A node without pods. Its namespace must be there; it is removed with the node. */
export function openPodNode({ wiring, ...plan }: PodNodePlan): PodNode {
  const pods: LabPod[] = [];
  const processes = new Map<string, ChildProcess>();
  const namespaces = new Set<string>();
  const end = async (pod: LabPod): Promise<void> => {
    await endProcess(processes.get(pod.uid));
    processes.delete(pod.uid);
    removeCgroups(pod.uid);
  };
  const forget = async (pod: LabPod): Promise<void> => {
    pods.splice(pods.indexOf(pod), 1);
    await end(pod);
  };
  const drop = (pod: LabPod): void => {
    removeNamespace(pod.networkNamespace);
    namespaces.delete(pod.networkNamespace);
  };
  const addPodOf = async (namespace: string, name: string): Promise<LabPod> => {
    const sandbox = makeSandbox(namespace, name);
    namespaces.add(sandbox.networkNamespace);
    const child = await startProcess(sandbox);
    processes.set(sandbox.uid, child);
    const network = wiring.attach(plan, sandbox);
    await hasEntered(child, name);
    const pod = { ...sandbox, network, pid: network.ok ? (child.pid ?? null) : null };
    pods.push(pod);
    if (!network.ok) await end(pod).then(() => drop(pod));
    return pod;
  };
  return {
    ...plan,
    pods,
    addPod: (name) => addPodOf('shop', name),
    addPodOf,
    removePod: async (pod) => {
      await forget(pod);
      wiring.detach(plan, pod);
      drop(pod);
    },
    losePod: async (pod) => {
      await forget(pod);
      drop(pod);
    },
    leavePod: forget,
    close: async () => {
      await Promise.all(pods.slice().map(forget));
      for (const namespace of [...namespaces, plan.namespace]) removeNamespace(namespace);
    },
  };
}

function makeSandbox(namespace: string, name: string): LabSandbox {
  const uid = randomUUID();
  const networkNamespace = makeNamespace(`pod-${uid.slice(0, 8)}`);
  // Whoever asks a closed port is told so each time, not six times a second.
  mustRunIn(networkNamespace, 'sysctl', ['-qw', 'net.ipv4.icmp_ratelimit=0', 'net.ipv4.icmp_ratemask=0']);
  return { id: randomBytes(32).toString('hex'), networkNamespace, namespace, name, uid };
}

/** The one container of a pod's sandbox. It ends with this process at the latest. */
async function startProcess({ id, networkNamespace, uid }: LabSandbox): Promise<ChildProcess> {
  const words = ['--pdeathsig', 'KILL', '--', 'ip', 'netns', 'exec', networkNamespace, 'sleep', '3600'];
  const child = spawn('setpriv', words, { stdio: 'ignore' });
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error('a spawned child has a pid');
  enterCgroup(child.pid, uid, id);
  return child;
}

/** Until it sleeps, it may still be in this process's own namespace. */
async function hasEntered(child: ChildProcess, name: string): Promise<void> {
  await until({
    what: `the process of ${name} to be in its namespace`,
    seconds: 10,
    look: () => readFileSync(`/proc/${child.pid}/comm`, 'latin1'),
    met: (program) => program === 'sleep\n',
  });
}

async function endProcess(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
