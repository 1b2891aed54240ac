import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dressDigest, routeDigest } from '../../proto/canonical.ts';
import { type Fate, type Forwarding, type ForwardingTable, origins } from '../../proto/forwarding.ts';
import {
  dropped,
  entry,
  everyone,
  forwardTo,
  forwardWith,
  frontend,
  prefix,
  rejected,
  table,
  unreadable,
  untaken,
} from '../../test/view-builders.ts';
import { allDifferences, faultsOf } from '../checks/shared/faults.ts';
import { drift } from './drift.ts';

const web = 'tcp 10.96.0.1:80';
const served = everyone(forwardTo('10.244.1.2:8080', '10.244.2.2:8080'));
const { frontend: webFrontend } = entry(web, served);
const named = { key: frontend(web), frontend: webFrontend };

function between(wanted: Forwarding | null, real: Forwarding | null) {
  return drift(table(wanted === null ? [] : [[web, wanted]]), table(real === null ? [] : [[web, real]]));
}

describe('one frontend', () => {
  it('is missing when no rule takes its packets, whether the table says so or says nothing', () => {
    const missing = [{ kind: 'missing', ...named, wanted: served }];
    expect([between(served, null), between(served, everyone(untaken))]).toEqual([missing, missing]);
  });

  it('is stale when nobody asks for it', () => {
    expect(between(null, served)).toEqual([{ kind: 'stale', ...named, real: served }]);
  });

  it('is in sync when nobody asks for it and no rule takes its packets', () => {
    expect(between(null, everyone(untaken))).toEqual([]);
  });

  it('differs by the backends of one origin', () => {
    const real = { ...served, outside: forwardTo('10.244.2.2:8080', '10.244.3.2:8080') };
    expect(between(served, real)).toEqual([
      {
        kind: 'different',
        ...named,
        wanted: served,
        real,
        differences: [
          { aspect: 'backends', origin: 'outside', missing: ['10.244.1.2:8080'], stale: ['10.244.3.2:8080'] },
        ],
      },
    ]);
  });

  it('differs by action, and by nothing else, where an origin is not forwarded', () => {
    const real = { pod: rejected, node: untaken, outside: dropped };
    expect(between(served, real).flatMap(allDifferences)).toEqual([
      { aspect: 'action', origin: 'pod', wanted: 'forward', real: 'reject' },
      { aspect: 'action', origin: 'node', wanted: 'forward', real: 'none' },
      { aspect: 'action', origin: 'outside', wanted: 'forward', real: 'drop' },
    ]);
  });

  it('differs by affinity, sources, shares, masquerade and hairpin at once', () => {
    const pods = ['10.244.1.2:8080', '10.244.2.2:8080'];
    const sources = [prefix('198.51.100.0/24')];
    const shares = { parts: [1, 2], lost: 0 };
    const real = forwardWith(pods, {
      route: { affinitySeconds: 600, sources, otherwise: 'none' },
      dress: { shares, masquerade: { some: sources }, hairpin: 'none' },
    });
    expect(between(served, { ...served, pod: real }).flatMap(allDifferences)).toEqual([
      { aspect: 'affinity', origin: 'pod', wanted: 0, real: 600 },
      {
        aspect: 'sources',
        origin: 'pod',
        wanted: { sources: 'any', otherwise: 'drop' },
        real: { sources, otherwise: 'none' },
      },
      { aspect: 'shares', origin: 'pod', wanted: 'even', real: shares },
      { aspect: 'masquerade', origin: 'pod', wanted: 'never', real: { some: sources } },
      { aspect: 'hairpin', origin: 'pod', wanted: 'all', real: 'none' },
    ]);
  });

  it('is unknown when one origin is, on either side, wanted or not', () => {
    const unknown = { ...served, pod: unreadable('set-not-read') };
    const told = [{ kind: 'unknown', ...named, reason: 'set-not-read' }];
    expect([
      between(served, unknown),
      between(unknown, served),
      between(unknown, null),
      between(null, unknown),
    ]).toEqual([told, told, told, told]);
  });
});

