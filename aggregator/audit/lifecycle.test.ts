/** The life of findings: when they fire, when they end, and when nothing may be said. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Life, lifeBegins, live, type Shown } from '../../test/finding-life.ts';

const seen: Shown = { after: 10, seen: {} };
const missing: Shown = { after: 10 };

/** `pending firing ...` and `-` for no open finding. */
function statesOf(life: Life): string {
  return life.states.map((finding) => finding?.state ?? '-').join(' ');
}

function stepsOf(life: Life): readonly string[] {
  return life.transitions.map(({ kind }) => kind);
}

/** Ten seconds apart, so many times. */
function times(count: number, step: Shown): readonly Shown[] {
  return Array.from({ length: count }, () => step);
}

describe('a finding fires', () => {
  it('when readings show it for as long as its check wants it held', () => {
    const life = live(times(5, seen));
    expect(statesOf(life)).toBe('pending pending pending firing firing');
    expect(stepsOf(life)).toEqual(['pending', 'firing']);
    expect(life.states[4]).toMatchObject({
      episode: 1,
      pendingAt: '2026-11-22T08:00:10.000Z',
      firedAt: '2026-11-22T08:00:40.000Z',
      since: '2026-11-22T08:00:10.000Z',
    });
  });

  it('only with a second reading, however long the first is looked at', () => {
    const again: Shown = { after: 60, seen: {}, sameReading: true };
    expect(statesOf(live([seen, again, again, seen]))).toBe('pending pending pending firing');
  });

  it('only with a reading from after its grace', () => {
    const graceUntil = lifeBegins + 55_000;
    const late: Shown = { after: 10, seen: { graceUntil } };
    expect(statesOf(live(times(6, late)))).toBe('pending pending pending pending pending firing');
    const oldReading: Shown = { after: 30, seen: { graceUntil }, sameReading: true };
    expect(statesOf(live([...times(5, late), oldReading, oldReading]))).not.toContain('firing');
  });

  it('only when the API has told anything since it was first seen: what nodes do may be the answer to a change', () => {
    const unheard: Shown = { after: 10, seen: { wantedKnownUntil: lifeBegins + 9000 } };
    const heard: Shown = { after: 10, seen: { wantedKnownUntil: lifeBegins + 65_000 } };
    expect(statesOf(live([...times(6, unheard), heard]))).toBe(
      'pending pending pending pending pending pending firing',
    );
  });

  it('after the hold since it is known to be so, not since it was first looked at', () => {
    const dated: Shown = { after: 10, seen: { since: lifeBegins - 600_000, shows: 'past-state' } };
    expect(statesOf(live([dated, dated]))).toBe('pending firing');
  });

  it('since the state that the node shows ended, where that is known', () => {
    const since = lifeBegins - 600_000;
    const [first] = live([{ after: 10, seen: { since, shows: 'past-state' } }]).states;
    expect(first).toMatchObject({ since: '2026-11-22T07:50:00.000Z', shows: 'past-state' });
  });

  it('never, when it goes before: nothing is left of it but its steps', () => {
    const life = live([seen, seen, missing, missing]);
    expect(statesOf(life)).toBe('pending pending - -');
    expect(stepsOf(life)).toEqual(['pending', 'withdrawn']);
    expect(life.rows.size).toBe(0);
  });
});

describe('a firing finding is resolved', () => {
  const fired = times(4, seen);

  it('by two readings without it, thirty seconds apart', () => {
    const life = live([...fired, ...times(5, missing)]);
    expect(statesOf(life)).toBe('pending pending pending firing firing firing firing - -');
    expect(life.rows.get(1)).toMatchObject({ state: 'resolved', endedAt: '2026-11-22T08:01:20.000Z' });
  });

  it('not by one reading that is looked at again and again', () => {
    const again: Shown = { after: 60, sameReading: true };
    expect(statesOf(live([...fired, missing, again, again]))).toBe(
      'pending pending pending firing firing firing firing',
    );
  });

  it('only when it was quiet for as long as its check wants', () => {
    const life = live([...fired, ...times(61, missing)], 600);
    expect(life.states.findIndex((state, index) => index > 3 && state === null)).toBe(4 + 60);
  });

  it('not when it comes back in between', () => {
    const life = live([...fired, missing, missing, seen, missing, missing, missing]);
    expect(statesOf(life).split(' ').slice(-1)).toEqual(['firing']);
    expect(stepsOf(life)).toEqual(['pending', 'firing']);
  });

  it('and when it comes back later, that is another episode', () => {
    const life = live([...fired, ...times(4, missing), ...fired]);
    expect([...life.rows.values()].map(({ episode, state }) => `${episode} ${state}`)).toEqual([
      '1 resolved',
      '2 firing',
    ]);
  });
});

