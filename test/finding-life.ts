/** A finding's life step by step, for tests: each step is a look at one node, some seconds after the last. */
import { type Absence, advance, type Look, type Sighting } from '../aggregator/audit/lifecycle.ts';
import type { TrackedFinding, Transition } from '../aggregator/model/lifecycle.ts';
import { finding } from './report-builders.ts';

/** What a step shows: the finding, or that it is absent in some way. */
export interface Shown {
  /** Seconds since the last step. */
  readonly after: number;
  /** The finding is seen, with these differences; absent = it is not seen. */
  readonly seen?: Partial<Omit<Sighting, 'finding'>> & { readonly state?: 'unknown' };
  /** What it means that it is not seen. */
  readonly absence?: Absence;
  readonly frozen?: string;
  /** The last reading again. */
  readonly sameReading?: true;
  readonly accepted?: string;
}

export interface Life {
  /** After each step: the finding, null where it has ended or never began. */
  readonly states: readonly (TrackedFinding | null)[];
  readonly transitions: readonly Transition[];
  /** Every row as it was last written, by episode. */
  readonly rows: ReadonlyMap<number, TrackedFinding>;
}

export const lifeBegins = Date.parse('2026-11-22T08:00:00.000Z');
const subject = finding('stale-endpoint');

/** Plays steps on one finding; reading numbers rise with each step. */
export function live(steps: readonly Shown[], clearForSeconds = 30): Life {
  let now = lifeBegins;
  let reading = 0;
  let readAt = now;
  let open: readonly TrackedFinding[] = [];
  const states: (TrackedFinding | null)[] = [];
  const transitions: Transition[] = [];
  const rows = new Map<number, TrackedFinding>();
  for (const step of steps) {
    now += step.after * 1000;
    if (!step.sameReading) {
      reading++;
      readAt = now;
    }
    const look: Look = {
      nodeUid: 'uid-of-node-b',
      now,
      reading: { id: `e/${reading}`, at: readAt },
      seen: new Map(step.seen === undefined ? [] : [[subject.fingerprint, sightingOf(step.seen)]]),
      absence: () => step.absence ?? { kind: 'clean' },
      frozenBecause: step.frozen ?? null,
      accepted: () => step.accepted ?? null,
      clearForSeconds: () => clearForSeconds,
      lastEpisode: () => Math.max(0, ...rows.keys()),
    };
    const after = advance(open, look);
    open = after.open;
    for (const row of after.findings) rows.set(row.episode, row);
    for (const row of after.withdrawn) rows.delete(row.episode);
    transitions.push(...after.transitions);
    states.push(open[0] ?? null);
  }
  return { states, transitions, rows };
}

function sightingOf({ state, ...other }: NonNullable<Shown['seen']>): Sighting {
  return {
    finding: { ...subject, state: state ?? 'firing' },
    frontends: [],
    holdForSeconds: 30,
    graceUntil: 0,
    wantedKnownUntil: Number.POSITIVE_INFINITY,
    since: null,
    shows: null,
    ...other,
  };
}
