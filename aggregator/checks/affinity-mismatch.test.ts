import { describe, expect, it } from 'vitest';
import { everyone, forwardTo, forwardWith, frontend, nodeView } from '../../test/view-builders.ts';
import { affinityMismatch } from './affinity-mismatch.ts';

const cart = 'tcp 10.96.0.3:6379';
const owners = { [cart]: 'shop/cart:redis' };
const pods = ['10.244.2.4:6379', '10.244.3.4:6379'];

function found(wanted: number, real: number | 'partial') {
  const rows = [wanted, real].map((affinitySeconds) => everyone(forwardWith(pods, { route: { affinitySeconds } })));
  const [asked, done] = [rows[0] ?? everyone(forwardTo(...pods)), rows[1] ?? everyone(forwardTo(...pods))];
  return affinityMismatch.evaluate(nodeView({ desired: [[cart, asked]], observed: [[cart, done]], owners }));
}

describe('affinity-mismatch', () => {
  it('the timeout was changed and the rules have the old one', () => {
    expect(found(900, 600)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'cart', port: 'redis', protocol: 'tcp' },
        summary: 'Session affinity of shop/cart:redis on node-a is 600 s where the Service asks for 900 s.',
        evidence: [
          {
            kind: 'forwarding',
            frontend: cart,
            wanted: 'forward to 10.244.2.4:6379 and 10.244.3.4:6379, affinity 900 s (masquerade never)',
            real: 'forward to 10.244.2.4:6379 and 10.244.3.4:6379, affinity 600 s (masquerade never)',
          },
        ],
        frontends: [frontend(cart)],
      },
    ]);
  });

  it.each([
    [0, 10800, 'is 10800 s where the Service asks for none'],
    [10800, 0, 'is none where the Service asks for 10800 s'],
    [900, 'partial', 'is for some backends only where the Service asks for 900 s'],
  ] as const)('asked for %s, found %s', (wanted, real, text) => {
    expect(found(wanted, real).map(({ summary }) => summary)).toEqual([
      `Session affinity of shop/cart:redis on node-a ${text}.`,
    ]);
  });

  it('another set of backends with the same timeout is no matter of affinity', () => {
    const view = nodeView({
      desired: [[cart, everyone(forwardWith(pods, { route: { affinitySeconds: 900 } }))]],
      observed: [[cart, everyone(forwardWith(pods.slice(1), { route: { affinitySeconds: 900 } }))]],
      owners,
    });
    expect(affinityMismatch.evaluate(view)).toEqual([]);
  });
});
