/*
 * A pod waits in ContainerCreating: its sandbox has no network yet. The API says little more; the reason stands in an
 * Event, and its cause on the node. This brings the three together (F43).
 */
import type { PodEvent } from '../model/cluster.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeFactFor } from './shared/sandbox-node-facts.ts';
import { reasonText, sandboxReason } from './shared/sandbox-reasons.ts';
import { reasonRemedies } from './shared/sandbox-remedies.ts';
import { unixSeconds } from './shared/times.ts';
import { podTopic } from './shared/topics.ts';
import { ageOf } from './shared/wired-pods.ts';

export const podWithoutIp: NodeCheck = {
  id: 'pod-without-ip',
  layer: 'L1',
  scope: 'node',
  severity: 'high',
  title: 'A pod waits for its network',
  explanation: `The pod was given to this node more than two minutes ago and has no address: its sandbox cannot be made, or its network cannot. The finding joins what the kubelet says in its Events with what the node shows: a plugin that is not there, addresses that are used up, a configuration that is missing or another one that wins, a daemon of the CNI plugin that does not answer.`,
  falsePositives: `Pods in the node's network need no address of their own. A pod that pulls its images has an address already. A pod that waits for a volume is without a sandbox as well: without an Event about the sandbox, and where the kubelet says nothing of the network, the finding is of low severity and says so.`,
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
    const age = ageOf(pod, readAt);
    return isWaiting(pod) && age !== null && age > patienceSeconds ? [violation(view, pod, age)] : [];
  });
}

function isWaiting({
  hostNetwork,
  phase,
  terminating,
  addresses,
  startedAt,
  sandboxReady,
  waitingReason,
}: Pod): boolean {
  // Init containers that run have a network, and other reasons to wait come after it.
  const isBefore =
    waitingReason === undefined || waitingReason === 'ContainerCreating' || waitingReason === 'PodInitializing';
  return (
    !hostNetwork &&
    phase === 'Pending' &&
    !terminating &&
    addresses.length === 0 &&
    startedAt !== null &&
    sandboxReady !== true &&
    isBefore
  );
}

function violation(view: NodeView, pod: Pod, age: number): Violation {
  const { namespace, name } = pod;
  const event = newestEvent(view, pod);
  const reason = event === null ? null : sandboxReason(event.message);
  const seen = nodeFactFor(view, reason);
  const why = reason === null ? 'no Event says why' : reasonText(reason);
  const minutes = Math.floor(age / 60);
  return {
    subject: { kind: 'Pod', namespace, name },
    summary: `${namespace}/${name} has waited for its network on ${view.name} for ${minutes} minutes: ${why}${seen === null ? '' : `; on the node, ${seen}`}.`,
    evidence: [
      fact('given to the node', pod.startedAt ?? 'not told'),
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
  };
}

function newestEvent({ objects, name }: NodeView, { uid }: Pod): PodEvent | null {
  const own = [...objects.podEventsOn(name)].filter(({ podUid }) => podUid === uid);
  return own.toSorted((one, other) => (one.lastAt < other.lastAt ? 1 : -1))[0] ?? null;
}
