/** A Pod in the API's form, of what pod.ts keeps of it. */
import type { ContainerPort, Pod, PodDns } from '../model/cluster.ts';
import { type ListKind, type ObjectJson, protocolJson, unlessNull, unlessZero } from './object-json.ts';

export const podList: ListKind = { apiVersion: 'v1', kind: 'PodList' };

/** That a pod is being deleted is kept, and not since when. */
const sometime = '1970-01-01T00:00:00Z';

export function podJson(pod: Pod): ObjectJson {
  const { namespace, name, uid, labels, nodeName, phase, addresses, hostNetwork, terminating, createdAt } = pod;
  return {
    metadata: {
      namespace,
      name,
      uid,
      creationTimestamp: unlessNull(createdAt),
      deletionTimestamp: terminating ? sometime : undefined,
      labels,
      annotations: annotationsOf(pod),
      ownerReferences: pod.owner === undefined ? undefined : [{ ...pod.owner, controller: true }],
    },
    spec: {
      nodeName: unlessNull(nodeName),
      hostNetwork: hostNetwork ? true : undefined,
      runtimeClassName: pod.runtimeClass === undefined ? undefined : 'some',
      ...(pod.dns === undefined ? {} : dnsJson(pod.dns)),
      containers: containersOf(pod),
    },
    status: {
      phase,
      podIP: addresses[0],
      podIPs: addresses.map((ip) => ({ ip })),
      startTime: unlessNull(pod.startedAt),
      conditions: conditionsOf(pod),
      containerStatuses: statesOf(pod),
    },
  };
}

function dnsJson({ policy, nameservers, searches, ndots }: PodDns): ObjectJson {
  const options = ndots === null ? undefined : [{ name: 'ndots', value: String(ndots) }];
  return { dnsPolicy: policy, dnsConfig: { nameservers, searches, options } };
}

/** The ports of all containers stand in the first, and as many follow as there are probes: how they ask is not kept. */
function containersOf({ ports, kubeletProbes = [] }: Pod): readonly ObjectJson[] {
  const probed = kubeletProbes.map(({ kind, port }, index) => ({
    name: `probed-${index + 1}`,
    [`${kind}Probe`]: { tcpSocket: { port } },
  }));
  return [{ name: 'all', ports: ports.map(portJson) }, ...probed];
}

/** Which networks it asks for is not kept, nor which class of runtime. */
function annotationsOf({ probePort, severalNetworks }: Pod): ObjectJson | undefined {
  if (probePort === undefined && severalNetworks === undefined) return undefined;
  return {
    'plumbline.dev/probe-port': probePort === undefined ? undefined : String(probePort),
    'k8s.v1.cni.cncf.io/networks': severalNetworks === undefined ? undefined : 'some',
  };
}

function conditionsOf({ ready, sandboxReady }: Pod): readonly ObjectJson[] {
  const sandbox = { type: 'PodReadyToStartContainers', status: sandboxReady === true ? 'True' : 'False' };
  return [...(sandboxReady === undefined ? [] : [sandbox]), ...(ready ? [{ type: 'Ready', status: 'True' }] : [])];
}

/** One that runs and one that waits stand for all. */
function statesOf({ runs, waitingReason }: Pod): readonly ObjectJson[] | undefined {
  const states: ObjectJson[] = [
    ...(runs ? [{ running: {} }] : []),
    ...(waitingReason === undefined ? [] : [{ waiting: { reason: waitingReason } }]),
  ];
  return states.length === 0 ? undefined : states.map((state) => ({ name: 'all', state }));
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
