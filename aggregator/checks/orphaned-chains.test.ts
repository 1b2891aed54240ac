import { describe, expect, it } from 'vitest';
import { chainHash, sepHash } from '../../proto/chain-names.ts';
import { backend, everyone, excerpt, forwardTo, frontend, nodeView, structure } from '../../test/view-builders.ts';
import { orphanedChains } from './orphaned-chains.ts';

const cart = 'tcp 10.96.31.181:6379';
const owners = { [cart]: 'shop/cart:redis' };
const wanted = everyone(forwardTo('10.244.2.4:6379'));
const serviceChain = `KUBE-SVC-${chainHash('shop/cart:redis', 'tcp')}`;
const endpointChain = `KUBE-SEP-${sepHash('shop/cart:redis', 'tcp', backend('10.244.2.4:6379'))}`;

function orphans(...chains: readonly string[]) {
  return [structure({ orphanedChains: excerpt(...chains.map((chain) => ({ table: 'nat', chain }))) })];
}

describe('orphaned-chains', () => {
  it('the entry of a service was deleted: its chain is found by hash, and the missing frontend goes with it', () => {
    const view = nodeView({ desired: [[cart, wanted]], observed: [], owners, structures: orphans(serviceChain) });
    expect(orphanedChains.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'cart', port: 'redis', protocol: 'tcp' },
        summary: `1 chain of shop/cart on node-a is referred to by no rule: ${serviceChain}.`,
        evidence: [{ kind: 'fact', name: 'unreferenced chain, ipv4', value: serviceChain }],
        frontends: [frontend(cart)],
      },
    ]);
  });

  it('the chain of a service was flushed: the chains of its endpoints are found by hash too', () => {
    const view = nodeView({ desired: [[cart, wanted]], observed: [], owners, structures: orphans(endpointChain) });
    expect(orphanedChains.evaluate(view).map(({ subject }) => subject)).toMatchObject([{ name: 'cart' }]);
  });

  it('chains of nobody known are counted for the node, those that were not reported included', () => {
    const chain = { table: 'nat', chain: 'KUBE-SVC-AAAAAAAAAAAAAAAA' };
    const structures = [structure({ orphanedChains: { total: 1200, first: [chain] } })];
    expect(orphanedChains.evaluate(nodeView({ structures }))).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary: '1200 chains on node-a are referred to by no rule: KUBE-SVC-AAAAAAAAAAAAAAAA.',
        severity: 'medium',
        frontends: [],
      },
    ]);
  });

  it('a large cluster keeps them on purpose, unless there are very many', () => {
    const many = [structure({ orphanedChains: { total: 1001, first: [] } })];
    expect([
      orphanedChains.evaluate(nodeView({ structures: orphans(serviceChain), largeCluster: true })),
      orphanedChains.evaluate(nodeView({ structures: many, largeCluster: true })).length,
    ]).toEqual([[], 1]);
  });

  it('every chain is referred to', () => {
    expect(orphanedChains.evaluate(nodeView())).toEqual([]);
  });
});
