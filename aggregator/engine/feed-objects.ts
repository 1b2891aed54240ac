/** The API's objects of this moment as checks ask for them: each question is answered by what the feed holds then. */
import type { ClusterObjects } from '../model/cluster.ts';
import { policyAnswers } from '../audit/policy/policy-answers.ts';
import type { ClusterFeed, WatchedKind } from '../model/feeds.ts';
import type { PolicyAnswers } from '../model/policy.ts';

/** What a watch that is not fresh has told before is not shown as what there is: see knowsPods. */
export function feedObjects(feed: ClusterFeed): ClusterObjects {
  const isFresh = (kind: WatchedKind) => feed.health(kind).fresh;
  let answers: PolicyAnswers | null = null;
  feed.subscribe((change) => {
    const isOther = change.kind === 'policies' || change.kind === 'namespace' || change.kind === 'relisted';
    if (isOther) answers = null;
  });
  const objects: ClusterObjects = {
    get knowsPods() {
      return isFresh('pods');
    },
    get knowsNamespaces() {
      return isFresh('namespaces');
    },
    get knowsEvents() {
      return isFresh('events');
    },
    get knowsPolicies() {
      return isFresh('networkpolicies');
    },
    get knowsDnsConfiguration() {
      return isFresh('dnsconfigurations');
    },
    services: () => feed.services.values(),
    service: (namespace, name) => feed.services.get(`${namespace}/${name}`) ?? null,
    endpointSlices: (namespace, service) => feed.slicesOf(`${namespace}/${service}`),
    nodes: () => feed.nodes.values(),
    node: (name) => feed.nodes.get(name) ?? null,
    podsIn: (namespace) => (isFresh('pods') ? feed.podsIn(namespace) : []),
    podsOn: (node) => (isFresh('pods') ? feed.podsOn(node) : []),
    pods: () => (isFresh('pods') ? feed.pods() : []),
    podsWithAddress: (address) => (isFresh('pods') ? feed.podsWithAddress(address) : []),
    podEventsOn: (node) => (isFresh('events') ? feed.podEventsOn(node) : []),
    namespace: (name) => feed.namespaces.get(name) ?? null,
    namespaces: () => feed.namespaces.values(),
    policiesIn: (namespace) => (isFresh('networkpolicies') ? feed.policiesIn(namespace) : []),
    policies: () => (isFresh('networkpolicies') ? feed.policies() : []),
    foreignPolicies: () => feed.foreignPolicies(),
    dnsConfigurations: () => (isFresh('dnsconfigurations') ? feed.dnsConfigurations() : []),
    get policy() {
      if (!isFresh('networkpolicies') || !isFresh('pods') || !isFresh('namespaces')) return null;
      answers ??= policyAnswers(objects);
      return answers;
    },
  };
  return objects;
}
