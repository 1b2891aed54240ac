/** Pods, as far as they tell whose agent a stream is of. Fields: the API reference of Pod v1. */
import type { AgentPod } from '../model/feeds.ts';
import type { Kind } from './api-list.ts';
import { readName } from './api-list.ts';
import { elements, type Field, flag, member, text } from './api-object.ts';

export const agentPodKind: Kind<AgentPod> = { kind: 'Pod', read: readAgentPod };

function readAgentPod(item: Field): AgentPod {
  const spec = member(item, 'spec');
  const owners = elements(member(member(item, 'metadata'), 'ownerReferences'));
  const controller = owners.find((owner) => flag(member(owner, 'controller')) === true) ?? null;
  const ofController = (key: string): string | null => (controller === null ? null : text(member(controller, key)));
  return {
    ...readName(item),
    nodeName: text(member(spec, 'nodeName')) || null,
    serviceAccountName: text(member(spec, 'serviceAccountName')) ?? '',
    ownerUid: ofController('uid'),
    ownerKind: ofController('kind'),
    ownerName: ofController('name'),
  };
}
