/** Who may write policies in one namespace shall not make questions about all others dear. */
import { describe, expect, it } from 'vitest';
import { answersOf, flow, inShort, policy, world } from '../../../test/policy-world.ts';

const many = (count: number, one: (index: number) => object) => Array.from({ length: count }, (_, index) => one(index));
const denyShop = policy('shop/deny', {
  podSelector: {},
  ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
});

function told(policies: Parameters<typeof world>[0], ...flows: readonly string[]): readonly string[] {
  const objects = world(policies);
  const answers = answersOf(objects);
  return flows.map((text) => inShort(answers.flow(flow(text, objects))));
}

describe('policies that are meant to cost', () => {
  it('by asking for thousands of labels of everybody leave classes as they are', () => {
    const selectors = many(5_000, (index) => ({
      namespaceSelector: {},
      podSelector: { matchLabels: { [`l${index}`]: '' } },
    }));
    const objects = world([denyShop, policy('test/labels', { podSelector: {}, ingress: [{ from: selectors }] })]);
    const answers = answersOf(objects);
    expect(answers.classes).toBeLessThan(12);
    expect(inShort(answers.flow(flow('shop/web > shop/db 5432', objects)))).toBe('open > 0.0.*');
    expect(inShort(answers.flow(flow('shop/bare > shop/db 5432', objects)))).toBe('open > denied');
    expect(inShort(answers.flow(flow('shop/web > test/web 5432', objects)))).toBe('open > denied');
  });

  it('by many peers are answered as ever', () => {
    const peers = many(25_000, (index) => ({
      podSelector: { matchLabels: { app: index === 24_999 ? 'cron' : `a${index}` } },
    }));
    const large = policy('test/peers', { podSelector: {}, ingress: [{ from: peers }] });
    expect(told([denyShop, large], 'test/cron > test/web 1', 'shop/web > test/web 1', 'shop/web > shop/db 1')).toEqual([
      'open > 0.24999.*',
      'open > denied',
      'open > 0.0.*',
    ]);
  });

  it('by more than is evaluated for one pod are not known, and nobody else pays', () => {
    const rules = many(30_000, () => ({ ports: [{ port: 1 }] }));
    const large = policy('test/rules', { podSelector: {}, ingress: rules });
    expect(told([denyShop, large], 'shop/web > test/web 1', 'test/web > test/web 1', 'shop/web > shop/db 1')).toEqual([
      'open > unknown',
      'open > always',
      'open > 0.0.*',
    ]);
  });
});