const backends = fc.subarray(['10.244.1.2:80', '10.244.2.2:80', '10.244.3.2:80'], { minLength: 1 });
const sources = fc.constantFrom('any' as const, [prefix('10.0.0.0/8')], [prefix('10.0.0.0/8'), prefix('192.0.2.0/24')]);
const forwarded: fc.Arbitrary<Fate> = fc
  .record({
    pods: backends,
    affinitySeconds: fc.constantFrom(0, 600, 'partial' as const),
    sources,
    otherwise: fc.constantFrom('drop' as const, 'none' as const),
    shares: fc.constantFrom('even' as const, { parts: [1, 2, 3], lost: 4 }, { parts: [1, 2, 3], lost: 0 }),
    masquerade: fc.constantFrom('never' as const, 'always' as const, { some: [prefix('10.0.0.0/8')] }),
    hairpin: fc.constantFrom('all' as const, 'some' as const, 'none' as const),
  })
  .map(({ pods, affinitySeconds, sources: from, otherwise, shares, masquerade, hairpin }) =>
    forwardWith(pods, {
      route: { affinitySeconds, sources: from, otherwise: from === 'any' ? 'drop' : otherwise },
      dress: { shares, masquerade, hairpin },
    }),
  );
const known = fc.oneof({ weight: 3, arbitrary: forwarded }, fc.constantFrom(rejected, dropped, untaken));
const fate = fc.oneof({ weight: 9, arbitrary: known }, fc.constant(unreadable('too-complex')));
const keys = fc.constantFrom(web, 'tcp 10.96.0.2:80', 'udp 10.96.0.2:53', 'tcp node4:30080', 'tcp [fd00::1]:80');

function tables(of: fc.Arbitrary<Fate>): fc.Arbitrary<ForwardingTable> {
  const row = fc.tuple(keys, fc.record({ pod: of, node: of, outside: of }));
  return fc.uniqueArray(row, { selector: ([key]) => key }).map(table);
}

function copy(of: ForwardingTable): ForwardingTable {
  return new Map([...of].map(([key, value]) => [key, structuredClone(value)]));
}

function isUntaken(forwarding: Forwarding | undefined): boolean {
  return forwarding === undefined || origins.every((origin) => forwarding[origin].route.action === 'none');
}

function isUnknown(forwarding: Forwarding | undefined): boolean {
  return forwarding !== undefined && origins.some((origin) => forwarding[origin].route.action === 'unknown');
}

describe('any two tables', () => {
  it('a table that is known everywhere does not differ from itself, nor from a copy', () => {
    fc.assert(
      fc.property(tables(known), (one) => {
        expect([drift(one, one), drift(one, copy(one))]).toEqual([[], []]);
      }),
    );
  });

  it('a frontend drifts exactly when its digests differ or it is unknown, and drifts once', () => {
    fc.assert(
      fc.property(tables(fate), tables(fate), (desired, observed) => {
        const expected = [...new Set([...desired.keys(), ...observed.keys()])].filter((key) => {
          const [wanted, real] = [desired.get(key)?.forwarding, observed.get(key)?.forwarding];
          if (isUnknown(wanted) || isUnknown(real)) return true;
          if (isUntaken(wanted) || isUntaken(real)) return isUntaken(wanted) !== isUntaken(real);
          if (wanted === undefined || real === undefined) return true;
          return routeDigest(wanted) !== routeDigest(real) || dressDigest(wanted) !== dressDigest(real);
        });
        const drifted = drift(desired, observed).map(({ key }) => key);
        expect([...drifted].sort()).toEqual(expected.sort());
      }),
    );
  });

  it('in the other direction missing becomes stale and missing backends become stale ones', () => {
    fc.assert(
      fc.property(tables(known), tables(known), (one, other) => {
        const mirrored = drift(other, one).map(({ key, kind }) => {
          return `${key} ${kind === 'missing' ? 'stale' : kind === 'stale' ? 'missing' : kind}`;
        });
        expect(mirrored.sort()).toEqual(
          drift(one, other)
            .map(({ key, kind }) => `${key} ${kind}`)
            .sort(),
        );
      }),
    );
  });

  it('every drift that is not unknown is the matter of at least one check, and every difference is told', () => {
    fc.assert(
      fc.property(tables(fate), tables(fate), (desired, observed) => {
        for (const one of drift(desired, observed)) {
          const told = new Set([...faultsOf(one).values()].flat());
          expect(told.size).toBe(allDifferences(one).length);
          expect(told.size > 0).toBe(one.kind !== 'unknown');
        }
      }),
    );
  });
});
