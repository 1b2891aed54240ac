import { describe, expect, it } from 'vitest';
import { entryDigest } from '../../proto/canonical.ts';
import type { Forwarding, FrontendKey } from '../../proto/forwarding.ts';
import { desired, elsewhere, here, web } from '../../test/desired-in-short.ts';
import type { Drift } from '../model/drift.ts';
import { stalenessOf } from './staleness.ts';

const key = 'tcp 10.96.0.1:80' as FrontendKey;
const frontend = { family: 'ipv4', protocol: 'tcp', address: 'node', port: 80 } as const;

function forwardingTo(slices: Parameters<typeof desired>[0]['slices']): Forwarding {
  const entry = desired({ services: [web], slices: slices ?? [] }).table.get(key);
  if (entry === undefined) throw new Error('the Service has no frontend');
  return entry.forwarding;
}

const [old, now] = [forwardingTo([here]), forwardingTo([elsewhere])];
const different: Drift = { kind: 'different', key, frontend, wanted: now, real: old, differences: [] };
const stale: Drift = { kind: 'stale', key, frontend, real: old };
const missing: Drift = { kind: 'missing', key, frontend, wanted: now };
const digest = entryDigest(key, old);
const fromNineToTen = { from: Date.parse('2026-07-14T09:00:00Z'), until: Date.parse('2026-07-14T10:00:00Z') };
const shown = { shows: 'past-state', from: '2026-07-14T09:00:00.000Z', until: '2026-07-14T10:00:00.000Z' };
const earlier = { from: 0, until: 1 };

describe('a frontend that drifts', () => {
  it('shows the newest past state that equals it, and when the same was desired before that', () => {
    const past = [
      { digest: 'other', from: fromNineToTen.until, until: fromNineToTen.until + 1 },
      { digest, ...fromNineToTen },
      { digest, ...earlier },
    ];
    const withEarlier = {
      ...shown,
      earlier: [{ from: '1970-01-01T00:00:00.000Z', until: '1970-01-01T00:00:00.001Z' }],
    };
    expect([different, stale].map((drift) => stalenessOf(drift, past))).toEqual([withEarlier, withEarlier]);
  });

  it('shows, when it is missing, the last time that nobody asked for it', () => {
    expect(stalenessOf(missing, [{ digest: null, ...fromNineToTen }])).toEqual(shown);
  });

  it('was never wanted as it is when no past state equals it', () => {
    const neverWanted = { shows: 'never-wanted' };
    expect(stalenessOf(missing, [{ digest, ...earlier }])).toEqual(neverWanted);
    expect(stalenessOf(stale, [{ digest: null, ...earlier }])).toEqual(neverWanted);
    expect(stalenessOf(different, [])).toEqual(neverWanted);
  });

  it('shows nothing when it could not be read', () => {
    const unknown: Drift = { kind: 'unknown', key, frontend, reason: 'too-complex' };
    expect(stalenessOf(unknown, [{ digest: null, ...earlier }])).toEqual({ shows: 'never-wanted' });
  });

  it('is held against the newest 500 past states', () => {
    function* past() {
      for (let count = 1; count <= 500; count++) yield { digest: count === 500 ? digest : 'other', ...fromNineToTen };
      throw new Error('read on');
    }
    expect(stalenessOf(stale, past())).toEqual(shown);
  });
});
