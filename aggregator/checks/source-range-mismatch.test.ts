import { describe, expect, it } from 'vitest';
import { dropped, everyone, forwardTo, forwardWith, frontend, nodeView, prefix } from '../../test/view-builders.ts';
import { sourceRangeMismatch } from './source-range-mismatch.ts';

const lb = 'tcp 203.0.113.11:80';
const owners = { [lb]: 'edge/public-lb:http' };
const pod = '10.244.1.9:80';

function from(...ranges: readonly string[]) {
  return forwardWith([pod], { route: { sources: ranges.map(prefix) } });
}

describe('source-range-mismatch', () => {
  it('old ranges: they let in pods too, which no longer may', () => {
    const view = nodeView({
      desired: [[lb, { pod: dropped, node: dropped, outside: from('198.51.100.0/25') }]],
      observed: [[lb, { pod: forwardTo(pod), node: dropped, outside: from('198.51.100.0/24') }]],
      owners,
    });
    expect(sourceRangeMismatch.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'edge', name: 'public-lb', port: 'http', protocol: 'tcp' },
        summary: `node-a does not limit packets from pods and outside clients to edge/public-lb:http at ${lb} as asked: it forwards those of 198.51.100.0/24 (others: drop) where the Service asks for 198.51.100.0/25 (others: drop).`,
        frontends: [frontend(lb)],
      },
    ]);
  });

  it('the firewall is gone: every source gets in', () => {
    const view = nodeView({
      desired: [[lb, everyone(from('198.51.100.0/25'))]],
      observed: [[lb, everyone(forwardTo(pod))]],
      owners,
    });
    expect(sourceRangeMismatch.evaluate(view).map(({ summary }) => summary)).toEqual([
      `node-a does not limit all packets to edge/public-lb:http at ${lb} as asked: it forwards those of every source where the Service asks for 198.51.100.0/25 (others: drop).`,
    ]);
  });

  it('the ranges are right but the others are let through instead of dropped', () => {
    const leaky = forwardWith([pod], { route: { sources: [prefix('198.51.100.0/25')], otherwise: 'none' } });
    const view = nodeView({
      desired: [[lb, everyone(from('198.51.100.0/25'))]],
      observed: [[lb, everyone(leaky)]],
      owners,
    });
    expect(sourceRangeMismatch.evaluate(view)).toHaveLength(1);
  });

  it('a service that drops everybody is not a matter of ranges', () => {
    const view = nodeView({
      desired: [[lb, { pod: dropped, node: dropped, outside: from('198.51.100.0/25') }]],
      observed: [[lb, everyone(dropped)]],
      owners,
    });
    expect(sourceRangeMismatch.evaluate(view)).toEqual([]);
  });
});
