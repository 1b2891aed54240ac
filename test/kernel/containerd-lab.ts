/**
 * A node whose pods are sandboxes of a real containerd, made as a kubelet makes them and wired by Debian's CNI plugin
 * bridge:
 *
 *   pause: eth0 10.244.1.2 ---- vethX [ cni0 10.244.1.1 ] node-1: eth0 192.168.100.11 ---- switch
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../e2e/until.ts';
import type { CniOutcome } from './cni-runtime.ts';
import { type Containerd, type ContainerdPlan, containerdPrograms, startContainerd } from './containerd.ts';
import { type CriOrders, criOrders } from './cri-orders.ts';
import { apiOf, writeApi } from './lab-api.ts';
import { joinNode, openSwitch, uplinkAddress } from './lab-switch.ts';
import { folderPrefix, removeAbandonedFolders } from './lab-nodes.ts';
import { attachNamespace, removeNamespace, whyNotHere } from './namespaces.ts';
import { copyPlugins, installPlugins, makeFolders, type NodeFolders, placesOf } from './node-folders.ts';
import { makePauseImage } from './pause-image.ts';
import { cgroupOf, removeAbandonedCgroups, removeCgroups } from './pod-cgroups.ts';
import { configurationOf } from './pod-lab.ts';
import type { LabPod, PodNode } from './pod-node.ts';

export interface ContainerdLab {
  readonly node: PodNode;
  /** Where the runtime listens. */
  readonly socket: string;
  /** Makes a pod with the node's own network, of which the API is not told. @returns its UID. */
  addHostPod(name: string): Promise<string>;
  /** Ends a pod's sandbox, as a kubelet does first; it stays listed until it is removed. */
  stop(pod: LabPod): Promise<void>;
  /** The machine is switched off, what the runtime knew is wiped, and it starts; what CNI wrote down is still there. */
  reinstall(): Promise<void>;
  /** Writes the API's objects as the folder `api` of a bundle. @returns the folder. */
  writeApi(): string;
  close(): Promise<void>;
}

const plugins = ['bridge', 'host-local', 'portmap', 'loopback'];
const range = '10.244.1.0/24';

/** What the pods of a lab are made and ended with. */
interface Kubelet {
  readonly plan: ContainerdPlan;
  readonly pods: LabPod[];
  /** UIDs whose cgroups there are. */
  readonly uids: Set<string>;
  containerd: Containerd;
  orders: CriOrders;
}

/**
 * Opens the lab with two pods; what there is of it goes when that fails.
 * @throws with the command that failed, or why it cannot be opened here.
 */
