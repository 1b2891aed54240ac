/** A journal in memory, for tests: what `aggregator/journal` promises, without a disk. Both run the same tests. */
import { JournalError } from '../aggregator/journal/journal-error.ts';
import type { Journal, JournalEntry, TrackedFinding, Transition } from '../aggregator/model/lifecycle.ts';

export interface MemoryJournal extends Journal {
  /** From now on commits throw a JournalError with this message, as a full disk does; null: they succeed again. */
  refuse(message: string | null): void;
  /** Everything that was committed, oldest first. */
  readonly commits: readonly JournalEntry[];
}

interface Kept {
  /** As JSON, by `fingerprint/episode`: what is read must be what a disk would give back. */
  readonly findings: ReadonlyMap<string, string>;
  readonly transitions: readonly Transition[];
  readonly lastEpisodes: ReadonlyMap<string, number>;
}

/** An empty journal. */
export function memoryJournal(): MemoryJournal {
  let kept: Kept = { findings: new Map(), transitions: [], lastEpisodes: new Map() };
  let refusal: string | null = null;
  const commits: JournalEntry[] = [];
  const all = () => [...kept.findings.values()].map((json): TrackedFinding => JSON.parse(json));
  return {
    commits,
    refuse: (message) => {
      refusal = message;
    },
    open: () => all().filter(({ endedAt }) => endedAt === null),
    lastEpisode: (fingerprint) => kept.lastEpisodes.get(fingerprint) ?? 0,
    commit: (entry) => {
      if (refusal !== null) throw new JournalError('disk-full', refusal);
      kept = after(kept, structuredClone(entry));
      commits.push(structuredClone(entry));
    },
    ended: ({ limit, before }) =>
      all()
        .flatMap((finding) =>
          finding.endedAt === null ? [] : [{ finding, place: placeOf(finding.endedAt, finding.fingerprint) }],
        )
        .filter(({ place }) => before === undefined || place < placeOf(before.endedAt, before.fingerprint))
        .sort((one, other) => compare(other.place, one.place) || other.finding.episode - one.finding.episode)
        .slice(0, limit)
        .map(({ finding }) => finding),
    find: (fingerprint) =>
      all()
        .filter((finding) => finding.fingerprint === fingerprint)
        .sort((one, other) => other.episode - one.episode)[0] ?? null,
    history: (fingerprint, limit) =>
      structuredClone(kept.transitions.filter((transition) => transition.fingerprint === fingerprint))
        .reverse()
        .slice(0, limit),
    close: () => {},
  };
}

function after(kept: Kept, entry: JournalEntry): Kept {
  const findings = new Map(kept.findings);
  const lastEpisodes = new Map(kept.lastEpisodes);
  for (const { fingerprint, episode } of entry.withdrawn) findings.delete(`${fingerprint}/${episode}`);
  for (const finding of entry.findings) {
    findings.set(`${finding.fingerprint}/${finding.episode}`, JSON.stringify(finding));
  }
  for (const { fingerprint, episode } of [...entry.findings, ...entry.withdrawn, ...entry.transitions]) {
    lastEpisodes.set(fingerprint, Math.max(episode, lastEpisodes.get(fingerprint) ?? 0));
  }
  refuseTwoOpen([...findings.values()].map((json): TrackedFinding => JSON.parse(json)));
  return { findings, lastEpisodes, transitions: [...kept.transitions, ...entry.transitions] };
}

function refuseTwoOpen(findings: readonly TrackedFinding[]): void {
  const seen = new Set<string>();
  for (const { fingerprint, endedAt } of findings) {
    if (endedAt !== null) continue;
    if (seen.has(fingerprint)) throw new JournalError('defect', `two open findings of ${fingerprint}`);
    seen.add(fingerprint);
  }
}

/** Sorts by time, then fingerprint; times may or may not have milliseconds. */
function placeOf(endedAt: string, fingerprint: string): string {
  return `${new Date(endedAt).toISOString()} ${fingerprint}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
