/** A cluster of any size as API objects, in the stand-in of the API server: nodes with agents' pods, Services, slices. */
import type { ApiObject } from '../../../cli/demo/api-server/api-resources.ts';
import type { ApiStandIn } from '../../../cli/demo/api-server/stand-in.ts';

export interface ClusterSize {
  readonly nodes: number;
  readonly services: number;
  /** Of each Service. */
  readonly endpoints: number;
}

/** One endpoint as the API has it, as far as it ever changes. */
export interface LoadEndpoint {
  readonly address: string;
  readonly nodeName: string;
  readonly phase: 'starting' | 'ready' | 'terminating';
}

/** The agents are these. */
export const agentIdentity = { namespace: 'plumbline', name: 'plumbline-agent', audience: 'plumbline' };

export function nodeNameOf(index: number): string {
  return `node-${String(index + 1).padStart(4, '0')}`;
}

/** `192.168.0.11` and on: of nodes, inside their cluster. */
export function nodeAddressOf(index: number): string {
  const number = index + 11;
  return `192.168.${number >> 8}.${number & 255}`;
}

/** Pods of all nodes share 10.128.0.0/9, and each has a /24 of it. */
export const podRange = '10.128.0.0/9';

export function podPrefixOf(nodeIndex: number): string {
  return `10.${128 + (nodeIndex >> 8)}.${nodeIndex & 255}.0/24`;
}

/** @param pod counts the pods of a node, and goes round. */
export function podAddressOf(nodeIndex: number, pod: number): string {
  return podPrefixOf(nodeIndex).replace(/0\/24$/, String((pod % 250) + 2));
}

export function serviceNameOf(index: number): string {
  return `svc-${String(index + 1).padStart(5, '0')}`;
}

/** The token of a node's agent. It is none that a real API server could have signed. */
export function agentTokenOf(nodeIndex: number): string {
  return `load.${nodeNameOf(nodeIndex)}.token`;
}

export const namespace = 'load';
const anHourAgo = (): string => new Date(Date.now() - 3_600_000).toISOString();

/** Puts the nodes, and the pods of their agents with their tokens, into the stand-in. */
export function addNodes(api: ApiStandIn, count: number): void {
  const creationTimestamp = anHourAgo();
  for (let index = 0; index < count; index++) {
    const name = nodeNameOf(index);
    api.apply('nodes', {
      metadata: { name, creationTimestamp },
      spec: { podCIDR: podPrefixOf(index), podCIDRs: [podPrefixOf(index)] },
      status: {
        addresses: [{ type: 'InternalIP', address: nodeAddressOf(index) }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    addAgentPod(api, index);
  }
}

function addAgentPod(api: ApiStandIn, nodeIndex: number): void {
  const { namespace: home, name, audience } = agentIdentity;
  const nodeName = nodeNameOf(nodeIndex);
  const pod = { namespace: home, name: `${name}-${nodeName}`, uid: `uid-of-agent-on-${nodeName}` };
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name, uid: 'uid-of-agents', controller: true };
  api.apply('pods', {
    metadata: {
      ...pod,
      labels: { 'app.kubernetes.io/name': 'plumbline', 'app.kubernetes.io/component': 'agent' },
      ownerReferences: [owner],
    },
    spec: { nodeName, serviceAccountName: name },
  });
  api.addToken({
    token: agentTokenOf(nodeIndex),
    username: `system:serviceaccount:${home}:${name}`,
    uid: 'uid-of-account',
    groups: ['system:serviceaccounts'],
    extra: {
      'authentication.kubernetes.io/pod-name': [pod.name],
      'authentication.kubernetes.io/pod-uid': [pod.uid],
      'authentication.kubernetes.io/node-name': [nodeName],
    },
    audiences: [audience],
    pod,
  });
}

/** Every fourth has a node port, every fiftieth a Local policy, every tenth client affinity. */
export function serviceObject(index: number): ApiObject {
  const hasNodePort = index % 4 === 0;
  const clusterIP = `10.96.${index >> 8}.${index & 255}`;
  return {
    metadata: { namespace, name: serviceNameOf(index), labels: { app: serviceNameOf(index) } },
    spec: {
      type: hasNodePort ? 'NodePort' : 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      selector: { app: serviceNameOf(index) },
      internalTrafficPolicy: 'Cluster',
      ...(hasNodePort ? { externalTrafficPolicy: index % 50 === 0 ? 'Local' : 'Cluster' } : {}),
      sessionAffinity: index % 10 === 0 ? 'ClientIP' : 'None',
      ...(index % 10 === 0 ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } } : {}),
      ports: [
        {
          name: 'http',
          protocol: 'TCP',
          port: 80,
          targetPort: 8080,
          ...(hasNodePort ? { nodePort: 30_000 + (index % 32_000) } : {}),
        },
      ],
    },
  };
}

export function sliceObject(serviceIndex: number, endpoints: readonly LoadEndpoint[]): ApiObject {
  const service = serviceNameOf(serviceIndex);
  return {
    metadata: {
      namespace,
      name: `${service}-x`,
      labels: { 'kubernetes.io/service-name': service, app: service },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': new Date().toISOString() },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map(({ address, nodeName, phase }) => ({
      addresses: [address],
      conditions: {
        ready: phase === 'ready',
        serving: phase !== 'starting',
        terminating: phase === 'terminating',
      },
      nodeName,
      targetRef: { kind: 'Pod', namespace, name: `${service}-${address.replaceAll('.', '-')}` },
    })),
  };
}
