/**
 * Sorts every difference into the one check that speaks of it, so that no drift is told twice and none is left out.
 */
import type { Forwarding, Frontend, FrontendKey } from '../../../proto/forwarding.ts';
import { origins } from '../../../proto/forwarding.ts';
import type { NodeView } from '../../model/check.ts';
import type { Difference, Drift } from '../../model/drift.ts';
import type { Subject } from '../../model/finding.ts';
import { subjectText } from '../../model/finding.ts';

/** The checks that speak of drifts; each is the id of its check. */
export type FaultKind =
  | 'affinity-mismatch'
  | 'missing-endpoint'
  | 'missing-masquerade'
  | 'missing-service'
  | 'rejected-service'
  | 'source-range-mismatch'
  | 'stale-endpoint'
  | 'stale-service'
  | 'uneven-balance'
  | 'unrejected-service';

export type KnownDrift = Exclude<Drift, { readonly kind: 'unknown' }>;
export type Aspect<A extends Difference['aspect']> = Extract<Difference, { readonly aspect: A }>;

/** What one check says of one frontend. */
export interface Fault {
  readonly key: FrontendKey;
  readonly frontend: Frontend;
  readonly drift: KnownDrift;
  /** The differences that are this check's; never empty. */
  readonly differences: readonly Difference[];
}

/** The faults of one kind on one subject; `faults` is never empty. */
export interface FaultGroup {
  readonly subject: Subject;
  /** The subject in words, for summaries. */
  readonly label: string;
  readonly faults: readonly Fault[];
}

/** Every difference of a drift; of a missing or stale frontend one action per origin that is or should be served. */
export function allDifferences(drift: Drift): readonly Difference[] {
  switch (drift.kind) {
    case 'different':
      return drift.differences;
    case 'unknown':
      return [];
    case 'missing':
      return origins
        .filter((origin) => drift.wanted[origin].route.action !== 'none')
        .map((origin) => ({ aspect: 'action', origin, wanted: drift.wanted[origin].route.action, real: 'none' }));
    case 'stale':
      return origins
        .filter((origin) => drift.real[origin].route.action !== 'none')
        .map((origin) => ({ aspect: 'action', origin, wanted: 'none', real: drift.real[origin].route.action }));
  }
}

/**
 * The checks that speak of a drift, each with its differences. A drift that is not `unknown` has at least one.
 */
export function faultsOf(drift: Drift): ReadonlyMap<FaultKind, readonly Difference[]> {
  const faults = new Map<FaultKind, Difference[]>();
  const differences = allDifferences(drift);
  for (const difference of differences) {
    for (const kind of kindsOf(drift, difference, differences)) {
      const list = faults.get(kind);
      if (list === undefined) faults.set(kind, [difference]);
      else list.push(difference);
    }
  }
  return faults;
}

/** The faults of one kind on a node, by Service port where the owner is known, else by frontend. */
export function faultGroups(view: NodeView, kind: FaultKind): readonly FaultGroup[] {
  const faults: Fault[] = [];
  for (const drift of view.drift) {
    if (drift.kind === 'unknown') continue;
    const differences = faultsOf(drift).get(kind);
    if (differences !== undefined) faults.push({ key: drift.key, frontend: drift.frontend, drift, differences });
  }
  return groupBySubject(view, faults).map(({ subject, items }) => ({
    subject,
    label: subjectText(subject),
    faults: items,
  }));
}

/** Items that speak of frontends, by subject, in the order of their first. */
export function groupBySubject<T extends { readonly key: FrontendKey; readonly frontend: Frontend }>(
  view: NodeView,
  items: readonly T[],
): readonly { readonly subject: Subject; readonly items: readonly T[] }[] {
  const groups = new Map<string, { readonly subject: Subject; readonly items: T[] }>();
  for (const item of items) {
    const subject = subjectOf(view, item.key, item.frontend);
    const text = `${subject.kind} ${subjectText(subject)} ${item.frontend.protocol}`;
    const group = groups.get(text);
    if (group === undefined) groups.set(text, { subject, items: [item] });
    else group.items.push(item);
  }
  return [...groups.values()];
}

/** The Service port that a frontend belongs to, or the frontend where nobody is known to own it. */
function subjectOf(view: NodeView, key: FrontendKey, frontend: Frontend): Subject {
  const owner = view.owners.get(key);
  if (owner === undefined) {
    return { kind: 'Frontend', name: key, port: String(frontend.port), protocol: frontend.protocol };
  }
  const { namespace, name, portName, protocol } = owner;
  return { kind: 'Service', namespace, name, port: portName, protocol };
}

function kindsOf(drift: Drift, difference: Difference, all: readonly Difference[]): readonly FaultKind[] {
  switch (difference.aspect) {
    case 'action':
      if (drift.kind === 'stale') return ['stale-service'];
      return [isByRange(drift, difference) ? 'source-range-mismatch' : actionKind(difference, all)];
    case 'backends': {
      const kinds: FaultKind[] = [];
      if (difference.stale.length > 0) kinds.push('stale-endpoint');
      if (difference.missing.length > 0) kinds.push('missing-endpoint');
      return kinds;
    }
    case 'affinity':
      return ['affinity-mismatch'];
    case 'sources':
      return ['source-range-mismatch'];
    case 'shares':
      return ['uneven-balance'];
    case 'masquerade':
    case 'hairpin':
      return ['missing-masquerade'];
  }
}

/**
 * Source ranges may let in all sources of one origin and none of another, so the same ranges that show as such for one
 * origin show as forward against drop for the other.
 */
function isByRange(drift: Drift, { wanted, real }: Aspect<'action'>): boolean {
  if (drift.kind !== 'different') return false;
  const isDoor = (wanted === 'forward' && real === 'drop') || (wanted === 'drop' && real === 'forward');
  return isDoor && forwards(drift.wanted) && forwards(drift.real) && (isLimited(drift.wanted) || isLimited(drift.real));
}

/** Whether packets of any origin are forwarded. */
export function forwards(forwarding: Forwarding): boolean {
  return origins.some((origin) => forwarding[origin].route.action === 'forward');
}

function isLimited(forwarding: Forwarding): boolean {
  return origins.some((origin) => {
    const { route } = forwarding[origin];
    return route.action === 'forward' && route.sources !== 'any';
  });
}

/**
 * One frontend gets one of these kinds, also where its origins differ in different ways: a refusal that hides a Service
 * from pods goes with a gap for the node's own packets (kube-proxy's reject rules for external addresses are not on the
 * OUTPUT hook), and both are told as the refusal.
 */
function actionKind(difference: Aspect<'action'>, all: readonly Difference[]): FaultKind {
  const actions = all.filter((other) => other.aspect === 'action');
  if (difference.wanted === 'forward') {
    const refused = actions.some(({ wanted, real }) => wanted === 'forward' && (real === 'reject' || real === 'drop'));
    return refused ? 'rejected-service' : 'missing-service';
  }
  if (difference.real === 'forward') return 'stale-endpoint';
  if (difference.wanted === 'none') return 'stale-service';
  return actions.some(({ wanted, real }) => wanted === 'forward' && real === 'none')
    ? 'missing-service'
    : 'unrejected-service';
}
