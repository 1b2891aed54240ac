/** The API's objects of this moment as checks ask for them: each question is answered by what the feed holds then. */
import type { ClusterObjects } from '../model/cluster.ts';
import type { ClusterFeed } from '../model/feeds.ts';

/** What a watch that is not fresh has told before is not shown as what there is: see knowsPods. */
export function feedObjects(feed: ClusterFeed): ClusterObjects {
  return {
    get knowsPods() {
      return feed.health('pods').fresh;
    },
    get knowsNamespaces() {
      return feed.health('namespaces').fresh;
    },
    get knowsEvents() {
      return feed.health('events').fresh;
    },
    services: () => feed.services.values(),
    service: (namespace, name) => feed.services.get(`${namespace}/${name}`) ?? null,
    endpointSlices: (namespace, service) => feed.slicesOf(`${namespace}/${service}`),
    nodes: () => feed.nodes.values(),
    node: (name) => feed.nodes.get(name) ?? null,
    podsIn: (namespace) => (feed.health('pods').fresh ? feed.podsIn(namespace) : []),
    podsOn: (node) => (feed.health('pods').fresh ? feed.podsOn(node) : []),
    pods: () => (feed.health('pods').fresh ? feed.pods() : []),
    podsWithAddress: (address) => (feed.health('pods').fresh ? feed.podsWithAddress(address) : []),
    podEventsOn: (node) => (feed.health('events').fresh ? feed.podEventsOn(node) : []),
    namespace: (name) => feed.namespaces.get(name) ?? null,
  };
}
