/*
 * A pod's sandbox cannot be made: the kubelet tries again and again, and says why in an Event. Many pods of one node fail
 * for one reason, so they are told together, by the reason (k3s#4682, calico#10723 among many).
 */
import type { PodEvent } from '../model/cluster.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { lacksNetwork } from './shared/live-sandboxes.ts';
import { shellWord } from './shared/remedies.ts';
import { recentEvents } from './shared/sandbox-events.ts';
import { reasonKey, reasonText, sandboxReason } from './shared/sandbox-reasons.ts';
import { reasonRemedies } from './shared/sandbox-remedies.ts';
import { podTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const sandboxFailing: NodeCheck = {
  id: 'sandbox-failing',
  layer: 'L1',
  scope: 'node',
  severity: 'high',
  title: 'Pod sandboxes cannot be made on this node',
  explanation: `The kubelet's Events (FailedCreatePodSandBox) of the last ten minutes say that sandboxes could not be made here. The finding groups them by what the container runtime or the CNI plugin gave as the reason: no configuration, a plugin that is not there, no address left, a daemon of the CNI plugin that does not answer, an API server that it cannot reach. Pods wait in ContainerCreating until it is mended; those that run go on.`,
  falsePositives: `Only Events about pods that still wait on this node count: not those that have their network by now and pull images, but those of before a boot whose sandbox cannot be made anew. One failed attempt while a CNI plugin restarts is usual: a pod must have failed at least twice, or several pods at once. Failures before any network is made (images, runtime classes) are left to others.`,
  remediation: `What each reason calls for is in the finding. Where a lower finding on this node names the cause, it is above this one.`,
  needs: ['addresses', 'pods', 'events'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

const leastAttempts = 2;

/** Events that say the same. */
interface Group {
  readonly text: string;
  readonly events: readonly PodEvent[];
}

function evaluate(view: NodeView): readonly Violation[] {
  const events = countedEvents(view);
  const attempts = events.reduce((sum, { count }) => sum + count, 0);
  if (attempts < leastAttempts) return [];
  const groups = groupsOf(events);
  const pods = [...new Set(events.map(({ namespace, name }) => `${namespace}/${name}`))].sort();
  const [first] = groups;
  if (first === undefined) return [];
  const more = groups.length === 1 ? '' : `, and for ${counted(groups.length - 1, 'other reason')}`;
  return [
    {
      subject: nodeSubject(view),
      summary: `${counted(pods.length, 'pod')} of ${view.name} cannot be started (${joined(pods, 2)}), because ${first.text}${more}.`,
      evidence: groups.slice(0, 10).flatMap(evidenceOf),
      remediation: [
        ...groups
          .slice(0, 3)
          .flatMap(({ events: [event] }) =>
            event === undefined ? [] : reasonRemedies(view, sandboxReason(event.message)),
          ),
        {
          command: `kubectl get events -A --field-selector reason=FailedCreatePodSandBox --sort-by=.lastTimestamp | grep -F ${shellWord(view.name)}`,
          effect: 'Shows the newest Events in full.',
        },
      ],
      frontends: [],
      topics: [...new Set(events.map(({ namespace, name }) => podTopic(namespace, name)))],
      explainsTopics: [...new Set(events.map(({ namespace, name }) => podTopic(namespace, name)))],
    },
  ];
}

/** Those of the last minutes, about pods that wait here still, and about their network. */
function countedEvents(view: NodeView): readonly PodEvent[] {
  const events = recentEvents(view).filter(({ message }) => sandboxReason(message).kind !== 'not-network');
  if (events.length === 0) return [];
  const waiting = new Set(
    [...view.objects.podsOn(view.name)].flatMap((pod) => (lacksNetwork(view, pod) ? [pod.uid] : [])),
  );
  return events.filter(({ podUid }) => waiting.has(podUid));
}

/** The most attempts first. */
function groupsOf(events: readonly PodEvent[]): readonly Group[] {
  const byKey = Map.groupBy(events, ({ message }) => reasonKey(sandboxReason(message)));
  const groups = [...byKey.values()].map((of) => ({
    text: reasonText(sandboxReason(of[0]?.message ?? '')),
    events: of,
  }));
  return groups.sort((one, other) => attemptsOf(other) - attemptsOf(one) || (one.text < other.text ? -1 : 1));
}

function attemptsOf({ events }: Group): number {
  return events.reduce((sum, { count }) => sum + count, 0);
}

function evidenceOf(group: Group) {
  const { text, events } = group;
  const newest = events.toSorted((one, other) => (one.lastAt < other.lastAt ? 1 : -1))[0];
  const pods = [...new Set(events.map(({ namespace, name }) => `${namespace}/${name}`))].sort();
  return [
    fact(text, `${counted(attemptsOf(group), 'attempt')} for ${joined(pods, 5)}`),
    ...(newest === undefined ? [] : [fact(`event at ${newest.lastAt}`, newest.message)]),
  ];
}
