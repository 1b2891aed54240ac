import { describe, expect, it } from 'vitest';
import type { DatedPair, IssuedState } from './issued-state.ts';
import { readState, stateText, trustedBy } from './issued-state.ts';
import { authorityMs, leafMs, stepDue, trustedUntil } from './rotation.ts';

const hour = 3_600_000;
const day = 24 * hour;
const names = ['plumbline-aggregator.plumbline.svc'];

let made = 0;
function pair(now: number, life: number): DatedPair {
  return { certificate: `certificate ${++made}`, key: 'key', notBefore: now, notAfter: now + life };
}

function newState(now: number): IssuedState {
  return { authority: pair(now, authorityMs), leaf: pair(now, leafMs), names, next: null, former: null };
}

/** What afterStep does, without any cryptography. */
function after(state: IssuedState | null, now: number): IssuedState | null {
  const step = stepDue(state, names, now);
  if (state === null) return newState(now);
  switch (step) {
    case null:
      return state;
    case 'make-all':
      return newState(now);
    case 'renew-leaf':
      return { ...state, leaf: pair(now, leafMs) };
    case 'make-next':
      return { ...state, next: { authority: pair(now, authorityMs), publishedAt: null } };
    case 'switch': {
      const former = { certificate: state.authority.certificate, until: trustedUntil(now) };
      return {
        ...state,
        authority: state.next?.authority ?? state.authority,
        leaf: pair(now, leafMs),
        next: null,
        former,
      };
    }
    case 'drop-former':
      return { ...state, former: null };
  }
}

/** One look: every step that is due, and what is next is told to agents. */
function look(state: IssuedState | null, now: number): IssuedState {
  let next = after(state, now);
  for (let at = after(next, now); at !== next; at = after(next, now)) next = at;
  if (next === null) throw new Error('a look ends with certificates');
  if (next.next === null || next.next.publishedAt !== null) return next;
  return { ...next, next: { ...next.next, publishedAt: now } };
}

describe('years of certificates', () => {
  it('never show an agent one that it could not have known for a day, and none that is about to expire', () => {
    const signedBy = new Map<string, string>();
    const trust: { readonly at: number; readonly certificates: string }[] = [];
    let state: IssuedState | null = null;
    let switches = 0;
    for (let now = 0; now < 8 * 365 * day; now += hour) {
      const before: IssuedState | null = state;
      state = look(state, now);
      if (before?.leaf !== state.leaf) signedBy.set(state.leaf.certificate, state.authority.certificate);
      if (before !== null && before.authority !== state.authority) switches++;
      trust.push({ at: now, certificates: trustedBy(state) });
      // What an agent read an hour ago, and what one read a day ago whose node was not told since.
      for (const hours of [0, 1, 24]) {
        const known = trust.at(-1 - hours)?.certificates ?? trust[0]?.certificates ?? '';
        expect(known).toContain(signedBy.get(state.leaf.certificate));
      }
      expect(state.leaf.notAfter - now).toBeGreaterThan(29 * day);
      expect(state.leaf.notAfter).toBeLessThanOrEqual(state.authority.notAfter);
    }
    expect(switches).toBe(5);
  });

  it('go on after a year in which nobody looked', () => {
    const state = look(look(null, 0), 365 * day);
    expect(stepDue(state, names, 365 * day)).toBe(null);
    expect(state.leaf.notAfter).toBe(365 * day + leafMs);
  });

  it('begin anew where the authority itself has expired', () => {
    expect(stepDue(look(null, 0), names, authorityMs)).toBe('make-all');
  });

  it('are made anew where a clock was a year ahead when they were, for nobody would take them', () => {
    const ahead = look(null, 365 * day);
    expect(stepDue(ahead, names, 0)).toBe('make-all');
    expect(stepDue({ ...look(null, 0), leaf: ahead.leaf }, names, hour)).toBe('renew-leaf');
  });

  it('never go over to an authority that is not valid yet, and make another when it is time', () => {
    const next = { authority: pair(900 * day, authorityMs), publishedAt: 0 };
    const due = (now: number) => stepDue({ ...look(null, 0), leaf: pair(now, leafMs), next }, names, now);
    expect([due(300 * day), due(551 * day)]).toEqual([null, 'make-next']);
  });

  it('make a leaf for names that came to it', () => {
    expect(stepDue(look(null, 0), [...names, 'other.example'], hour)).toBe('renew-leaf');
  });

  it('wait with an authority until agents can know it, however long that takes', () => {
    const state = look(null, 0);
    const untold = { ...state, next: { authority: pair(0, authorityMs), publishedAt: null } };
    expect(stepDue(untold, names, 20 * day)).toBe(null);
    const told = { ...state, next: { authority: pair(0, authorityMs), publishedAt: 20 * day } };
    expect([stepDue(told, names, 21 * day - 1), stepDue(told, names, 21 * day)]).toEqual([null, 'switch']);
  });
});

describe('the state', () => {
  it('comes back as it was written', () => {
    const state = look(look(null, 0), 600 * day);
    expect(state.next).not.toBe(null);
    expect(readState(stateText(state))).toMatchObject(state);
  });

  it.each(['', '{}', '[]', 'null', '{"version":2}', '{"version":1,"authority":{}}', '{"version":1'])(
    'is not taken from %s',
    (text) => {
      expect(readState(text)).toBe(null);
    },
  );
});
