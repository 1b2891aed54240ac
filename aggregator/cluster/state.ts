/** The API's lists as one snapshot of the cluster. */
import type { ClusterSnapshot } from '../model/cluster.ts';
import { type Kind, readList } from './api-list.ts';
import type { Reading } from './api-object.ts';
import { dnsConfigurationKind } from './dns-configuration.ts';
import { endpointSliceKind } from './endpoint-slice.ts';
import { foreignPolicyKind } from './foreign-policy.ts';
import { Names } from './names.ts';
import { namespaceKind } from './namespace.ts';
import { networkPolicyKind } from './network-policy.ts';
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
  /** Undefined = there is no such list, and nothing is known of NetworkPolicies. */
  readonly networkPolicies?: unknown;
  /** Undefined = there is no such list, and nothing is known of policies of other kinds. */
  readonly foreignPolicies?: unknown;
  /** Undefined = there is no such list, and nothing is known of what CoreDNS is told. */
  readonly configMaps?: unknown;
}

/** Reads all lists; the problems of all of them when any object does not fit. */
export function readClusterState(lists: ClusterLists): Reading<ClusterSnapshot> {
  const services = readList(lists.services, serviceKind);
  const endpointSlices = readList(lists.endpointSlices, endpointSliceKind);
  const nodes = readList(lists.nodes, nodeKind);
  const pods = readIfThere(lists.pods, podKind(new Names()));
  const namespaces = readIfThere(lists.namespaces, namespaceKind);
  const events = readIfThere(lists.events, podEventKind);
  const policies = readIfThere(lists.networkPolicies, networkPolicyKind);
  const foreign = readIfThere(lists.foreignPolicies, foreignPolicyKind);
  const configMaps = readIfThere(lists.configMaps, dnsConfigurationKind);
  const isWhole = services.ok && endpointSlices.ok && nodes.ok && pods.ok && namespaces.ok && events.ok;
  if (isWhole && policies.ok && foreign.ok && configMaps.ok) {
    return {
      ok: true,
      value: {
        services: services.value,
        endpointSlices: endpointSlices.value,
        nodes: nodes.value,
        pods: pods.value,
        namespaces: namespaces.value,
        podEvents: events.value,
        networkPolicies: policies.value,
        foreignPolicies: foreign.value,
        dnsConfigurations: configMaps.value,
      },
    };
  }
  const readings = [services, endpointSlices, nodes, pods, namespaces, events, policies, foreign, configMaps];
  return { ok: false, problems: readings.flatMap((reading) => (reading.ok ? [] : reading.problems)) };
}

function readIfThere<T>(list: unknown, kind: Kind<T>): Reading<readonly T[] | null> {
  return list === undefined ? { ok: true, value: null } : readList(list, kind);
}
