/** The rules behind what a node does: which are shown with its findings, and which are still to be asked for. */
import { entryDigest } from '../../proto/canonical.ts';
import type { ForwardingTable, FrontendKey } from '../../proto/forwarding.ts';
import type { JudgedFinding } from '../audit/evaluate.ts';
import { withRuleEvidence } from '../audit/rule-evidence.ts';
import type { NodeMemory } from './node-memory.ts';

/** So many entries' rules are asked of one node at a time. */
const mostAsked = 40;

/** Adds the rules that the agent showed to the findings they are behind. */
export function withRules(findings: readonly JudgedFinding[], memory: NodeMemory): readonly JudgedFinding[] {
  const { last, evidence } = memory;
  if (evidence.size === 0) return findings;
  const explain = (key: FrontendKey) => evidence.get(digestOf(last?.view.observed ?? null, key) ?? '')?.lines ?? [];
  const explained = withRuleEvidence(
    findings.map(({ finding }) => finding),
    () => explain,
  );
  return findings.map((judged, index) => ({ ...judged, finding: explained[index] ?? judged.finding }));
}

/**
 * Forgets rules that no open finding is about any more.
 * @returns the digests of the entries whose rules are to be asked for now; they count as asked.
 */
export function rulesToAskFor(memory: NodeMemory): readonly string[] {
  const { last, open } = memory;
  if (last === null || memory.frozenBecause !== null) return [];
  const wanted = new Set(
    open.flatMap(({ frontends }) => frontends.slice(0, 1).flatMap((key) => digestOf(last.view.observed, key) ?? [])),
  );
  memory.evidence = new Map([...memory.evidence].filter(([digest]) => wanted.has(digest)));
  for (const digest of memory.asked) if (!wanted.has(digest)) memory.asked.delete(digest);
  const missing = [...wanted].filter((digest) => !memory.evidence.has(digest) && !memory.asked.has(digest));
  const asked = missing.slice(0, Math.max(0, mostAsked - memory.asked.size));
  for (const digest of asked) memory.asked.add(digest);
  return asked;
}

/** The digest of what a node does with a frontend; null when it does nothing. */
function digestOf(observed: ForwardingTable | null, key: FrontendKey): string | null {
  const entry = observed?.get(key);
  return entry === undefined ? null : entryDigest(key, entry.forwarding);
}
