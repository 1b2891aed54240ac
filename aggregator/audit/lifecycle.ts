/**
 * The life of findings: pending, firing, resolved, gone, unknown, suppressed. Pure: what was, what is seen now, and the
 * time go in; what is now, and the steps that led there, come out.
 *
 *                 seen in two readings, held, past its grace
 *      (new) -> pending ---------------------------------------> firing -> resolved
 *                  | not seen any more                              two clean readings, 30 s apart
 *                  v
 *              withdrawn
 *
 * `unknown` lies over pending and firing while nothing can be said, `suppressed` while somebody accepted it: neither
 * forgets what is beneath. `gone` ends either when the node or the object was deleted.
 */
import { hash } from 'node:crypto';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { Finding } from '../model/finding.ts';
import type { JournalEntry, TrackedFinding, Transition, TransitionKind } from '../model/lifecycle.ts';
import { subjectParts } from './fingerprint.ts';
import { millisecondsOf, timestampOf } from './timestamp.ts';

/** A violation that is seen now. */
export interface Sighting {
  /** Its state is `firing`, or `unknown` where the check saw that it cannot be decided. */
  readonly finding: Finding;
  readonly frontends: readonly FrontendKey[];
  readonly holdForSeconds: number;
  /** Unix ms: no reading before this may make it fire (the grace rules). */
  readonly graceUntil: number;
  /**
   * Unix ms: until then it is known what the API wants. What was first seen later may be kube-proxy's answer to a change
   * that we have not heard of, and does not fire until we have heard more. Infinity where that cannot be.
   */
  readonly wantedKnownUntil: number;
  /** Since when the node shows this, Unix ms; null = since the reading that showed it first. */
  readonly since: number | null;
  readonly shows: TrackedFinding['shows'];
}

/** What cannot be said of a finding that is not seen. `ended` = its node or object was deleted. */
export type Absence =
  | { readonly kind: 'clean' }
  /** Nothing is said this time, in neither direction: the cluster is converging. */
  | { readonly kind: 'undecided' }
  | { readonly kind: 'frozen'; readonly because: string }
  | { readonly kind: 'gone'; readonly because: string };

/** One look at one node, or at the cluster. */
export interface Look {
  readonly nodeUid: string | null;
  /** Unix ms. */
  readonly now: number;
  /** The reading that this look is at; null when there is none, and then nothing is seen. */
  readonly reading: { readonly id: string; readonly at: number } | null;
  /** By fingerprint. */
  readonly seen: ReadonlyMap<string, Sighting>;
  /** What it means that an open finding is not seen. */
  readonly absence: (finding: TrackedFinding) => Absence;
  /** Why nothing that is seen counts now; null = it counts. Open findings freeze, and none is opened. */
  readonly frozenBecause: string | null;
  /** Until when its owner accepts a finding, which may have been accepted before: RFC 3339, or `always`; null = not. */
  readonly accepted: (finding: TrackedFinding) => string | null;
  /** Seconds a check wants its violation gone before it resolves. */
  readonly clearForSeconds: (check: string) => number;
  /** The newest episode of a fingerprint that ever was; 0 = there was none. */
  readonly lastEpisode: (fingerprint: string) => number;
}

/** What a look changes. `open` is every finding of the scope that has not ended, after it. */
export interface Step extends JournalEntry {
  readonly open: readonly TrackedFinding[];
}

/** Two clean readings must be this far apart, whatever the check says. */
const leastClearSeconds = 30;

/**
 * Advances the findings of one scope by one look.
 * @param open every finding of the scope that has not ended.
 */
export function advance(open: readonly TrackedFinding[], look: Look): Step {
  const known = new Set(open.map(({ fingerprint }) => fingerprint));
  const lives = open.map((finding) => advanceOne(finding, look));
  if (look.frozenBecause === null) {
    for (const [fingerprint, sighting] of look.seen) {
      if (!known.has(fingerprint) && sighting.finding.state !== 'unknown') lives.push(begin(sighting, look));
    }
  }
  return {
    open: lives.flatMap(({ now }) => (now === null || now.endedAt !== null ? [] : [now])),
    findings: lives.flatMap(({ now, changed }) => (now !== null && changed ? [now] : [])),
    withdrawn: lives.flatMap(({ before, now }) =>
      now === null && before !== null ? [{ fingerprint: before.fingerprint, episode: before.episode }] : [],
    ),
    transitions: lives.flatMap(({ transitions }) => transitions),
  };
}

