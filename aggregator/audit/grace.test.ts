/** When a difference counts: the grace rules G1 and G2. */
import { describe, expect, it } from 'vitest';
import { entry, everyone, forwardTo, frontend, kubeProxy } from '../../test/view-builders.ts';
import type { Drift } from '../model/drift.ts';
import { type DriftContext, graceTimes, placeDrift, placeDrifts } from './grace.ts';

const small = { ipv4: false, ipv6: false };
const changedAt = Date.parse('2026-11-22T08:00:00.000Z');
const past = { shows: 'past-state', from: '2026-11-22T07:00:00.000Z', until: '2026-11-22T08:00:00.000Z' } as const;
const never = { shows: 'never-wanted' } as const;

/** A drift that was read so many seconds after the desired state changed. */
function readAfter(seconds: number, other: Partial<DriftContext> = {}): DriftContext {
  return { staleness: past, changedAt, readAt: changedAt + seconds * 1000, shownSince: null, ...other };
}

describe('a node may take', () => {
  it('31 seconds to follow a change; for the first ten nobody is told', () => {
    expect(graceTimes(kubeProxy(), small)).toEqual({ settleSeconds: 10, graceSeconds: 31 });
  });

  it('longer in a large cluster, in either family', () => {
    expect(graceTimes(kubeProxy(), { ipv4: false, ipv6: true })).toEqual({ settleSeconds: 40, graceSeconds: 121 });
  });

  it('as long as its own kube-proxy has needed, but not for ever', () => {
    expect(graceTimes(kubeProxy({ programmingP99Seconds: 60 }), small).graceSeconds).toBe(61);
    expect(graceTimes(kubeProxy({ programmingP99Seconds: 0.5 }), small).graceSeconds).toBe(31);
    expect(graceTimes(kubeProxy({ programmingP99Seconds: 4000 }), small).graceSeconds).toBe(301);
    expect(graceTimes({ state: 'absent' }, small).graceSeconds).toBe(31);
  });
});

describe('a node that shows a past desired state', () => {
  const times = { settleSeconds: 10, graceSeconds: 31 };
  const graceUntil = changedAt + 31_000;

  it('is converging in a reading from before, or just after, the change', () => {
    expect(placeDrift(readAfter(-20), times)).toEqual({ kind: 'converging' });
    expect(placeDrift(readAfter(9.9), times)).toEqual({ kind: 'converging' });
  });

  it('is judged from then on, and counts once its grace is over', () => {
    expect(placeDrift(readAfter(10), times)).toEqual({ kind: 'judged', graceUntil, since: changedAt });
  });

  it('has been behind since that state ended, however often the Service has changed since', () => {
    const busy = readAfter(300, { changedAt: changedAt + 299_000 });
    expect(placeDrift(busy, times)).toEqual({ kind: 'judged', graceUntil, since: changedAt });
  });
});

describe('a node that has come to show a past state again', () => {
  const times = { settleSeconds: 10, graceSeconds: 31 };

  it('counts from the last change, as what was never wanted does', () => {
    const again = readAfter(12, {
      changedAt: changedAt + 60_000,
      shownSince: changedAt + 1000,
      readAt: changedAt + 72_000,
    });
    expect(placeDrift(again, times)).toEqual({ kind: 'judged', graceUntil: changedAt + 91_000, since: null });
    expect(placeDrift({ ...again, readAt: changedAt + 65_000 }, times)).toEqual({ kind: 'converging' });
  });

  it('was behind all the time, when it showed something else only before that state ended', () => {
    const lagging = readAfter(12, { shownSince: changedAt - 1000 });
    expect(placeDrift(lagging, times)).toMatchObject({ since: changedAt });
  });
});

describe('a node that shows what was never wanted', () => {
  const times = { settleSeconds: 10, graceSeconds: 31 };

  it('may be between two states just after a change', () => {
    expect(placeDrift(readAfter(5, { staleness: never }), times)).toEqual({ kind: 'converging' });
    expect(placeDrift(readAfter(12, { staleness: never }), times)).toEqual({
      kind: 'judged',
      graceUntil: changedAt + 31_000,
      since: null,
    });
  });

  it('is damaged, where nothing has changed', () => {
    const context = readAfter(5, { staleness: never, changedAt: null });
    expect(placeDrift(context, times)).toEqual({ kind: 'judged', graceUntil: 0, since: null });
  });
});

it('apart: converging frontends are no drift, unknown ones are unknown at once', () => {
  const wanted = everyone(forwardTo('10.244.1.2:8080'));
  const missing = (key: string): Drift => ({
    kind: 'missing',
    key: frontend(key),
    frontend: entry(key, wanted).frontend,
    wanted,
  });
  const [fresh, old] = [missing('tcp 10.96.0.1:80'), missing('tcp 10.96.0.2:80')];
  const key = frontend('tcp 10.96.0.3:80');
  const unread: Drift = { kind: 'unknown', key, frontend: entry(key, wanted).frontend, reason: 'unreadable-match' };
  const context = (drift: Drift) => (drift === fresh ? readAfter(1) : readAfter(100, { staleness: null }));
  expect(placeDrifts([fresh, old, unread], context, { settleSeconds: 10, graceSeconds: 31 })).toEqual({
    judged: [old, unread],
    converging: new Set([fresh.key]),
    times: new Map([[old.key, { graceUntil: changedAt + 31_000, since: null }]]),
    staleness: new Map(),
  });
});
