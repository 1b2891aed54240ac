/** The API's lists as one snapshot of the cluster. */
import type { ClusterSnapshot } from '../model/cluster.ts';
import { type Kind, readList } from './api-list.ts';
import type { Reading } from './api-object.ts';
import { endpointSliceKind } from './endpoint-slice.ts';
import { Names } from './names.ts';
import { namespaceKind } from './namespace.ts';
import { nodeKind } from './node.ts';
import { podKind } from './pod.ts';
import { podEventKind } from './pod-event.ts';
import { serviceKind } from './service.ts';

/** Parsed JSON of the lists, each as the API server answers it or as `kubectl get -A -o json` prints it. */
export interface ClusterLists {
  readonly services: unknown;
  readonly endpointSlices: unknown;
  readonly nodes: unknown;
  /** Undefined = there is no such list, and nothing is known of pods. */
  readonly pods?: unknown;
  /** Undefined = there is no such list, and nothing is known of namespaces. */
  readonly namespaces?: unknown;
  /** Undefined = there is no such list, and nothing is known of events. */
  readonly events?: unknown;
}

/** Reads all lists; the problems of all of them when any object does not fit. */
export function readClusterState(lists: ClusterLists): Reading<ClusterSnapshot> {
  const services = readList(lists.services, serviceKind);
  const endpointSlices = readList(lists.endpointSlices, endpointSliceKind);
  const nodes = readList(lists.nodes, nodeKind);
  const pods = readIfThere(lists.pods, podKind(new Names()));
  const namespaces = readIfThere(lists.namespaces, namespaceKind);
  const events = readIfThere(lists.events, podEventKind);
  if (services.ok && endpointSlices.ok && nodes.ok && pods.ok && namespaces.ok && events.ok) {
    return {
      ok: true,
      value: {
        services: services.value,
        endpointSlices: endpointSlices.value,
        nodes: nodes.value,
        pods: pods.value,
        namespaces: namespaces.value,
        podEvents: events.value,
      },
    };
  }
  const readings = [services, endpointSlices, nodes, pods, namespaces, events];
  return { ok: false, problems: readings.flatMap((reading) => (reading.ok ? [] : reading.problems)) };
}

function readIfThere<T>(list: unknown, kind: Kind<T>): Reading<readonly T[] | null> {
  return list === undefined ? { ok: true, value: null } : readList(list, kind);
}