/** One finding before and after a look. `now` is null when it was withdrawn. */
interface Life {
  readonly before: TrackedFinding | null;
  readonly now: TrackedFinding | null;
  /** Whether it must be written down: when it was last seen alone is not worth it. */
  readonly changed: boolean;
  readonly transitions: readonly Transition[];
}

function begin(sighting: Sighting, look: Look): Life {
  const { finding, frontends, since, shows } = sighting;
  const at = timestampOf(look.now);
  const seenAt = look.reading === null ? look.now : look.reading.at;
  const tracked: TrackedFinding = {
    ...finding,
    state: 'pending',
    episode: look.lastEpisode(finding.fingerprint) + 1,
    nodeUid: look.nodeUid,
    since: timestampOf(since ?? seenAt),
    shows,
    pendingAt: at,
    firedAt: null,
    endedAt: null,
    lastSeenAt: at,
    knownState: 'pending',
    unknownBecause: null,
    acceptedUntil: null,
    clean: null,
    readings: 1,
    lastReading: look.reading?.id ?? '',
    group: groupOf(finding),
    frontends,
  };
  const accepted = withAcceptance(tracked, look);
  const transitions = [stepOf(accepted, look, 'pending', finding.summary)];
  if (accepted.state === 'suppressed') transitions.push(suppression(accepted, look));
  return { before: null, now: accepted, changed: true, transitions };
}

function advanceOne(before: TrackedFinding, look: Look): Life {
  const sighting = look.seen.get(before.fingerprint);
  if (look.frozenBecause !== null) return freeze(before, look, look.frozenBecause);
  if (sighting !== undefined) {
    if (sighting.finding.state === 'unknown') return freeze(before, look, sighting.finding.summary);
    return seeAgain(before, sighting, look);
  }
  const absence = look.absence(before);
  switch (absence.kind) {
    case 'clean':
      return missOnce(before, look);
    case 'undecided':
      return unchanged(before);
    case 'frozen':
      return freeze(before, look, absence.because);
    case 'gone':
      return end(before, look, { kind: 'gone', because: absence.because });
  }
}

/** Nothing is learnt: it keeps what it was, and no clock of it goes on. */
function freeze(before: TrackedFinding, look: Look, because: string): Life {
  if (before.state === 'unknown' && before.unknownBecause === because) return unchanged(before);
  const now: TrackedFinding = { ...before, state: 'unknown', unknownBecause: because, clean: null };
  const transitions = before.state === 'unknown' ? [] : [stepOf(now, look, 'unknown', because)];
  return { before, now, changed: true, transitions };
}

function unchanged(before: TrackedFinding): Life {
  return { before, now: before, changed: false, transitions: [] };
}

function seeAgain(before: TrackedFinding, sighting: Sighting, look: Look): Life {
  const { finding, since, shows, frontends } = sighting;
  const reading = look.reading?.id ?? before.lastReading;
  const isNewReading = reading !== before.lastReading;
  const readings = isNewReading ? Math.min(2, before.readings + 1) : before.readings;
  const fires = before.knownState === 'firing' || (readings >= 2 && isNewReading && hasHeld(before, sighting, look));
  const told = withAcceptance(
    {
      ...before,
      ...finding,
      state: fires ? 'firing' : 'pending',
      knownState: fires ? 'firing' : 'pending',
      firedAt: fires ? (before.firedAt ?? timestampOf(look.now)) : null,
      // The first time it could be dated counts: the history behind a later date may have been dropped.
      since: before.shows === null && since !== null ? timestampOf(since) : before.since,
      shows: before.shows ?? shows,
      lastSeenAt: isNewReading ? timestampOf(look.now) : before.lastSeenAt,
      lastReading: reading,
      readings,
      clean: null,
      unknownBecause: null,
      frontends,
    },
    look,
  );
  const transitions: Transition[] = [];
  if (before.state === 'unknown') transitions.push(stepOf(told, look, 'known', finding.summary));
  if (fires && before.knownState !== 'firing') transitions.push(stepOf(told, look, 'firing', finding.summary));
  const wasAccepted = before.acceptedUntil !== null;
  if (wasAccepted !== (told.acceptedUntil !== null)) transitions.push(suppression(told, look));
  return { before, now: told, changed: transitions.length > 0 || !isSameTelling(before, told), transitions };
}

