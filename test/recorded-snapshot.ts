/** What the API held when a recording was made, for tests that change one thing of it. */
import { join } from 'node:path';
import type { ClusterSnapshot, Pod, Service } from '../aggregator/model/cluster.ts';
import { readApiFolder } from '../cli/audit/api-folder.ts';
import { recordingFolder } from './recordings.ts';

/** @throws when it cannot be read, which no test expects. */
export function recordedSnapshot(recording: string): ClusterSnapshot {
  const state = readApiFolder(join(recordingFolder(recording), 'api'), `read ${recording}`);
  if (!state.ok) throw new Error(state.refusal.cameBack);
  return state.value;
}

/** The snapshot with some Services changed. @param change undefined = as it was. */
export function withServices(
  snapshot: ClusterSnapshot,
  change: (service: Service) => Partial<Service> | undefined,
): ClusterSnapshot {
  return { ...snapshot, services: snapshot.services.map((service) => ({ ...service, ...change(service) })) };
}

/** The snapshot with some pods changed, or (null) taken out. @param change undefined = as it was. */
export function withPods(
  snapshot: ClusterSnapshot,
  change: (pod: Pod) => Partial<Pod> | null | undefined,
): ClusterSnapshot {
  const pods = (snapshot.pods ?? []).flatMap((pod) => {
    const changes = change(pod);
    return changes === null ? [] : [{ ...pod, ...changes }];
  });
  return { ...snapshot, pods };
}

/** The snapshot without the slices of one Service: it has no endpoint. */
export function withoutEndpoints(snapshot: ClusterSnapshot, service: string): ClusterSnapshot {
  const endpointSlices = snapshot.endpointSlices.filter(
    ({ namespace, serviceName }) => `${namespace}/${serviceName}` !== service,
  );
  return { ...snapshot, endpointSlices };
}
