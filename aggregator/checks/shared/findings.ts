/** Pieces that the checks of drifts have in common. */
import type { Backend } from '../../../proto/address.ts';
import type { FrontendKey, Origin } from '../../../proto/forwarding.ts';
import type { NodeView } from '../../model/check.ts';
import type { Subject } from '../../model/finding.ts';
import type { Fault, FaultGroup } from './faults.ts';
import { joined } from './words.ts';

/**
 * How long a drift must hold, and be gone: kube-proxy needs up to 30 s to program a change on a busy node, and a single
 * reading may fall into the middle of that.
 */
export const driftClock = { holdForSeconds: 30, clearForSeconds: 30 } as const;

/** The subject of findings about a node as a whole. */
export function nodeSubject(view: NodeView): Subject {
  return { kind: 'Node', name: view.name };
}

/** The frontends that a group speaks of. */
export function keysOf(group: FaultGroup): readonly FrontendKey[] {
  return group.faults.map((fault) => fault.key);
}

/** The frontends of a group in words: `tcp 10.96.0.1:443 and tcp node4:30443`. */
export function frontendsText(group: FaultGroup): string {
  return joined(keysOf(group));
}

/** The origins that the faults of a group touch. */
export function originsOf(group: FaultGroup): ReadonlySet<Origin> {
  return new Set(group.faults.flatMap((fault) => fault.differences.map((difference) => difference.origin)));
}

/** Backends of one fault that are used and should not be; also where nothing should be forwarded at all. */
export function staleBackends({ drift, differences }: Fault): readonly Backend[] {
  const stale = differences.flatMap((difference): readonly Backend[] => {
    if (difference.aspect === 'backends') return difference.stale;
    if (difference.aspect !== 'action' || drift.kind !== 'different') return [];
    const { route } = drift.real[difference.origin];
    return route.action === 'forward' ? route.backends : [];
  });
  return unique(stale);
}

/** Backends of one fault that should be used and are not. */
export function missingBackends({ differences }: Fault): readonly Backend[] {
  return unique(differences.flatMap((difference) => (difference.aspect === 'backends' ? difference.missing : [])));
}

/** Each item once, sorted by text. */
export function unique<T extends string>(items: readonly T[]): readonly T[] {
  return [...new Set(items)].sort();
}
