/**
 * The largest cluster that Kubernetes supports, object by object, none of them kept: 5,000 nodes, 10,000 Services, 150,000
 * pods. Pods are shop/web-0 of recording s1-healthy with other names: what is dropped of them is as large as in reality.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiObject } from '../../../cli/demo/api-server/api-resources.ts';
import { recordingFolder } from '../../recordings.ts';
import { nodeAddressOf, nodeNameOf, podPrefixOf, serviceNameOf, serviceObject, sliceObject } from './api-objects.ts';

export const largest = { namespaces: 500, nodes: 5000, services: 10_000, pods: 150_000 };

const podsOfService = largest.pods / largest.services;
/** Every so many-th Service selects a label that no pod has, is empty, and its pods are there. */
const emptyEvery = 100;
/** Every so many-th Service is of a StatefulSet, whose pods each have labels of their own. */
const statefulEvery = 10;

/** How many objects there are of each resource that is served. */
export const counts: Readonly<Record<string, number>> = {
  namespaces: largest.namespaces,
  nodes: largest.nodes,
  services: largest.services,
  endpointslices: largest.services,
  pods: largest.pods,
};

/** All objects are at this one until they change. */
export const firstVersion = 2;

/** @param version its resourceVersion; a pod is ready at the first one, and after a change it is not. */
export function objectOf(plural: string, index: number, version: number): ApiObject {
  const made = { ...makers[plural]?.(index, version) };
  const { metadata, ...rest } = { metadata: { name: '' }, ...made };
  const identity = { uid: uidOf(plural, index), resourceVersion: String(version) };
  return { ...rest, metadata: { ...metadata, ...identity } };
}

const makers: Readonly<Record<string, (index: number, version: number) => ApiObject>> = {
  namespaces: (index) => ({ metadata: { name: namespaceOf(index) } }),
  nodes: (index) => ({
    metadata: { name: nodeNameOf(index), creationTimestamp: '2026-11-22T07:00:00Z' },
    spec: { podCIDRs: [podPrefixOf(index)] },
    status: {
      addresses: [{ type: 'InternalIP', address: nodeAddressOf(index) }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  }),
  services: (index) => {
    const service = serviceObject(index);
    const app = serviceNameOf(index);
    const selector = { app: index % emptyEvery === 0 ? `${app}-old` : app };
    return {
      ...service,
      metadata: { ...service.metadata, namespace: namespaceOf(index) },
      spec: { ...Object(service.spec), selector },
    };
  },
  endpointslices: (index) => {
    const pods = Array.from({ length: podsOfService }, (_, number) => index + number * largest.services);
    const endpoints = pods.map((pod) => ({
      address: addressOf(pod),
      nodeName: nodeNameOf(pod % largest.nodes),
      phase: 'ready' as const,
    }));
    const slice = sliceObject(index, index % emptyEvery === 0 ? [] : endpoints);
    return { ...slice, metadata: { ...slice.metadata, namespace: namespaceOf(index) } };
  },
  pods: podObject,
};

const template = recordedPod();

/** Its container, with the probes that most have. */
const probed = [template.spec]
  .flatMap((spec) => Object(spec).containers as readonly object[])
  .map((container) => ({
    ...container,
    livenessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10 },
    readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 5 },
  }));

function recordedPod(): ApiObject {
  const list = JSON.parse(readFileSync(join(recordingFolder('s1-healthy'), 'api/pods.json'), 'utf8'));
  const pods: readonly ApiObject[] = list.items;
  const pod = pods.find(({ metadata }) => metadata.namespace === 'shop' && metadata.name === 'web-0');
  if (pod === undefined) throw new Error('s1-healthy has a pod shop/web-0');
  return { ...pod, kind: 'Pod', apiVersion: 'v1' };
}

/** Pod `index` is of Service `index % services`, and on node `index % nodes`. */
function podObject(index: number, version: number): ApiObject {
  const service = index % largest.services;
  const app = serviceNameOf(service);
  const number = Math.floor(index / largest.services);
  const isStateful = service % statefulEvery === 1;
  const hash = (service * 2_654_435_761).toString(36).slice(-8);
  const name = isStateful ? `${app}-${number}` : `${app}-${hash}-${(index * 48_271).toString(36).slice(-5)}${number}`;
  const labels = {
    app,
    'app.kubernetes.io/part-of': namespaceOf(service),
    ...(isStateful
      ? { 'apps.kubernetes.io/pod-index': String(number), 'statefulset.kubernetes.io/pod-name': name }
      : { 'pod-template-hash': hash }),
  };
  const owner = isStateful ? { kind: 'StatefulSet', name: app } : { kind: 'ReplicaSet', name: `${app}-${hash}` };
  const address = addressOf(index);
  const ready = version === firstVersion ? 'True' : 'False';
  return {
    ...template,
    metadata: {
      ...template.metadata,
      namespace: namespaceOf(service),
      name,
      labels,
      ownerReferences: [{ ...owner, controller: true }],
    },
    spec: { ...Object(template.spec), containers: probed, nodeName: nodeNameOf(index % largest.nodes) },
    status: {
      ...Object(template.status),
      conditions: [{ type: 'Ready', status: ready }],
      podIP: address,
      podIPs: [{ ip: address }],
    },
  };
}

function namespaceOf(index: number): string {
  return `team-${String(index % largest.namespaces).padStart(3, '0')}`;
}

function addressOf(pod: number): string {
  return `10.${128 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`;
}

function uidOf(plural: string, index: number): string {
  const digits = (index * 7919 + plural.length).toString(16).padStart(12, '0');
  return `0f6f7a52-9c1d-4b1e-8d53-${digits}`;
}