export async function openContainerdLab(purpose: string): Promise<ContainerdLab> {
  const obstacle = whyNotHere(['ip', 'setpriv', ...containerdPrograms]);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandonedCgroups();
  removeAbandonedFolders();
  const root = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-${purpose}-`));
  const between = openSwitch(purpose);
  const namespace = joinNode(between, purpose, 1);
  const leave = () => {
    removeNamespace(namespace);
    between.close();
    rmSync(root, { recursive: true, force: true });
  };
  let close = async () => leave();
  try {
    const kubelet = await startKubelet(root, namespace);
    const node = nodeOf(kubelet);
    close = () => node.close().finally(leave);
    for (const name of ['web-1a', 'web-1b']) await node.addPod(name);
    return { ...labOf(kubelet, node, join(root, 'api')), close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** A node's runtime, with a CNI configuration and without pods. */
async function startKubelet(root: string, namespace: string): Promise<Kubelet> {
  const folders = makeFolders(join(root, 'node-1'));
  installPlugins(folders, copyPlugins(root, plugins), plugins);
  writeFileSync(join(folders.cniConfigurations, '10-lab.conflist'), configurationOf(range, 'bridge'));
  const own = join(root, 'containerd');
  mkdirSync(own);
  const plan = { root: own, namespace, folders, image: await makePauseImage(root) };
  const containerd = await startContainerd(plan);
  return { plan, pods: [], uids: new Set(), containerd, orders: criOrders(containerd.socket) };
}

function labOf(kubelet: Kubelet, node: PodNode, api: string): Omit<ContainerdLab, 'close'> {
  return {
    node,
    socket: kubelet.containerd.socket,
    addHostPod: async (name) => (await runSandbox(kubelet, { namespace: 'shop', name }, true)).uid,
    stop: (pod) => kubelet.orders.stop(pod.id),
    reinstall: () => reinstall(kubelet),
    writeApi: () => {
      writeApi(api, apiOf([{ node, annotations: {} }]));
      return api;
    },
  };
}

function nodeOf(kubelet: Kubelet): PodNode {
  const { plan, pods } = kubelet;
  const { folders, namespace } = plan;
  const gone = (pod: LabPod) => void pods.splice(pods.indexOf(pod), 1);
  return {
    name: 'node-1',
    number: 1,
    namespace,
    address: uplinkAddress(1),
    range,
    folders,
    places: placesOf(folders, 'plain'),
    pods,
    addPod: (name) => addPod(kubelet, 'shop', name),
    addPodOf: (podNamespace, name) => addPod(kubelet, podNamespace, name),
    removePod: async (pod) => {
      gone(pod);
      await kubelet.orders.stop(pod.id);
      await kubelet.orders.remove(pod.id);
      removeNamespace(pod.networkNamespace);
    },
    losePod: () => Promise.reject(new Error('a sandbox of containerd is not lost alone: reinstall')),
    leavePod: () => Promise.reject(new Error('containerd leaves nothing behind by itself')),
    close: () => endAll(kubelet),
  };
}

interface Ran {
  readonly id: string;
  readonly uid: string;
  readonly pid: number;
}

interface NamedPod {
  readonly namespace: string;
  readonly name: string;
}

async function runSandbox(
  { orders, uids }: Kubelet,
  { namespace, name }: NamedPod,
  hostNetwork: boolean,
): Promise<Ran> {
  const uid = randomUUID();
  uids.add(uid);
  const id = await orders.run({ namespace, name, uid, cgroup: cgroupOf(uid), hostNetwork });
  const pid = await until({
    what: `a process of ${name}`,
    seconds: 10,
    look: () => processOf(id),
    met: (found) => found !== null,
  });
  return { id, uid, pid: pid ?? 0 };
}

async function addPod(kubelet: Kubelet, namespace: string, name: string): Promise<LabPod> {
  const { id, uid, pid } = await runSandbox(kubelet, { namespace, name }, false);
  // The runtime's own name for it is seen by nobody else.
  const networkNamespace = attachNamespace(`pod-${uid.slice(0, 8)}`, pid);
  const network = { ok: true, value: wiringOf(kubelet.plan.folders, id) } as const;
  const pod = { id, networkNamespace, namespace, name, uid, network, pid };
  kubelet.pods.push(pod);
  return pod;
}

/** By its cgroup; null where there is none. */
function processOf(id: string): number | null {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'latin1').includes(`/${id}\n`);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
  return found === undefined ? null : Number(found);
}

/** As libcni wrote it down. */
function wiringOf({ cniState }: NodeFolders, id: string): CniOutcome {
  interface Kept {
    readonly result: {
      readonly interfaces: readonly { readonly name: string; readonly sandbox?: string }[];
      readonly ips: readonly { readonly address: string }[];
    };
  }
  const { result }: Kept = JSON.parse(readFileSync(join(cniState, `results/labnet-${id}-eth0`), 'utf8'));
  const address = result.ips[0]?.address.split('/')[0];
  const nodeLink = result.interfaces.findLast(({ sandbox }) => sandbox === undefined)?.name;
  if (address === undefined || nodeLink === undefined) throw new Error(`no address: ${JSON.stringify(result)}`);
  return { address, nodeLink };
}

async function reinstall(kubelet: Kubelet): Promise<void> {
  await endAll(kubelet);
  for (const folder of ['root', 'state', 'run']) {
    rmSync(join(kubelet.plan.root, folder), { recursive: true, force: true });
  }
  kubelet.containerd = await startContainerd(kubelet.plan);
  kubelet.orders = criOrders(kubelet.containerd.socket);
}

/** All at once, with their namespaces and cgroups. */
async function endAll({ containerd, orders, pods, uids }: Kubelet): Promise<void> {
  orders.close();
  await containerd.kill();
  for (const pod of pods.splice(0)) removeNamespace(pod.networkNamespace);
  for (const uid of uids) {
    await until({
      what: 'the sandboxes to end',
      seconds: 10,
      look: () => {
        removeCgroups(uid);
        return true;
      },
      met: Boolean,
    });
  }
  uids.clear();
}