/**
 * The reading itself must lie past the grace time and the hold: what an older one showed may be mended by now. What is
 * dated has held since then, not since it was first looked at.
 */
function hasHeld(before: TrackedFinding, sighting: Sighting, { now, reading }: Look): boolean {
  const at = reading?.at ?? now;
  const pendingAt = millisecondsOf(before.pendingAt);
  const from = Math.min(pendingAt, millisecondsOf(before.since));
  const isHeld = at >= from + sighting.holdForSeconds * 1000 - clockSlackMs && at >= sighting.graceUntil;
  return isHeld && sighting.wantedKnownUntil >= pendingAt;
}

/** A reading is dated by its arrival and its age: a few milliseconds apart from the moment it is judged. */
const clockSlackMs = 250;

function missOnce(before: TrackedFinding, look: Look): Life {
  if (before.knownState === 'pending') {
    return withdraw(before, look, 'it is not there any more');
  }
  const reading = look.reading?.id ?? '';
  if (before.clean === null) {
    const clean = { reading, at: timestampOf(look.reading?.at ?? look.now) };
    const now = withAcceptance({ ...before, state: 'firing', unknownBecause: null, clean }, look);
    const transitions = before.state === 'unknown' ? [stepOf(now, look, 'known', 'a reading does not show it')] : [];
    return { before, now, changed: true, transitions };
  }
  const seconds = Math.max(leastClearSeconds, look.clearForSeconds(before.check));
  const quietMs = (look.reading?.at ?? look.now) - millisecondsOf(before.clean.at);
  if (reading === before.clean.reading || quietMs < seconds * 1000) return unchanged(before);
  return end(before, look, {
    kind: 'resolved',
    because: `two readings ${Math.round(quietMs / 1000)} s apart do not show it`,
  });
}

function end(before: TrackedFinding, look: Look, how: { kind: 'resolved' | 'gone'; because: string }): Life {
  // What never fired leaves no trace: it was on its way to be a finding, and is none.
  if (before.knownState === 'pending') {
    return withdraw(before, look, how.because);
  }
  const now: TrackedFinding = {
    ...before,
    state: how.kind,
    endedAt: timestampOf(look.now),
    unknownBecause: null,
    acceptedUntil: null,
  };
  return { before, now, changed: true, transitions: [stepOf(now, look, how.kind, how.because)] };
}

function withdraw(before: TrackedFinding, look: Look, because: string): Life {
  return { before, now: null, changed: true, transitions: [stepOf(before, look, 'withdrawn', because)] };
}

function withAcceptance(finding: TrackedFinding, look: Look): TrackedFinding {
  const acceptedUntil = look.accepted(finding);
  if (acceptedUntil === null) return { ...finding, acceptedUntil: null };
  return { ...finding, acceptedUntil, state: 'suppressed' };
}

function suppression(finding: TrackedFinding, look: Look): Transition {
  const { acceptedUntil } = finding;
  if (acceptedUntil === null) return stepOf(finding, look, 'unsuppressed', 'it is no longer accepted');
  return stepOf(
    finding,
    look,
    'suppressed',
    `accepted ${acceptedUntil === 'always' ? 'without an end' : `until ${acceptedUntil}`}`,
  );
}

function stepOf(
  { fingerprint, episode }: TrackedFinding,
  { now }: Look,
  kind: TransitionKind,
  because: string,
): Transition {
  return { fingerprint, episode, at: timestampOf(now), kind, because };
}

/** What a reader of the finding would see is the same; when it was last seen goes on for itself. */
function isSameTelling(before: TrackedFinding, now: TrackedFinding): boolean {
  const { lastSeenAt: _, lastReading: __, ...told } = now;
  const { lastSeenAt: ___, lastReading: ____, ...was } = before;
  return before.readings === now.readings && JSON.stringify(told) === JSON.stringify(was);
}

/** The same check and subject, on whatever node. */
function groupOf({ check, subject }: Finding): string {
  return hash('sha256', JSON.stringify([check, ...subjectParts(subject)]), 'hex').slice(0, 16);
}
