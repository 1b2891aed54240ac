/** Nodes, as far as the audit reads them. Fields: the API reference of Node v1. */
import type { Address } from '../../proto/address.ts';
import type { ClusterNode } from '../model/cluster.ts';
import type { Kind } from './api-list.ts';
import { readAnnotations, readName } from './api-list.ts';
import type { Field } from './api-object.ts';
import { apiAddress, apiPrefix, elements, flag, member, text, textMap } from './api-object.ts';
import { readNodeCni } from './node-cni.ts';

export const zoneLabel = 'topology.kubernetes.io/zone';

export const nodeKind: Kind<ClusterNode> = { kind: 'Node', read: readNode };

function readNode(item: Field): ClusterNode {
  const { name, uid } = readName(item);
  const spec = member(item, 'spec');
  const several = elements(member(spec, 'podCIDRs'));
  const podCIDRs = several.length > 0 ? several : [member(spec, 'podCIDR')];
  return {
    name,
    uid,
    zone: textMap(member(member(item, 'metadata'), 'labels'))?.[zoneLabel] ?? null,
    podCIDRs: podCIDRs.flatMap((field) => apiPrefix(text(field) ?? '') ?? []),
    addresses: readAddresses(item),
    createdAt: text(member(member(item, 'metadata'), 'creationTimestamp')),
    ready: conditionOf(item, 'Ready')?.isTrue ?? null,
    leaving: isLeaving(spec),
    notReadyBecause: readNotReady(item),
    networkUnavailable: conditionOf(item, 'NetworkUnavailable')?.isTrue ?? null,
    cni: readNodeCni(textMap(member(member(item, 'metadata'), 'annotations')) ?? {}),
    annotations: readAnnotations(item),
  };
}

function conditionOf(item: Field, type: string): { readonly isTrue: boolean; readonly message: string } | null {
  for (const condition of elements(member(member(item, 'status'), 'conditions'))) {
    if (text(member(condition, 'type')) !== type) continue;
    return { isTrue: text(member(condition, 'status')) === 'True', message: text(member(condition, 'message')) ?? '' };
  }
  return null;
}

function readNotReady(item: Field): string | null {
  const ready = conditionOf(item, 'Ready');
  return ready === null || ready.isTrue ? null : ready.message.slice(0, longestMessage);
}

const longestMessage = 500;

/** Taints of the cluster autoscaler and of Karpenter on a node that they are about to remove. */
const leavingTaints = ['ToBeDeletedByClusterAutoscaler', 'karpenter.sh/disrupted', 'karpenter.sh/disruption'];

function isLeaving(spec: Field): boolean {
  if (flag(member(spec, 'unschedulable')) === true) return true;
  return elements(member(spec, 'taints')).some((taint) => leavingTaints.includes(text(member(taint, 'key')) ?? ''));
}

/** Internal before external, as kube-proxy looks for the node's primary address; host and DNS names are none. */
function readAddresses(item: Field): readonly Address[] {
  const entries = elements(member(member(item, 'status'), 'addresses')).map((entry) => ({
    type: text(member(entry, 'type')),
    address: apiAddress(text(member(entry, 'address')) ?? ''),
  }));
  return ['InternalIP', 'ExternalIP'].flatMap((type) =>
    entries.flatMap((entry) => (entry.type === type && entry.address !== null ? [entry.address] : [])),
  );
}
