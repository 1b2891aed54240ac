/** A Node in the API's form, of what node.ts keeps of it. */
import type { ClusterNode } from '../model/cluster.ts';
import { zoneLabel } from './node.ts';
import { type ListKind, type ObjectJson, unlessNull } from './object-json.ts';

export const nodeList: ListKind = { apiVersion: 'v1', kind: 'NodeList' };

/** Which addresses are external is not kept; they stand in the order in which kube-proxy looks at them. */
export function nodeJson(node: ClusterNode): ObjectJson {
  const { name, uid, zone, podCIDRs, createdAt, ready, leaving, annotations } = node;
  return {
    metadata: {
      name,
      uid,
      creationTimestamp: unlessNull(createdAt),
      labels: zone === null ? undefined : { [zoneLabel]: zone },
      annotations,
    },
    spec: { podCIDR: podCIDRs[0], podCIDRs, unschedulable: leaving ? true : undefined },
    status: {
      addresses: node.addresses.map((address) => ({ type: 'InternalIP', address })),
      conditions: ready === null ? undefined : [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}
