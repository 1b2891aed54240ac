/** What a check is told of a node where the rules may serve more than they list. */
import { describe, expect, it } from 'vitest';
import { everyone, forwardTo, frontend, nodeView, unreadable } from '../../test/view-builders.ts';

const web = 'tcp 10.96.0.1:80';
const api = 'tcp 10.96.0.2:80';
const old = 'tcp 10.96.0.9:80';
const served = everyone(forwardTo('10.244.1.2:8080'));
const desired = [
  [web, served],
  [api, served],
] as const;

describe('a node whose rules were read whole', () => {
  it('does not serve what they do not list', () => {
    const { drift } = nodeView({ desired, observed: [[web, served]] });
    expect(drift.map(({ kind, key }) => [kind, key])).toEqual([['missing', frontend(api)]]);
  });
});

describe('a node where a rule of the list could not be read', () => {
  const view = nodeView({
    desired,
    observed: [
      [web, served],
      [old, served],
    ],
    unlisted: 'unreadable-rule',
  });

  it('may serve what is wanted and not listed: that is unknown, not missing', () => {
    expect(view.drift.map((drift) => [drift.kind, drift.key, 'reason' in drift ? drift.reason : null])).toEqual([
      ['unknown', frontend(api), 'unreadable-rule'],
      ['stale', frontend(old), null],
    ]);
  });

  it('is seen to do what it was seen to do, and of the rest nothing is seen', () => {
    const observed = [...(view.observed ?? [])].map(([key, { forwarding }]) => [key, forwarding]);
    expect(observed).toEqual([
      [frontend(web), served],
      [frontend(old), served],
      [frontend(api), everyone(unreadable('unreadable-rule'))],
    ]);
  });

  it('of which it is not known what it should do is seen as it was', () => {
    const unasked = nodeView({ desired: null, observed: [[web, served]], unlisted: 'unreadable-rule' });
    expect([...(unasked.observed?.keys() ?? [])]).toEqual([frontend(web)]);
    expect(unasked.drift).toEqual([]);
  });
});
