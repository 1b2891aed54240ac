/** What the killed process writes in each round, so that what is found afterwards can be held against it. */
import type { JournalEntry, TrackedFinding } from '../../aggregator/model/lifecycle.ts';
import { entry, resolved, step, tracked } from '../journal-entries.ts';

/** A finding that every round changes. */
export const tally = 'tally';

/** Round n opens two findings, ends one of round n - 1, and tells of all in steps. */
export function roundEntry(round: number): JournalEntry {
  const findings = [tracked(tally, { lastReading: `e1/${round}` }), ...roundFindings(round, false)];
  return entry({
    findings: round === 1 ? findings : [...findings, ...roundFindings(round - 1, true).slice(0, 1)],
    transitions: [step(`f${round}-a`), step(`f${round}-b`), step(tally, { because: String(round) })],
  });
}

/** The two findings of a round; `isOver` when the next round is committed too. */
export function roundFindings(round: number, isOver: boolean): readonly TrackedFinding[] {
  const evidence = [{ kind: 'fact' as const, name: 'round', value: String(round).repeat(300) }];
  const [one, other] = [`f${round}-a`, `f${round}-b`];
  const first = isOver ? resolved(one, '2026-03-01T12:00:00.000Z', { evidence }) : tracked(one, { evidence });
  return [first, tracked(other, { evidence })];
}
