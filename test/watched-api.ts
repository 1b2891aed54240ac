/** A ClusterStore before a stand-in API server in the same process, and a clock that the test moves. */
import { ApiClient } from '../aggregator/cluster/api-client.ts';
import { ClusterStore } from '../aggregator/cluster/cluster-store.ts';
import { readClusterState } from '../aggregator/cluster/state.ts';
import type { ClusterState } from '../aggregator/model/cluster.ts';
import type { ClusterChange } from '../aggregator/model/feeds.ts';
import { ApiStandIn, type StandInOptions } from '../cli/demo/api-server/stand-in.ts';
import { inProcessTransport } from './in-process-api.ts';
import { ManualTiming } from './manual-timing.ts';

export interface WatchedApi {
  readonly api: ApiStandIn;
  readonly store: ClusterStore;
  readonly timing: ManualTiming;
  /** What was told since this was asked last: `service shop/web`, `relisted nodes`. */
  told(): readonly string[];
  /** What was warned of since this was asked last. */
  warned(): readonly string[];
  /** All requests so far. */
  requests(): number;
}

export const agentPods = { namespace: 'plumbline', labelSelector: 'app.kubernetes.io/name=plumbline-agent' };

export function watchedApi(options: Omit<StandInOptions, 'timing'> = {}, timing = new ManualTiming()): WatchedApi {
  const api = new ApiStandIn({ ...options, timing });
  const warnings: string[] = [];
  const changes: ClusterChange[] = [];
  const store = new ClusterStore({
    client: new ApiClient(inProcessTransport(api), timing),
    timing,
    agents: agentPods,
    log: { warn: (_fields, message) => warnings.push(message) },
  });
  store.subscribe((change) => changes.push(change));
  return {
    api,
    store,
    timing,
    told: () => changes.splice(0).map(inShort),
    warned: () => warnings.splice(0),
    requests: () => [...api.requests.values()].reduce((sum, count) => sum + count, 0),
  };
}

/** What the store holds. @param owners the Services, there or not, whose slices are looked for. */
export function stateOf(store: ClusterStore, owners: Iterable<string>): ClusterState {
  return inOrder({
    services: [...store.services.values()],
    endpointSlices: [...new Set(owners)].flatMap((key) => store.slicesOf(key)),
    nodes: [...store.nodes.values()],
  });
}

/** What a whole reading of the API's lists says. */
export function stateInLists(lists: Record<'services' | 'endpointSlices' | 'nodes', readonly unknown[]>): ClusterState {
  const reading = readClusterState({
    services: { items: lists.services },
    endpointSlices: { items: lists.endpointSlices },
    nodes: { items: lists.nodes },
  });
  if (!reading.ok) throw new Error(reading.problems.join('\n'));
  return inOrder(reading.value);
}

function inOrder({ services, endpointSlices, nodes }: ClusterState): ClusterState {
  const byName = <T extends { readonly namespace?: string; readonly name: string }>(objects: readonly T[]) =>
    [...objects].sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
  return { services: byName(services), endpointSlices: byName(endpointSlices), nodes: byName(nodes) };
}

function nameOf({ namespace = '', name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

function inShort(change: ClusterChange): string {
  switch (change.kind) {
    case 'service':
      return `service ${change.key}`;
    case 'node':
      return `node ${change.name}`;
    case 'pods':
      return `pods ${change.namespace}`;
    case 'namespace':
      return `namespace ${change.name}`;
    case 'policies':
      return `policies ${change.namespace}`;
    case 'dns-configuration':
      return change.kind;
    case 'relisted':
    case 'health':
      return `${change.kind} ${change.of}`;
  }
}
