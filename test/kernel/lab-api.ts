/** What the API server would say of a lab: the lists of its objects, as a bundle's folder `api` has them. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabPod, PodNode } from './pod-node.ts';

/** An object of the API. */
type ApiObject = Readonly<Record<string, unknown>>;

/** A Node of the lab, with what its CNI plugin wrote on it. */
export interface AnnotatedNode {
  readonly node: PodNode;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The lists, by the names of their files. */
export interface LabApi {
  readonly nodes: readonly ApiObject[];
  readonly pods: readonly ApiObject[];
  readonly events: readonly ApiObject[];
  readonly services: readonly ApiObject[];
  readonly endpointslices: readonly ApiObject[];
  readonly namespaces: readonly ApiObject[];
}

const kinds: Readonly<Record<keyof LabApi, readonly [apiVersion: string, kind: string]>> = {
  nodes: ['v1', 'NodeList'],
  pods: ['v1', 'PodList'],
  events: ['v1', 'EventList'],
  services: ['v1', 'ServiceList'],
  endpointslices: ['discovery.k8s.io/v1', 'EndpointSliceList'],
  namespaces: ['v1', 'NamespaceList'],
};

/** Everything has been there for an hour but the events, which are of now. */
export function apiOf(nodes: readonly AnnotatedNode[]): LabApi {
  const all = nodes.flatMap(({ node }) => node.pods.map((pod) => ({ node, pod })));
  return {
    nodes: nodes.map(nodeObject),
    pods: all.map(({ node, pod }) => podObject(node, pod)),
    events: all.flatMap(({ node, pod }) => (pod.network.ok ? [] : [failure(node, pod, pod.network.because)])),
    services: [],
    endpointslices: [],
    namespaces: [
      { metadata: { name: 'kube-system', uid: '0d0b6f2e-7f64-4f0e-9f0b-3c7a52f0c001' } },
      { metadata: { name: 'shop', uid: 'b6f9a4ee-6f4c-4d0c-9f5f-64c8f2e0d8a1' } },
    ],
  };
}

/** Writes the lists into a folder, which is made. */
export function writeApi(folder: string, api: LabApi): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, items] of Object.entries(api)) {
    const [apiVersion, kind] = kinds[name as keyof LabApi];
    const list = { kind, apiVersion, metadata: { resourceVersion: '1000' }, items };
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(list));
  }
}

function nodeObject({ node, annotations }: AnnotatedNode): ApiObject {
  const at = anHourAgo();
  return {
    metadata: {
      name: node.name,
      uid: `f508ec79-c1e0-44aa-ae1e-92000000000${node.number}`,
      creationTimestamp: at,
      labels: { 'kubernetes.io/hostname': node.name, 'topology.kubernetes.io/zone': 'zone-1' },
      annotations,
    },
    spec: { podCIDR: node.range, podCIDRs: [node.range] },
    status: {
      capacity: { cpu: '2', memory: '8Gi', pods: '110' },
      conditions: [
        { type: 'NetworkUnavailable', status: 'False', lastTransitionTime: at, reason: 'RouteCreated' },
        { type: 'Ready', lastTransitionTime: at, ...readiness(node) },
      ],
      addresses: [
        { type: 'InternalIP', address: node.address },
        { type: 'Hostname', address: node.name },
      ],
      nodeInfo: { kubeletVersion: 'v1.36.2', containerRuntimeVersion: 'containerd://1.7.24', operatingSystem: 'linux' },
    },
  };
}

/** As a kubelet over containerd 1.7 says it: the runtime reads the folder anew whenever it changes. */
function readiness({ folders: { cniConfigurations } }: PodNode) {
  const hasAny = readdirSync(cniConfigurations).some((name) => statSync(join(cniConfigurations, name)).size > 0);
  if (hasAny) return { status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' };
  const message =
    'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized';
  return { status: 'False', reason: 'KubeletNotReady', message };
}

/** Those of kube-system are of the Deployment coredns, as kubeadm makes it. */
function podObject(node: PodNode, { network, ...pod }: LabPod): ApiObject {
  const at = anHourAgo();
  const isWired = network.ok;
  const condition = (type: string, is = isWired) => ({ type, status: is ? 'True' : 'False', lastTransitionTime: at });
  return {
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      creationTimestamp: at,
      labels: pod.namespace === 'kube-system' ? { 'k8s-app': 'kube-dns' } : { app: pod.name },
    },
    spec: {
      nodeName: node.name,
      dnsPolicy: pod.namespace === 'kube-system' ? 'Default' : 'ClusterFirst',
      containers: [{ name: 'main', image: 'registry.example/app:1' }],
    },
    status: {
      phase: isWired ? 'Running' : 'Pending',
      conditions: [
        ...['PodReadyToStartContainers', 'Ready', 'ContainersReady'].map((type) => condition(type)),
        ...['Initialized', 'PodScheduled'].map((type) => condition(type, true)),
      ],
      hostIP: node.address,
      hostIPs: [{ ip: node.address }],
      ...(network.ok ? { podIP: network.value.address, podIPs: [{ ip: network.value.address }] } : {}),
      startTime: at,
      containerStatuses: [
        {
          name: 'main',
          ready: isWired,
          started: isWired,
          restartCount: 0,
          state: isWired ? { running: { startedAt: at } } : { waiting: { reason: 'ContainerCreating' } },
          ...(isWired ? { containerID: `containerd://${pod.id}` } : {}),
        },
      ],
    },
  };
}

/** As a kubelet over containerd 1.7 writes it. */
function failure(node: PodNode, pod: LabPod, because: string): ApiObject {
  const now = new Date().toISOString();
  return {
    metadata: { name: `${pod.name}.18a1`, namespace: pod.namespace, uid: randomUUID(), creationTimestamp: now },
    involvedObject: { kind: 'Pod', apiVersion: 'v1', namespace: pod.namespace, name: pod.name, uid: pod.uid },
    reason: 'FailedCreatePodSandBox',
    message: `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "${pod.id}": ${because}`,
    source: { component: 'kubelet', host: node.name },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 3,
    type: 'Warning',
    reportingComponent: 'kubelet',
    reportingInstance: node.name,
  };
}

function anHourAgo(): string {
  return new Date(Date.now() - 3_600_000).toISOString();
}
