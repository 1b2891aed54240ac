/** A Pod in the API's form, of what pod.ts keeps of it. */
import type { ContainerPort, Pod } from '../model/cluster.ts';
import { type ListKind, type ObjectJson, protocolJson, unlessNull, unlessZero } from './object-json.ts';

export const podList: ListKind = { apiVersion: 'v1', kind: 'PodList' };

/** That a pod is being deleted is kept, and not since when. */
const sometime = '1970-01-01T00:00:00Z';

/** The ports of all containers stand in one. */
export function podJson(pod: Pod): ObjectJson {
  const { namespace, name, uid, labels, nodeName, phase, addresses, hostNetwork, ready, terminating, createdAt } = pod;
  return {
    metadata: {
      namespace,
      name,
      uid,
      creationTimestamp: unlessNull(createdAt),
      deletionTimestamp: terminating ? sometime : undefined,
      labels,
    },
    spec: {
      nodeName: unlessNull(nodeName),
      hostNetwork: hostNetwork ? true : undefined,
      containers: [{ name: 'all', ports: pod.ports.map(portJson) }],
    },
    status: {
      phase,
      podIP: addresses[0],
      podIPs: addresses.map((ip) => ({ ip })),
      conditions: ready ? [{ type: 'Ready', status: 'True' }] : [],
    },
  };
}

function portJson({ name, protocol, port, hostPort, hostAddress }: ContainerPort): ObjectJson {
  return {
    name: name === '' ? undefined : name,
    protocol: protocolJson(protocol),
    containerPort: port,
    hostPort: unlessZero(hostPort),
    hostIP: unlessNull(hostAddress),
  };
}
