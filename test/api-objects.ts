/** API objects as the API server tells them, in short: for the stand-in. */
import type { ApiObject } from '../cli/demo/api-server/api-resources.ts';

/** `shop/web`, a ClusterIP Service with one port. */
export function apiService(name: string, port = 80, labels: Readonly<Record<string, string>> = {}): ApiObject {
  return {
    metadata: { ...split(name), labels, managedFields: [{ manager: 'kubectl' }] },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.10',
      clusterIPs: ['10.96.0.10'],
      ports: [{ port, protocol: 'TCP' }],
    },
  };
}

/** A slice `shop/web-1` of a Service of the same namespace, with these addresses ready. */
export function apiSlice(
  name: string,
  serviceName: string,
  addresses: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): ApiObject {
  return {
    metadata: { ...split(name), labels: { 'kubernetes.io/service-name': serviceName, ...labels } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true }, nodeName: 'node-a' })),
  };
}

/** A Node with one internal address. */
export function apiNode(name: string, address = '192.0.2.1'): ApiObject {
  return {
    metadata: { name, creationTimestamp: '2026-11-22T07:00:00Z' },
    spec: { podCIDR: '10.244.1.0/24' },
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

/** A pod of the agents' DaemonSet: `plumbline/plumbline-agent-abcde`. */
export function apiAgentPod(name: string, nodeName: string, uid: string): ApiObject {
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    name: 'plumbline-agent',
    uid: 'uid-of-ds',
    controller: true,
  };
  return {
    metadata: {
      ...split(name),
      uid,
      labels: { 'app.kubernetes.io/name': 'plumbline-agent' },
      ownerReferences: [owner],
    },
    spec: { nodeName, serviceAccountName: 'plumbline-agent' },
  };
}

/** A pod that is ready on a node: `shop/web-0`. */
export function apiPod(name: string, nodeName: string, labels: Readonly<Record<string, string>> = {}): ApiObject {
  return {
    metadata: { ...split(name), labels, managedFields: [{ manager: 'kubelet' }] },
    spec: {
      nodeName,
      containers: [
        { name: 'app', env: [{ name: 'KEY', value: 'any' }], ports: [{ name: 'http', containerPort: 8080 }] },
      ],
    },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.244.1.2' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

/** A kubelet's event: the sandbox of the pod `shop/web-0` could not be made. @param at when it was said last. */
export function apiSandboxEvent(pod: string, nodeName: string, at: string): ApiObject {
  const { namespace, name } = split(pod);
  return {
    metadata: { namespace, name: `${name}.1`, creationTimestamp: at },
    involvedObject: { kind: 'Pod', namespace, name, uid: `uid-of-${name}` },
    source: { component: 'kubelet', host: nodeName },
    type: 'Warning',
    reason: 'FailedCreatePodSandBox',
    message: 'Failed to create pod sandbox: cni plugin not initialized',
    count: 2,
    firstTimestamp: at,
    lastTimestamp: at,
  };
}

export function apiNamespace(name: string, annotations: Readonly<Record<string, string>> = {}): ApiObject {
  return { metadata: { name, annotations, labels: { 'kubernetes.io/metadata.name': name } } };
}

function split(name: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', plain = ''] = name.split('/');
  return { namespace, name: plain };
}
