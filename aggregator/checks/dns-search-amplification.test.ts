import { describe, expect, it } from 'vitest';
import type { DnsReport, ResolverSettings } from '../../proto/parts.ts';
import { dnsNode, dnsReport, resolver } from '../../test/dns-node.ts';
import { dnsSearchAmplification } from './dns-search-amplification.ts';

const told = (report: Partial<DnsReport>) =>
  dnsSearchAmplification.evaluate(dnsNode('node-a', report)).map(({ summary }) => summary);
const own = resolver().search;
const podsWith = (...settings: readonly ResolverSettings[]): Partial<DnsReport> => ({
  pods: { total: settings.length, first: settings.map((one, at) => ({ uid: `uid-${at}`, settings: one })) },
});
const { kubelet } = dnsReport();
const handingOn = (...search: readonly string[]): Partial<DnsReport> => ({
  kubelet: kubelet === null ? null : { ...kubelet, upstream: resolver({ search, ndots: 1 }) },
});

describe('dns-search-amplification', () => {
  it("pods have three domains of their node behind the cluster's", () => {
    expect(told(podsWith(resolver({ search: [...own, 'a.example', 'b.example', 'c.example'] })))).toEqual([
      'Each name outside of the cluster costs 1 pod of node-a 14 lookups: ndots is 5, and the search list has 6 domains.',
    ]);
  });

  it('no pod can be looked into, and the kubelet hands on three domains', () => {
    expect(told(handingOn('a.example', 'b.example', 'c.example'))[0]).toContain('pods of node-a 14 lookups');
  });

  it.each<readonly [string, Partial<DnsReport>]>([
    [
      "the usual list, with one domain of a cloud's",
      podsWith(resolver({ search: [...own, 'eu-west-1.compute.internal'] })),
    ],
    ['a long list with ndots:2', podsWith(resolver({ search: [...own, 'a', 'b', 'c'], ndots: 2 }))],
    ['two domains handed on', handingOn('a.example', 'b.example')],
    ['nothing known', { kubelet: null }],
  ])('nothing of %s', (_, report) => {
    expect(told(report)).toEqual([]);
  });
});
