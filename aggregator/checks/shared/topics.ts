/**
 * What violations of L1 and L2 speak of, so that causes and their effects on one node find each other: two violations
 * with the same topic are about the same thing.
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
