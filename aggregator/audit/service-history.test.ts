import { describe, expect, it } from 'vitest';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { both, elsewhere, here, web } from '../../test/desired-in-short.ts';
import type { ServiceBuilder } from '../../test/builders.ts';
import { ServiceHistory } from './service-history.ts';

const hour = 3_600_000;
const webKey = 'tcp 10.96.0.1:80' as FrontendKey;
const nodeKey = 'tcp node4:30080' as FrontendKey;

function aHistory() {
  const history = new ServiceHistory({ historyHours: 24, maxPast: 100 });
  history.begin(0);
  return history;
}

function claimantsOf(history: ServiceHistory): readonly number[] {
  return [webKey, nodeKey].map((key) => history.claimants(key).length);
}

describe('the Services that ask for a frontend', () => {
  const set = (history: ServiceHistory, one: ServiceBuilder | null, now: number) =>
    history.set('shop/web', one?.built ?? null, [here.built], now);

  it('are those that did as long as that is remembered', () => {
    const history = aHistory();
    set(history, web.nodePort(30080), hour);
    set(history, web, 2 * hour);
    expect(claimantsOf(history)).toEqual([1, 1]);
    history.expire(26 * hour);
    expect(claimantsOf(history)).toEqual([1, 0]);
  });

  it('leave nothing behind a day after they were deleted', () => {
    const history = aHistory();
    set(history, web, hour);
    set(history, null, 2 * hour);
    expect([...history.records()]).toHaveLength(1);
    history.expire(26 * hour);
    expect([claimantsOf(history), [...history.records()], history.pastStates]).toEqual([[0, 0], [], 0]);
  });

  it('leave nothing behind at all when they went in the moment in which they came', () => {
    const history = aHistory();
    history.expire(30 * hour);
    set(history, web, 6 * hour);
    set(history, null, 6 * hour);
    expect([claimantsOf(history), [...history.records()], history.pastStates]).toEqual([[0, 0], [], 0]);
  });
});

describe('the Services with an endpoint on a node', () => {
  const on = (history: ServiceHistory) =>
    ['node-a', 'node-b', 'node-c'].map((name) => [...history.withEndpointsOn(name)].map(({ key }) => key));

  it('are found when first asked for, and followed from then on', () => {
    const history = aHistory();
    history.set('shop/web', web.built, [here.built], 1);
    expect(on(history)).toEqual([['shop/web'], [], []]);
    history.set('shop/web', web.built, [both.built], 2);
    history.set('shop/api', { ...web.built, name: 'api' }, [elsewhere.built], 2);
    expect(on(history)).toEqual([['shop/web'], ['shop/web', 'shop/api'], []]);
    history.set('shop/web', web.built, [elsewhere.built], 3);
    expect(on(history)).toEqual([[], ['shop/web', 'shop/api'], []]);
    history.set('shop/web', null, [], 4);
    expect(on(history)).toEqual([[], ['shop/api'], []]);
  });
});

describe('what changed', () => {
  it('is nothing when the same is said again, or a Service is deleted that there never was', () => {
    const history = aHistory();
    expect(history.set('shop/web', web.built, [here.built], 1)).toBe(true);
    expect(history.set('shop/web', structuredClone(web.built), structuredClone([here.built]), 2)).toBe(false);
    expect(history.set('shop/none', null, [], 3)).toBe(false);
    expect(history.log.next).toBe(1);
  });
});
