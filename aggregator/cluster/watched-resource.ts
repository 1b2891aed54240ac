/** The resources that are listed and watched: where they lie, which of them, and how one is read. */
import type { ClusterNode, EndpointSlice, Namespace, Pod, PodEvent, Service } from '../model/cluster.ts';
import type { AgentPod, WatchedKind } from '../model/feeds.ts';
import type { NetworkPolicy } from '../model/policy.ts';
import { agentPodKind } from './agent-pod.ts';
import { type Kind, readObject } from './api-list.ts';
import type { Reading } from './api-object.ts';
import { endpointSliceKind } from './endpoint-slice.ts';
import { recordOf } from './json-record.ts';
import type { Names } from './names.ts';
import { namespaceKind } from './namespace.ts';
import { networkPolicyKind } from './network-policy.ts';
import { nodeKind } from './node.ts';
import { podKind } from './pod.ts';
import { podEventKind, sandboxReasonWord } from './pod-event.ts';
import { serviceKind } from './service.ts';

export interface WatchedResource<T> {
  readonly of: WatchedKind;
  readonly path: string;
  /** null: all. */
  readonly labelSelector: string | null;
  /** Absent: all. */
  readonly fieldSelector?: string;
  readonly kind: Kind<T>;
  /** The aggregator may be installed without the right to it: a refusal is an answer, and no trouble. */
  readonly mayBeRefused?: true;
  /** How many are kept at most; absent: all. */
  readonly most?: MostKept<T>;
}

/** Beyond `count` the oldest are forgotten. */
export interface MostKept<T> {
  readonly count: number;
  /** What says how old one is: the smallest is the oldest. */
  age(object: T): string;
}

/** One object as it was told last: what is kept of it, and what tells two of the same name apart. */
export interface SeenObject<T> {
  /** `namespace/name`, or the name alone where there are no namespaces. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Null = of no interest. */
  readonly reading: Reading<T | null>;
}

export const serviceResource: WatchedResource<Service> = {
  of: 'services',
  path: '/api/v1/services',
  labelSelector: null,
  kind: serviceKind,
};

/** Without those that kube-proxy's own watch leaves out. */
export const endpointSliceResource: WatchedResource<EndpointSlice> = {
  of: 'endpointslices',
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  labelSelector: '!service.kubernetes.io/headless',
  kind: endpointSliceKind,
};

export const nodeResource: WatchedResource<ClusterNode> = {
  of: 'nodes',
  path: '/api/v1/nodes',
  labelSelector: null,
  kind: nodeKind,
};

export const namespaceResource: WatchedResource<Namespace> = {
  of: 'namespaces',
  path: '/api/v1/namespaces',
  labelSelector: null,
  kind: namespaceKind,
};

/** Without the right to them nothing is told of L5, and nobody need be told of that. */
export const networkPolicyResource: WatchedResource<NetworkPolicy> = {
  of: 'networkpolicies',
  path: '/apis/networking.k8s.io/v1/networkpolicies',
  labelSelector: null,
  kind: networkPolicyKind,
  mayBeRefused: true,
};

/** Every pod of the cluster. @param names see podKind. */
export function podResource(names: Names): WatchedResource<Pod> {
  return { of: 'pods', path: '/api/v1/pods', labelSelector: null, kind: podKind(names) };
}

/** Events about pods whose network could not be made. */
export const podEventResource: WatchedResource<PodEvent> = {
  of: 'events',
  path: '/api/v1/events',
  labelSelector: null,
  fieldSelector: `involvedObject.kind=Pod,reason=${sandboxReasonWord}`,
  kind: podEventKind,
  mayBeRefused: true,
  // With messages of full length some 30 MB.
  most: { count: 20_000, age: ({ lastAt }) => lastAt },
};

/** The pods of one namespace that have these labels: the agents. */
export function agentPodResource(namespace: string, labelSelector: string): WatchedResource<AgentPod> {
  return {
    of: 'agentpods',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
    labelSelector,
    kind: agentPodKind,
  };
}

/** The path of a request with its query; the selector is added. */
export function pathWith(resource: WatchedResource<unknown>, query: Readonly<Record<string, string>>): string {
  const { path, labelSelector, fieldSelector } = resource;
  const labels = labelSelector === null ? {} : { labelSelector };
  const fields = fieldSelector === undefined ? {} : { fieldSelector };
  return `${path}?${new URLSearchParams({ ...query, ...labels, ...fields })}`;
}

/** Takes of an object what is kept. The object itself is not kept, however much more it holds. */
export function seenObject<T>(json: unknown, kind: Kind<T>): SeenObject<T> {
  const metadata = recordOf(recordOf(json).metadata);
  const { namespace, name, uid, resourceVersion } = metadata;
  return {
    key: typeof namespace === 'string' && namespace !== '' ? `${namespace}/${String(name)}` : String(name),
    uid: typeof uid === 'string' ? uid : '',
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
    reading: readObject(json, kind),
  };
}
