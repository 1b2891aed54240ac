/** Findings and steps for tests of the journal. */
import type { JournalEntry, TrackedFinding, Transition } from '../aggregator/model/lifecycle.ts';
import { finding } from './report-builders.ts';
import { frontend } from './view-builders.ts';

/** An open, firing finding of node-b: `tracked('f1', { episode: 2 })`. */
export function tracked(fingerprint: string, changes: Partial<TrackedFinding> = {}): TrackedFinding {
  return {
    ...finding('stale-endpoint', { fingerprint }),
    episode: 1,
    nodeUid: 'uid-of-node-b',
    since: '2026-03-01T10:00:00.000Z',
    shows: 'past-state',
    pendingAt: '2026-03-01T10:00:05.000Z',
    firedAt: '2026-03-01T10:01:05.000Z',
    endedAt: null,
    lastSeenAt: '2026-03-01T10:02:00.000Z',
    knownState: 'firing',
    unknownBecause: null,
    acceptedUntil: null,
    clean: null,
    readings: 2,
    lastReading: 'e1/7',
    group: 'stale-endpoint shop/web',
    frontends: [frontend('tcp 10.96.0.1:80')],
    ...changes,
  };
}

/** The same after it was resolved. */
export function resolved(fingerprint: string, endedAt: string, changes: Partial<TrackedFinding> = {}): TrackedFinding {
  return tracked(fingerprint, { state: 'resolved', endedAt, ...changes });
}

/** A step of a finding's first episode. */
export function step(fingerprint: string, changes: Partial<Transition> = {}): Transition {
  return {
    fingerprint,
    episode: 1,
    at: '2026-03-01T10:01:05.000Z',
    kind: 'firing',
    because: 'node-b sends packets to 10.244.1.9:8080, which is gone.',
    ...changes,
  };
}

/** What one round of the engine writes: nothing unless said. */
export function entry(changes: Partial<JournalEntry> = {}): JournalEntry {
  return { findings: [], withdrawn: [], transitions: [], ...changes };
}
