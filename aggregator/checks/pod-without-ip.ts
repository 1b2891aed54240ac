/*
 * A pod waits in ContainerCreating: its sandbox has no network yet. The API says little more; the reason stands in an
 * Event, and its cause on the node. This brings the three together (F43).
 */
import type { PodEvent } from '../model/cluster.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { lacksNetwork } from './shared/live-sandboxes.ts';
import { shellWord } from './shared/remedies.ts';
import { recentEvents } from './shared/sandbox-events.ts';
import { nodeFactFor } from './shared/sandbox-node-facts.ts';
import { reasonText, sandboxReason } from './shared/sandbox-reasons.ts';
import { reasonRemedies } from './shared/sandbox-remedies.ts';
import { unixSeconds } from './shared/times.ts';
import { podTopic } from './shared/topics.ts';

export const podWithoutIp: NodeCheck = {
  id: 'pod-without-ip',
  layer: 'L1',
  scope: 'node',
  severity: 'high',
  title: 'A pod waits for its network',
  explanation: `The pod was given to this node more than two minutes ago and has no address: its sandbox cannot be made, or its network cannot. The finding joins what the kubelet says in its Events with what the node shows: a plugin that is not there, addresses that are used up, a configuration that is missing or another one that wins, a daemon of the CNI plugin that does not answer.`,
  falsePositives: `Pods in the node's network need no address of their own. A pod that pulls its images for long has none in the API either: whether its namespace has one is seen on the node. A pod that waits for a volume or a Secret has no sandbox: so an Event of the last ten minutes about the sandbox, or a fact of the node, must say that it is the network. Where Events are not known, the finding is of low severity and says so.`,
  remediation: `Mend what the finding names; the kubelet tries again by itself.`,
  needs: ['addresses', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

const patienceSeconds = 120;

function evaluate(view: NodeView): readonly Violation[] {
  const { addresses } = view.parts;
  const readAt = addresses.state === 'ok' ? unixSeconds(addresses.collectedAt) : null;
  if (readAt === null) return [];
  return [...view.objects.podsOn(view.name)].flatMap((pod) => {
    if (pod.startedAt === null || !lacksNetwork(view, pod) || !isBefore(pod)) return [];
    const event = newestEvent(view, pod);
    const since = pod.phase === 'Pending' ? pod.startedAt : (event?.firstAt ?? null);
    const age = readAt - (unixSeconds(since ?? '') ?? readAt);
    return age > patienceSeconds ? violation(view, pod, { event, since, age }) : [];
  });
}

/** Init containers that run have a network, and other reasons to wait come after it. */
function isBefore({ phase, waitingReason }: Pod): boolean {
  const reasons = [undefined, 'ContainerCreating', 'PodInitializing'];
  return phase === 'Running' || reasons.includes(waitingReason);
}

interface Waiting {
  readonly event: PodEvent | null;
  /** RFC 3339. */
  readonly since: string | null;
  /** Seconds. */
  readonly age: number;
}

/** None where neither an Event nor the node says that it is the network: volumes and images take their time as well. */
function violation(view: NodeView, pod: Pod, { event, since, age }: Waiting): readonly Violation[] {
  const { namespace, name } = pod;
  const reason = event === null ? null : sandboxReason(event.message);
  const seen = nodeFactFor(view, reason);
  if (reason === null && seen === null && view.objects.knowsEvents) return [];
  const why = reason === null ? 'no Event says why' : reasonText(reason);
  const minutes = Math.floor(age / 60);
  return [
    {
      subject: { kind: 'Pod', namespace, name },
      summary: `${namespace}/${name} has waited for its network on ${view.name} for ${minutes} minutes: ${why}${seen === null ? '' : `; on the node, ${seen}`}.`,
      evidence: [
        fact('waits since', since ?? 'not told'),
        ...(event === null ? [] : [fact(`event at ${event.lastAt}, ${event.count} times`, event.message)]),
        ...(seen === null ? [] : [fact('on the node', seen)]),
      ],
      remediation: [
        ...(reason === null ? [] : reasonRemedies(view, reason)),
        {
          command: `kubectl -n ${shellWord(namespace)} describe pod ${shellWord(name)}`,
          effect: 'Shows its Events, the newest last: also those about volumes and images.',
        },
      ],
      frontends: [],
      topics: [podTopic(namespace, name)],
      ...(reason === null && seen === null ? { severity: 'low' as const } : {}),
    },
  ];
}

function newestEvent(view: NodeView, { uid }: Pod): PodEvent | null {
  const own = recentEvents(view).filter(({ podUid }) => podUid === uid);
  return own.toSorted((one, other) => (one.lastAt < other.lastAt ? 1 : -1))[0] ?? null;
}