describe('while nothing can be said', () => {
  const fired = times(4, seen);
  const frozen: Shown = { after: 10, frozen: 'the agent of node-b is silent' };

  it('a firing finding is unknown, and neither resolved nor forgotten', () => {
    const life = live([...fired, ...times(30, frozen), seen]);
    expect(life.states[10]).toMatchObject({
      state: 'unknown',
      knownState: 'firing',
      unknownBecause: 'the agent of node-b is silent',
    });
    expect(life.states.at(-1)).toMatchObject({ state: 'firing', unknownBecause: null, episode: 1 });
    expect(stepsOf(life)).toEqual(['pending', 'firing', 'unknown', 'known']);
  });

  it('clean readings from before do not count', () => {
    const life = live([...fired, missing, missing, missing, frozen, missing, missing]);
    expect(life.states.at(-1)?.state).toBe('firing');
  });

  it('nothing new is opened', () => {
    expect(live([{ ...seen, frozen: 'the watch of services is silent' }]).transitions).toEqual([]);
  });

  it('a check that says itself that it is undecided freezes its finding, and opens none', () => {
    const undecided: Shown = { after: 10, seen: { state: 'unknown' } };
    expect(statesOf(live([...fired, undecided]))).toBe('pending pending pending firing unknown');
    expect(statesOf(live([undecided]))).toBe('-');
  });

  it('a converging cluster changes nothing at all', () => {
    const converging: Shown = { after: 10, absence: { kind: 'undecided' } };
    const life = live([...fired, ...times(30, converging)]);
    expect(life.states.at(-1)).toEqual(life.states[3]);
  });
});

describe('a finding whose node or object is deleted', () => {
  const gone: Shown = { after: 10, absence: { kind: 'gone', because: 'Service shop/web was deleted' } };

  it('is gone, not resolved', () => {
    const life = live([...times(4, seen), gone]);
    expect(life.rows.get(1)).toMatchObject({ state: 'gone' });
    expect(life.transitions.at(-1)).toMatchObject({ kind: 'gone', because: 'Service shop/web was deleted' });
  });

  it('leaves nothing when it was pending', () => {
    expect(live([seen, gone]).rows.size).toBe(0);
  });
});

describe('an accepted finding', () => {
  it('is suppressed, goes on living beneath, and fires when it is accepted no longer', () => {
    const accepted: Shown = { after: 10, seen: {}, accepted: '2026-11-22T09:00:00.000Z' };
    const life = live([...times(5, accepted), seen]);
    expect(statesOf(life)).toBe('suppressed suppressed suppressed suppressed suppressed firing');
    expect(life.states[4]).toMatchObject({ knownState: 'firing', acceptedUntil: '2026-11-22T09:00:00.000Z' });
    expect(stepsOf(life)).toEqual(['pending', 'suppressed', 'firing', 'unsuppressed']);
  });
});

describe('whatever happens', () => {
  const step: fc.Arbitrary<Shown> = fc.record(
    {
      after: fc.integer({ min: 0, max: 45 }),
      seen: fc.constantFrom({}, { state: 'unknown' as const }, { graceUntil: lifeBegins + 120_000 }),
      absence: fc.constantFrom(
        { kind: 'clean' as const },
        { kind: 'undecided' as const },
        { kind: 'frozen' as const, because: 'no reading' },
        { kind: 'gone' as const, because: 'deleted' },
      ),
      frozen: fc.constant('the agent is silent'),
      sameReading: fc.constant(true as const),
      accepted: fc.constant('always'),
    },
    { requiredKeys: ['after'] },
  );
  const isClean = ({ seen, absence, frozen }: Shown): boolean =>
    seen === undefined && frozen === undefined && (absence ?? { kind: 'clean' }).kind === 'clean';

  /** The looks that did not show it, up to a time, since it was last seen or frozen. */
  function cleanLooksBefore(steps: readonly Shown[], until: number) {
    let [now, reading, readAt] = [lifeBegins, 0, lifeBegins];
    let looks: { reading: number; readAt: number }[] = [];
    for (const one of steps) {
      now += one.after * 1000;
      if (now > until) break;
      if (!one.sameReading) [reading, readAt] = [reading + 1, now];
      const frozen = one.frozen !== undefined || one.absence?.kind === 'frozen';
      if (frozen || one.seen !== undefined) looks = [];
      else if (isClean(one)) looks.push({ reading, readAt });
    }
    return looks;
  }

  it('nothing is resolved without two clean readings thirty seconds apart after it was last seen', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const life = live(steps);
        for (const row of life.rows.values()) {
          if (row.state !== 'resolved') continue;
          const looks = cleanLooksBefore(steps, Date.parse(row.endedAt ?? ''));
          expect(new Set(looks.map(({ reading }) => reading)).size).toBeGreaterThanOrEqual(2);
          expect((looks.at(-1)?.readAt ?? 0) - (looks[0]?.readAt ?? 0)).toBeGreaterThanOrEqual(30_000);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a step is told for each change of what is known, once, and no finding is open twice', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { transitions, rows } = live(steps);
        const fired = transitions.filter(({ kind }) => kind === 'firing');
        expect(new Set(fired.map(({ episode }) => episode)).size).toBe(fired.length);
        expect([...rows.values()].filter(({ endedAt }) => endedAt === null).length).toBeLessThanOrEqual(1);
        const ends = transitions.filter(({ kind }) => kind === 'resolved' || kind === 'gone');
        expect(ends.length).toBe([...rows.values()].filter(({ endedAt }) => endedAt !== null).length);
      }),
      { numRuns: 300 },
    );
  });
});
