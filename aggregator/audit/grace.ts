/**
 * When a difference counts. A cluster is never in one state: an EndpointSlice changes, each kube-proxy hears of it, waits
 * for others to join it, writes its rules, and the agent reads them a moment later. What differs for that reason is no
 * fault, and must not even look like one (rules G1 and G2 of the failure catalogue).
 *
 *     desired changes          settled                     grace is over
 *          |-- converging ------|-- pending: seen, and ------|-- may fire, with the
 *          |   not told at all  |   not yet a fault          |   next reading that shows it
 */
import type { Family } from '../../proto/address.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { KubeProxyReport, Part } from '../../proto/parts.ts';
import type { NodeHistory, Staleness } from '../model/check.ts';
import type { Drift } from '../model/drift.ts';
import { millisecondsOf } from './timestamp.ts';

/** kube-proxy's default minSyncPeriod. */
const minSyncSeconds = 1;
const programmingSeconds = 30;
/** Past 1,000 endpoints a sync takes its time. */
const largeProgrammingSeconds = 120;
/** A kube-proxy that has been slow once must not be trusted for ever: this is waited for at most. */
const longestProgrammingSeconds = 300;

/** How long a node may take to follow the API, in seconds. */
export interface GraceTimes {
  /** Until then a node that has not followed is told to nobody. */
  readonly settleSeconds: number;
  readonly graceSeconds: number;
}

/** The grace of one node: what its kube-proxy itself has needed widens it. */
export function graceTimes(
  kubeProxy: Part<KubeProxyReport>,
  largeCluster: { readonly [family in Family]: boolean },
): GraceTimes {
  const usual = largeCluster.ipv4 || largeCluster.ipv6 ? largeProgrammingSeconds : programmingSeconds;
  const needed = kubeProxy.state === 'ok' ? (kubeProxy.value.programmingP99Seconds ?? 0) : 0;
  const programming = Math.max(usual, Math.min(needed, longestProgrammingSeconds));
  return { settleSeconds: programming / 3, graceSeconds: minSyncSeconds + programming };
}

/** What is known of one drift beside what it is. Times are Unix ms. */
export interface DriftContext {
  /** Null = the history does not reach back far enough to say. */
  readonly staleness: Staleness | null;
  /** When what is desired of the frontend last changed, or was learnt anew; null = never seen to change. */
  readonly changedAt: number | null;
  /** When the reading was taken. */
  readonly readAt: number;
  /**
   * Since when the node is known to show this: the last reading that showed something else. Null = every reading there
   * was has shown it.
   */
  readonly shownSince: number | null;
}

/** How a drift is to be taken: as no drift yet, or as one that may fire with readings from `graceUntil` on. */
export type Placed =
  | { readonly kind: 'converging' }
  | { readonly kind: 'judged'; readonly graceUntil: number /** Null = not dated. */; readonly since: number | null };

/**
 * Places one drift in time. A node that shows a past desired state has been behind since that state ended, however often
 * the Service has changed since: so a busy Service cannot hide a hung kube-proxy. What was never wanted counts from the
 * last change, for it may be a step between two states of which the API showed us only the ends; and so does a past
 * state that the node has come to show again, for such a step may look like an old state by chance.
 */
export function placeDrift({ staleness, changedAt, readAt, shownSince }: DriftContext, times: GraceTimes): Placed {
  const ended = staleness?.shows === 'past-state' ? millisecondsOf(staleness.until) : null;
  const since = ended !== null && (shownSince === null || shownSince < ended) ? ended : null;
  const from = since ?? changedAt;
  if (from === null) return { kind: 'judged', graceUntil: 0, since: null };
  if (readAt < from + times.settleSeconds * 1000) return { kind: 'converging' };
  return { kind: 'judged', graceUntil: from + times.graceSeconds * 1000, since };
}

/** A node's drifts, apart by whether they count yet. */
export interface PlacedDrifts {
  readonly judged: readonly Drift[];
  readonly converging: ReadonlySet<FrontendKey>;
  /** Of each judged drift that is not unknown: when readings count, and since when the node shows it (Unix ms). */
  readonly times: ReadonlyMap<FrontendKey, { readonly graceUntil: number; readonly since: number | null }>;
  readonly staleness: NodeHistory['staleness'];
}

/** Places all drifts of one reading; what is unknown is unknown at once. */
export function placeDrifts(
  drifts: readonly Drift[],
  contextOf: (drift: Drift) => DriftContext,
  times: GraceTimes,
): PlacedDrifts {
  const judged: Drift[] = [];
  const converging = new Set<FrontendKey>();
  const placedTimes = new Map<FrontendKey, { graceUntil: number; since: number | null }>();
  const staleness = new Map<FrontendKey, Staleness>();
  for (const drift of drifts) {
    if (drift.kind === 'unknown') {
      judged.push(drift);
      continue;
    }
    const context = contextOf(drift);
    const placed = placeDrift(context, times);
    if (placed.kind === 'converging') {
      converging.add(drift.key);
      continue;
    }
    judged.push(drift);
    placedTimes.set(drift.key, { graceUntil: placed.graceUntil, since: placed.since });
    if (context.staleness !== null) staleness.set(drift.key, context.staleness);
  }
  return { judged, converging, times: placedTimes, staleness };
}
