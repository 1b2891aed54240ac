/** An Event about a pod in the API's form, of what pod-event.ts keeps of it. */
import type { PodEvent } from '../model/cluster.ts';
import { type ListKind, type ObjectJson, unlessNull } from './object-json.ts';

export const podEventList: ListKind = { apiVersion: 'v1', kind: 'EventList' };

export function podEventJson(event: PodEvent): ObjectJson {
  const { uid, namespace, name, podUid, nodeName, reason, message, count, firstAt, lastAt } = event;
  return {
    metadata: { namespace, name: `${name}.${uid.slice(0, 16)}`, uid },
    involvedObject: { kind: 'Pod', namespace, name, uid: podUid },
    source: { component: 'kubelet', host: unlessNull(nodeName) },
    type: 'Warning',
    reason,
    message,
    count,
    firstTimestamp: firstAt,
    lastTimestamp: lastAt,
  };
}
