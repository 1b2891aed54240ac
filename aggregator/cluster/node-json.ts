/** A Node in the API's form, of what node.ts keeps of it. */
import type { ClusterNode } from '../model/cluster.ts';
import { zoneLabel } from './node.ts';
import { nodeCniAnnotations } from './node-cni.ts';
import { type ListKind, type ObjectJson, unlessNull } from './object-json.ts';

export const nodeList: ListKind = { apiVersion: 'v1', kind: 'NodeList' };

/** Which addresses are external is not kept; they stand in the order in which kube-proxy looks at them. */
export function nodeJson(node: ClusterNode): ObjectJson {
  const { name, uid, zone, podCIDRs, createdAt, leaving, annotations, cni } = node;
  return {
    metadata: {
      name,
      uid,
      creationTimestamp: unlessNull(createdAt),
      labels: zone === null ? undefined : { [zoneLabel]: zone },
      annotations: { ...annotations, ...nodeCniAnnotations(cni) },
    },
    spec: { podCIDR: podCIDRs[0], podCIDRs, unschedulable: leaving ? true : undefined },
    status: {
      addresses: node.addresses.map((address) => ({ type: 'InternalIP', address })),
      conditions: conditionsOf(node),
    },
  };
}

function conditionsOf({ ready, notReadyBecause, networkUnavailable }: ClusterNode): readonly ObjectJson[] | undefined {
  const word = (isTrue: boolean) => (isTrue ? 'True' : 'False');
  const conditions: ObjectJson[] = [];
  if (ready !== null) conditions.push({ type: 'Ready', status: word(ready), message: unlessNull(notReadyBecause) });
  if (networkUnavailable !== null) conditions.push({ type: 'NetworkUnavailable', status: word(networkUnavailable) });
  return conditions.length === 0 ? undefined : conditions;
}
