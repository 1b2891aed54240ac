/** Pods, as far as the audit reads them. Fields and defaults: the API reference of Pod v1. */
import type { ContainerPort, Pod } from '../model/cluster.ts';
import type { Kind } from './api-list.ts';
import { readName } from './api-list.ts';
import type { Field } from './api-object.ts';
import { apiAddress, elements, flag, member, protocolOf, requiredText, text, textMap, whole } from './api-object.ts';
import type { Names } from './names.ts';
import { readPodDns } from './pod-dns.ts';
import { readKubeletProbes } from './pod-probes.ts';

const longestReason = 64;
const phases = ['Pending', 'Running', 'Succeeded', 'Failed'] as const;

/** @param names what pods have alike is kept once there: many pods are read at a time, and each is made small at once. */
export function podKind(names: Names): Kind<Pod> {
  return { kind: 'Pod', read: (item) => names.inPod(readPod(item)) };
}

function readPod(item: Field): Pod {
  const metadata = member(item, 'metadata');
  const spec = member(item, 'spec');
  const status = member(item, 'status');
  const { namespace, name, uid } = readName(item);
  const phase = text(member(status, 'phase'));
  return {
    namespace,
    name,
    uid,
    nodeName: text(member(spec, 'nodeName')) || null,
    phase: phases.find((known) => known === phase) ?? 'Unknown',
    labels: textMap(member(metadata, 'labels')) ?? {},
    addresses: readAddresses(status),
    hostNetwork: flag(member(spec, 'hostNetwork')) ?? false,
    ready: isReady(status),
    terminating: text(member(metadata, 'deletionTimestamp')) !== null,
    ports: longRunning(spec).flatMap((container) => elements(member(container, 'ports')).map(readPort)),
    createdAt: text(member(metadata, 'creationTimestamp')),
    startedAt: text(member(status, 'startTime')),
    runs: containersOf(status).some((state) => !isNothing(member(state, 'running'))),
    ...readWaiting(status),
    ...readSandbox(status),
    ...readWishes(member(metadata, 'annotations')),
    ...(text(member(spec, 'runtimeClassName')) ? { runtimeClass: true as const } : {}),
    ...readOwner(metadata),
    ...readPodDns(spec),
    ...readKubeletProbes(longRunning(spec), readAddresses(status)),
  };
}

/** A Deployment names its ReplicaSets after itself and the hash of their pods' template, which the pods have as a label. */
function readOwner(metadata: Field): Pick<Pod, 'owner'> {
  const owner = elements(member(metadata, 'ownerReferences')).find((one) => flag(member(one, 'controller')) === true);
  if (owner === undefined) return {};
  const [kind, name] = [requiredText(member(owner, 'kind')), requiredText(member(owner, 'name'))];
  const hash = text(member(member(metadata, 'labels'), 'pod-template-hash'));
  const isDeployed = kind === 'ReplicaSet' && hash !== null && hash !== '' && name.endsWith(`-${hash}`);
  return { owner: isDeployed ? { kind: 'Deployment', name: name.slice(0, -hash.length - 1) } : { kind, name } };
}

/** The states of all containers, those that run before the others first. */
function containersOf(status: Field): readonly Field[] {
  const names = ['initContainerStatuses', 'containerStatuses'];
  return names.flatMap((name) => elements(member(status, name)).map((container) => member(container, 'state')));
}

function isNothing({ value }: Field): boolean {
  return value === undefined || value === null;
}

function readWaiting(status: Field): Pick<Pod, 'waitingReason'> {
  const waiting = containersOf(status).find((state) => !isNothing(member(state, 'waiting')));
  const reason = waiting === undefined ? null : text(member(member(waiting, 'waiting'), 'reason'));
  return reason === null ? {} : { waitingReason: reason.slice(0, longestReason) };
}

/** From v1.29 on; in older releases the condition had another name for a while. */
function readSandbox(status: Field): Pick<Pod, 'sandboxReady'> {
  const types = ['PodReadyToStartContainers', 'PodHasNetwork'];
  const condition = elements(member(status, 'conditions')).find((one) =>
    types.includes(text(member(one, 'type')) ?? ''),
  );
  return condition === undefined ? {} : { sandboxReady: text(member(condition, 'status')) === 'True' };
}

/** What its owner says of it to Plumbline and to Multus. */
function readWishes(annotations: Field): Pick<Pod, 'probePort' | 'severalNetworks'> {
  const port = Number(text(member(annotations, 'plumbline.dev/probe-port')) ?? Number.NaN);
  const networks = text(member(annotations, 'k8s.v1.cni.cncf.io/networks'))?.trim() ?? '';
  return {
    ...(Number.isInteger(port) && port > 0 && port < 65_536 ? { probePort: port } : {}),
    ...(networks === '' ? {} : { severalNetworks: true as const }),
  };
}

/** Pods of old servers have one address; what is none is passed over. */
function readAddresses(status: Field): Pod['addresses'] {
  const several = elements(member(status, 'podIPs')).map((entry) => member(entry, 'ip'));
  const fields = several.length > 0 ? several : [member(status, 'podIP')];
  return fields.flatMap((field) => apiAddress(text(field) ?? '') ?? []);
}

function isReady(status: Field): boolean {
  return elements(member(status, 'conditions')).some(
    (condition) => text(member(condition, 'type')) === 'Ready' && text(member(condition, 'status')) === 'True',
  );
}

/** Init containers that go on beside the others (sidecars) have ports and probes that count too. */
function longRunning(spec: Field): readonly Field[] {
  const sidecars = elements(member(spec, 'initContainers')).filter(
    (container) => text(member(container, 'restartPolicy')) === 'Always',
  );
  return [...elements(member(spec, 'containers')), ...sidecars];
}

function readPort(port: Field): ContainerPort {
  return {
    name: text(member(port, 'name')) ?? '',
    protocol: protocolOf(member(port, 'protocol')),
    port: whole(member(port, 'containerPort'), 65535) ?? 0,
    hostPort: whole(member(port, 'hostPort'), 65535) ?? 0,
    hostAddress: hostAddressOf(text(member(port, 'hostIP')) ?? ''),
  };
}

/** `0.0.0.0` and `::` are every address. */
function hostAddressOf(written: string): ContainerPort['hostAddress'] {
  const address = apiAddress(written);
  return address === null || address === '0.0.0.0' || address === '::' ? null : address;
}
