import { describe, expect, it } from 'vitest';
import { dropped, everyone, forwardTo, frontend, nodeView, rejected, untaken } from '../../test/view-builders.ts';
import { missingService } from './missing-service.ts';

const cart = 'tcp 10.96.0.3:6379';
const cartNodePort = 'tcp node4:30379';
const owners = { [cart]: 'shop/cart:redis', [cartNodePort]: 'shop/cart:redis' };
const wanted = everyone(forwardTo('10.244.2.4:6379'));

describe('missing-service', () => {
  it('no rule takes packets to the cluster IP or the node port', () => {
    const view = nodeView({
      desired: [
        [cart, wanted],
        [cartNodePort, wanted],
      ],
      observed: [],
      owners,
    });
    const [violation, ...others] = missingService.evaluate(view);
    expect(others).toEqual([]);
    expect(violation).toMatchObject({
      subject: { kind: 'Service', namespace: 'shop', name: 'cart', port: 'redis', protocol: 'tcp' },
      summary: `node-a has no rule for shop/cart:redis at ${cart} and ${cartNodePort}: all packets leave untranslated.`,
      frontends: [frontend(cart), frontend(cartNodePort)],
      explains: [frontend(cart), frontend(cartNodePort)],
    });
    expect(violation?.evidence).toEqual([
      { kind: 'forwarding', frontend: cart, wanted: 'forward to 10.244.2.4:6379 (masquerade never)', real: 'no rule' },
      {
        kind: 'forwarding',
        frontend: cartNodePort,
        wanted: 'forward to 10.244.2.4:6379 (masquerade never)',
        real: 'no rule',
      },
    ]);
  });

  it('pods and outside clients are passed by while the node itself is served: the origins are named', () => {
    const view = nodeView({
      desired: [[cart, wanted]],
      observed: [[cart, { ...wanted, pod: untaken, outside: untaken }]],
      owners,
    });
    expect(missingService.evaluate(view).map(({ summary }) => summary)).toEqual([
      `node-a has no rule for shop/cart:redis at ${cart}: packets from pods and outside clients leave untranslated.`,
    ]);
  });

  it('a Local service that is wholly missing is one finding, its lost drop included', () => {
    const view = nodeView({ desired: [[cart, { ...wanted, outside: dropped }]], observed: [], owners });
    expect(missingService.evaluate(view)).toHaveLength(1);
  });

  it('a service that is refused is not missing, nor is one that only lost its refusal', () => {
    const refused = nodeView({ desired: [[cart, wanted]], observed: [[cart, everyone(rejected)]], owners });
    const open = nodeView({ desired: [[cart, everyone(rejected)]], observed: [], owners });
    expect([missingService.evaluate(refused), missingService.evaluate(open)]).toEqual([[], []]);
  });
});
