/** The API's lists as one ClusterState. */
import type { ClusterState } from '../model/cluster.ts';
import { readList } from './api-list.ts';
import type { Reading } from './api-object.ts';
import { endpointSliceKind } from './endpoint-slice.ts';
import { nodeKind } from './node.ts';
import { serviceKind } from './service.ts';

/** Parsed JSON of the three lists, each as the API server answers it or as `kubectl get -A -o json` prints it. */
export interface ClusterLists {
  readonly services: unknown;
  readonly endpointSlices: unknown;
  readonly nodes: unknown;
}

/** Reads all three lists; the problems of all of them when any object does not fit. */
export function readClusterState(lists: ClusterLists): Reading<ClusterState> {
  const services = readList(lists.services, serviceKind);
  const endpointSlices = readList(lists.endpointSlices, endpointSliceKind);
  const nodes = readList(lists.nodes, nodeKind);
  if (services.ok && endpointSlices.ok && nodes.ok) {
    return {
      ok: true,
      value: { services: services.value, endpointSlices: endpointSlices.value, nodes: nodes.value },
    };
  }
  const problems = [services, endpointSlices, nodes].flatMap((reading) => (reading.ok ? [] : reading.problems));
  return { ok: false, problems };
}
