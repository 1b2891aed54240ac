/**
 * What violations speak of beside frontends, so that causes and their effects on one node, or in the whole cluster, find
 * each other: two violations with the same topic are about the same thing.
 */

/** `pod shop/web-0` */
export function podTopic(namespace: string, name: string): string {
  return `pod ${namespace}/${name}`;
}

/** Another node, or a router that is none, as this node reaches it: `peer node-b`. */
export function peerTopic(name: string): string {
  return `peer ${name}`;
}

/** Only the large packets to another node: `large packets to node-b`. */
export function largeTopic(name: string): string {
  return `large packets to ${name}`;
}

/** `link cni0` */
export function linkTopic(name: string): string {
  return `link ${name}`;
}

/** The node as a whole: `node`. */
export const nodeTopic = 'node';

/** That a Service has no endpoint: `endpoints of shop/web` */
export function endpointsTopic(namespace: string, name: string): string {
  return `endpoints of ${namespace}/${name}`;
}

/** That cluster DNS does not resolve names outside of the cluster. */
export const outsideNamesTopic = 'names outside of the cluster';
