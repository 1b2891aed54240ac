/** The load's cluster as parsed objects, without a watch: for what runs in one process. */
import { readClusterState } from '../../../aggregator/cluster/state.ts';
import { systemTiming } from '../../../aggregator/cluster/timing.ts';
import type { ClusterState, EndpointSlice, Service } from '../../../aggregator/model/cluster.ts';
import { ApiStandIn } from '../../../cli/demo/api-server/stand-in.ts';
import { FakeCluster } from '../../engine/fake-feeds.ts';
import { addNodes, type ClusterSize } from './api-objects.ts';
import { Churn } from './churn.ts';

/** All objects, read as the aggregator reads them. */
export function loadedObjects(size: ClusterSize, random: () => number): ClusterState {
  const api = new ApiStandIn({ timing: systemTiming });
  addNodes(api, size.nodes);
  Churn.begin(api, size, random);
  const list = (kind: string, apiVersion: string, plural: string): unknown => ({
    kind: `${kind}List`,
    apiVersion,
    metadata: {},
    items: api.objects(plural),
  });
  const read = readClusterState({
    services: list('Service', 'v1', 'services'),
    endpointSlices: list('EndpointSlice', 'discovery.k8s.io/v1', 'endpointslices'),
    nodes: list('Node', 'v1', 'nodes'),
  });
  if (!read.ok) throw new Error(read.problems[0]);
  return read.value;
}

/** Services with their slices, by `namespace/name`. */
export function withSlices(state: ClusterState): ReadonlyMap<string, readonly [Service, readonly EndpointSlice[]]> {
  const slices = Map.groupBy(state.endpointSlices, ({ namespace, serviceName }) => `${namespace}/${serviceName}`);
  return new Map(
    state.services.map((service) => {
      const key = `${service.namespace}/${service.name}`;
      return [key, [service, slices.get(key) ?? []]];
    }),
  );
}

/** The same as a feed. @param now tells when all of it was seen, Unix ms. */
export function loadedFeed(state: ClusterState, now: () => number): FakeCluster {
  const feed = new FakeCluster(now);
  for (const [key, [service, slices]] of withSlices(state)) {
    feed.setService(service);
    feed.setSlices(key, slices);
  }
  for (const node of state.nodes) feed.setNode(node);
  return feed;
}
