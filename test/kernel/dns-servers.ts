/** The servers of the lab of DNS: replicas in their pods, two servers above at the switch, the cache on the first node. */
import type { PodLab } from './lab-nodes.ts';
import { wiredAs } from './pod-faults.ts';
import type { LabPod } from './pod-node.ts';
import { type Resolver, type ResolverPlan, startResolver } from './unbound.ts';

export const dnsAddress = '10.96.0.10';
export const cacheAddress = '169.254.20.10';
export const above = ['192.168.100.53', '192.168.100.54'] as const;
/** Outside of the cluster. */
export const externalName = 'plumbline.example';

/** The zone of the cluster, as far as agents ask for it. */
export const clusterZone: readonly string[] = [
  'local-zone: "cluster.local." static',
  'local-data: "kubernetes.default.svc.cluster.local. 30 IN A 10.96.0.1"',
];

/** What the servers above know, and nothing else. */
const worldZone: readonly string[] = [
  'local-zone: "." always_refuse',
  'local-zone: "example." static',
  `local-data: "${externalName}. 30 IN A 198.51.100.7"`,
];

/** How the servers and the settings differ from what they should be; what is absent does not. */
export interface DnsPlan {
  readonly replicas?: readonly [Partial<ResolverPlan>, Partial<ResolverPlan>];
  readonly above?: readonly [Partial<ResolverPlan>, Partial<ResolverPlan>];
  /** The kubelet's `clusterDNS` on node-1. */
  readonly given?: string;
  /** The nodes' resolv.conf, which their kubelets hand on to the replicas. */
  readonly nodeResolvers?: readonly string[];
  /** A cache runs on node-1, and pods are given its address. */
  readonly nodeLocal?: boolean;
}

/** The servers as they run. */
export interface Running {
  readonly replicas: readonly [Resolver, Resolver];
  readonly above: readonly [Resolver, Resolver];
  readonly nodeLocal: Resolver | null;
  end(): Promise<void>;
}

export interface ServerPlaces {
  readonly lab: PodLab;
  readonly replicas: readonly [LabPod, LabPod];
  /** Of their configurations. */
  readonly folder: string;
}

/** Starts all of them at once. @throws with what the one said that did not start. */
export async function startServers({ lab, replicas, folder }: ServerPlaces, plan: DnsPlan): Promise<Running> {
  const addresses = replicas.map((pod) => wiredAs(pod).address);
  const start = (usual: ResolverPlan, changes: Partial<ResolverPlan> = {}) =>
    startResolver({ ...usual, ...changes }, folder);
  const replica = (at: 0 | 1) => {
    const [namespace, address] = [replicas[at].networkNamespace, addresses[at] ?? ''];
    const asks = { '.': plan.nodeResolvers ?? above };
    return start({ namespace, address, says: clusterZone, asks }, plan.replicas?.[at]);
  };
  const server = (at: 0 | 1) =>
    start({ namespace: lab.switch.namespace, address: above[at], says: worldZone, asks: {} }, plan.above?.[at]);
  const cache = (namespace: string) => start({ namespace, address: cacheAddress, says: [], asks: { '.': addresses } });
  const [node] = lab.nodes;
  const all = [replica(0), replica(1), server(0), server(1)] as const;
  const nodeLocal = plan.nodeLocal === true && node !== undefined ? await cache(node.namespace) : null;
  const [one, two, first, second] = await Promise.all(all);
  const running = [one, two, first, second, ...(nodeLocal === null ? [] : [nodeLocal])];
  return {
    replicas: [one, two],
    above: [first, second],
    nodeLocal,
    end: async () => void (await Promise.all(running.map((each) => each.end()))),
  };
}
