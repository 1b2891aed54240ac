import { describe, expect, it } from 'vitest';
import { ask, told, type World } from '../../test/diagnosis-world.ts';
import { finding } from '../../test/report-builders.ts';
import { reported } from '../../test/view-builders.ts';

const toPod = { to: 'pod/shop/api-0', port: 8080 };
const firstOf = (world: World) => told(ask(world, toPod), 'L1')[0];
const secondOf = (world: World) => told(ask(world, toPod), 'L1')[1];

describe('the network of a pod', () => {
  it('is there where its namespace has its address', () => {
    expect(told(ask({}, toPod), 'L1')).toEqual([
      'there pass: shop/web-0 is wired on node-a: it has 10.244.1.2.',
      'there pass: shop/api-0 is wired on node-b: it has 10.244.2.3.',
    ]);
  });

  it.each<[string, NonNullable<World['api']>, string]>([
    ['has ended', { phase: 'Succeeded' }, 'fail: shop/api-0 has ended (Succeeded): nobody has its address any more.'],
    [
      'is on no node',
      { nodeName: null, phase: 'Pending' },
      'fail: shop/api-0 is not on any node yet: it has not been scheduled.',
    ],
    [
      'has no address, and no Event says why',
      { addresses: [], phase: 'Pending', waitingReason: 'ContainerCreating', runs: false },
      'fail: shop/api-0 has no address on node-b: ContainerCreating.',
    ],
    [
      'crashes',
      { runs: false, waitingReason: 'CrashLoopBackOff' },
      'fail: No container of shop/api-0 runs now (CrashLoopBackOff): nobody answers at 10.244.2.3.',
    ],
    [
      "has its node's network",
      { hostNetwork: true },
      'pass: shop/api-0 has the network of its node node-b: there is nothing to wire.',
    ],
    [
      'is being deleted',
      { terminating: true },
      'unknown: shop/api-0 is being deleted: it may stop answering at any moment.',
    ],
    [
      'began after the node was read',
      { startedAt: '2026-11-22T09:00:00Z' },
      'unknown: shop/api-0 began after node-b was last read.',
    ],
  ])('of one that %s', (_, api, sentence) => {
    expect(secondOf({ api })).toBe(`there ${sentence}`);
  });

  it.each([
    ['has another address', { addresses: [] }, 'its namespace has no address, and the API says 10.244.1.2'],
    ['has no way out', { defaultRoutes: [] }, 'its namespace has no default route'],
    ["is the node's", { namespace: 'node' as const }, 'its processes are in the network of node-a itself'],
  ])('that %s is not wired', (_, changes, why) => {
    const seen = {
      uid: 'uid-of-web-0',
      pod: null,
      containers: [],
      namespace: 'own' as const,
      links: [],
      addresses: [{ link: 'eth0', address: '10.244.1.2' as never, prefixLength: 24 }],
      defaultRoutes: [{ family: 'ipv4' as const, link: 'eth0', gateway: null, isDead: false }],
      ...changes,
    };
    const podNetworks = reported({ pods: { total: 1, first: [seen] }, unread: 0, problem: null });
    expect(firstOf({ parts: { 'node-a': { podNetworks } } })).toBe(`there fail: shop/web-0 is not wired: ${why}.`);
    // Another network, or a stack of its own, is the owner's affair.
    expect(firstOf({ parts: { 'node-a': { podNetworks } }, web: { severalNetworks: true } })).toMatch(/^there pass/);
  });

  it('is not known where nothing of the node is, or where the node shows nothing', () => {
    const podNetworks = { state: 'failed', reason: 'no /proc' } as const;
    expect([
      firstOf({ unknown: { 'node-a': 'its agent is silent' } }),
      firstOf({ parts: { 'node-a': { podNetworks } } }),
    ]).toEqual([
      'there unknown: Whether shop/web-0 is wired is not known: nothing is known of node-a (its agent is silent).',
      'there unknown: Nothing is seen of the network of shop/web-0 on node-a: no /proc.',
    ]);
  });

  it('is told by its findings where there are any, and by those of no other pod', () => {
    const about = (name: string) =>
      finding('pod-unwired', {
        layer: 'L1',
        node: 'node-a',
        subject: { kind: 'Pod', namespace: 'shop', name },
        summary: `${name} has no link.`,
      });
    const world = {
      findings: [about('web-0'), about('web-1'), { ...about('web-0'), state: 'resolved' as const, summary: 'old' }],
    };
    expect(told(ask(world, toPod), 'L1')).toEqual([
      'there fail: web-0 has no link.',
      'there pass: shop/api-0 is wired on node-b: it has 10.244.2.3.',
    ]);
    const unknown = { findings: [{ ...about('web-0'), state: 'unknown' as const }] };
    expect(firstOf(unknown)).toBe('there unknown: web-0 has no link.');
  });
});
