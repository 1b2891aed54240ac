/** What a diagnosis may see of a running aggregator: each node as it was looked at last, as far as that counts now. */
import { entryDigest } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { RuleLine } from '../../proto/parts.ts';
import type { DiagnosisInput, NodeFacts } from '../diagnose/input.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import { type LastLook, type NodeMemory, notHeardYet, whyNotJudged } from './node-memory.ts';

export interface Known {
  readonly memories: ReadonlyMap<string, NodeMemory>;
  readonly objects: ClusterObjects;
  /** The findings of the whole cluster that have not ended. */
  readonly clusterOpen: readonly TrackedFinding[];
  /** Unix ms. */
  readonly now: number;
}

/** Nothing is copied: it is of use for one answer. */
export function diagnosisInput({ memories, objects, clusterOpen, now }: Known): DiagnosisInput {
  return {
    objects,
    node: (name) => factsOf(name, memories.get(name), now),
    findings: [...clusterOpen, ...[...memories.values()].flatMap(({ open }) => open)],
  };
}

function factsOf(name: string, memory: NodeMemory | undefined, now: number): NodeFacts {
  if (memory === undefined) return { isKnown: false, because: notHeardYet(name) };
  const { last, frozenBecause } = memory;
  const because = whyNotJudged(memory, now) ?? frozenBecause;
  if (because !== null) return { isKnown: false, because };
  if (last === null) return { isKnown: false, because: 'it was not looked at yet' };
  const ageSeconds = Math.max(0, Math.round((now - last.report.readAt) / 1000));
  return { isKnown: true, view: last.view, ageSeconds, explain: (key) => rulesShown(memory, last, key) };
}

/** Rules that the agent has shown for a finding; none where none were asked for. */
function rulesShown({ evidence }: NodeMemory, { view }: LastLook, key: FrontendKey): readonly RuleLine[] {
  const entry = evidence.size === 0 ? undefined : view.observed?.get(key);
  return entry === undefined ? [] : (evidence.get(entryDigest(key, entry.forwarding))?.lines ?? []);
}
