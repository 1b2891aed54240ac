/** Finds the pod of the aggregator by the labels of the chart. */
import type { ApiClient } from '../../aggregator/cluster/api-client.ts';
import { recordOf } from '../../aggregator/cluster/json-record.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import { clusterRefusal } from './cluster-refusal.ts';

export interface AggregatorPod {
  readonly namespace: string;
  readonly name: string;
  /** The chart's release, after which its other objects are named. */
  readonly release: string;
}

interface Seen extends AggregatorPod {
  readonly isReady: boolean;
  readonly isRunning: boolean;
  /** `Pending`, or why its container waits: `CrashLoopBackOff`. */
  readonly state: string;
}

const selector = 'app.kubernetes.io/name=plumbline,app.kubernetes.io/component=aggregator';

/** A pod that answers, or at least runs: then the aggregator itself says why it is not ready. */
export async function findAggregator(
  api: ApiClient,
  namespace: string,
  signal: AbortSignal,
): Promise<Outcome<AggregatorPod>> {
  const attempted = `find the aggregator in the namespace ${namespace}`;
  const elsewhere = 'Where it runs in another namespace, say so with --plumbline-namespace or PLUMBLINE_NAMESPACE.';
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods?labelSelector=${encodeURIComponent(selector)}`;
  const answer = await api.get(path, signal);
  if (!answer.ok) {
    const step = { attempted, right: 'list pods', namespace, onMissing: elsewhere };
    return { ok: false, refusal: clusterRefusal(step, answer.error) };
  }
  const { items } = recordOf(answer.value);
  const pods = (Array.isArray(items) ? items : []).flatMap((item) => seenPod(item, namespace));
  if (pods.length === 0) return refused(attempted, `no pod has the labels ${selector}`, elsewhere);
  const releases = [...new Set(pods.map(({ release }) => release))].sort();
  if (releases.length > 1) {
    const advice = 'Forward a port to the one you mean with kubectl port-forward, and say --server with --token-file.';
    return refused(attempted, `there are several: releases ${releases.join(', ')}`, advice);
  }
  const [chosen] = pods.filter(({ isReady }) => isReady).concat(pods.filter(({ isRunning }) => isRunning));
  if (chosen !== undefined) return done({ namespace, name: chosen.name, release: chosen.release });
  const states = pods.map(({ name, state }) => `${name} is ${state}`).join(', ');
  return refused(
    attempted,
    `no pod of it runs: ${states}`,
    `kubectl --namespace ${namespace} describe pods --selector ${selector}\nsays why. Try again when one runs.`,
  );
}

/** Nothing of a pod that is going, or that is none. */
function seenPod(item: unknown, namespace: string): readonly Seen[] {
  const { metadata, status } = recordOf(item);
  const { name, labels, deletionTimestamp } = recordOf(metadata);
  const release = recordOf(labels)['app.kubernetes.io/instance'];
  if (typeof name !== 'string' || typeof release !== 'string' || deletionTimestamp !== undefined) return [];
  const { phase, conditions, containerStatuses } = recordOf(status);
  const isReady = records(conditions).some(({ type, status: is }) => type === 'Ready' && is === 'True');
  const states = records(containerStatuses).map(({ state }) => recordOf(state));
  const isRunning = states.some(({ running }) => running !== undefined);
  const waiting = states.map((state) => recordOf(state.waiting).reason).find((reason) => typeof reason === 'string');
  return [{ namespace, name, release, isReady, isRunning, state: String(waiting ?? phase ?? 'unknown') }];
}

function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}
