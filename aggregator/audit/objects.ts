/** The API's objects of one moment, found by what they are asked for. */
import type { ClusterObjects, ClusterSnapshot } from '../model/cluster.ts';
import { policyAnswers } from './policy/policy-answers.ts';

/** Indexes a cluster's state; the indexes are made when they are first asked for. */
export function objectsOf(snapshot: ClusterSnapshot): ClusterObjects {
  const { services, endpointSlices, nodes, pods, namespaces, podEvents } = snapshot;
  const { networkPolicies, foreignPolicies, dnsConfigurations } = snapshot;
  const serviceIndex = once(
    () => new Map(services.map((service) => [`${service.namespace}/${service.name}`, service])),
  );
  const sliceIndex = once(() =>
    Map.groupBy(endpointSlices, ({ namespace, serviceName }) => `${namespace}/${serviceName}`),
  );
  const nodeIndex = once(() => new Map(nodes.map((node) => [node.name, node])));
  const podsByNamespace = once(() => Map.groupBy(pods ?? [], ({ namespace }) => namespace));
  const podsByNode = once(() => Map.groupBy(pods ?? [], ({ nodeName }) => nodeName));
  const namespaceIndex = once(() => new Map((namespaces ?? []).map((namespace) => [namespace.name, namespace])));
  const podsByAddress = once(() => {
    const own = (pods ?? []).filter(({ hostNetwork }) => !hostNetwork);
    return Map.groupBy(
      own.flatMap((pod) => pod.addresses.map((address) => ({ pod, address }))),
      ({ address }) => address,
    );
  });
  const eventsByNode = once(() => Map.groupBy(podEvents ?? [], ({ nodeName }) => nodeName));
  const policiesByNamespace = once(() => Map.groupBy(networkPolicies ?? [], ({ namespace }) => namespace));
  const canJudge = networkPolicies !== null && pods !== null && namespaces !== null;
  const policy = once(() => (canJudge ? policyAnswers(objects) : null));
  const objects: ClusterObjects = {
    knowsPods: pods !== null,
    knowsNamespaces: namespaces !== null,
    knowsEvents: podEvents !== null,
    knowsPolicies: networkPolicies !== null,
    knowsDnsConfiguration: dnsConfigurations !== null,
    services: () => services,
    service: (namespace, name) => serviceIndex().get(`${namespace}/${name}`) ?? null,
    endpointSlices: (namespace, service) => sliceIndex().get(`${namespace}/${service}`) ?? [],
    nodes: () => nodes,
    node: (name) => nodeIndex().get(name) ?? null,
    podsIn: (namespace) => podsByNamespace().get(namespace) ?? [],
    podsOn: (node) => podsByNode().get(node) ?? [],
    pods: () => pods ?? [],
    podsWithAddress: (address) =>
      podsByAddress()
        .get(address)
        ?.map(({ pod }) => pod) ?? [],
    podEventsOn: (node) => eventsByNode().get(node) ?? [],
    namespace: (name) => namespaceIndex().get(name) ?? null,
    namespaces: () => namespaces ?? [],
    policiesIn: (namespace) => policiesByNamespace().get(namespace) ?? [],
    policies: () => networkPolicies ?? [],
    foreignPolicies: () => foreignPolicies ?? [],
    dnsConfigurations: () => dnsConfigurations ?? [],
    get policy() {
      return policy();
    },
  };
  return objects;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
