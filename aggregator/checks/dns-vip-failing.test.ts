import { describe, expect, it } from 'vitest';
import { dnsNode, lookup, replicas, silent } from '../../test/dns-node.ts';
import { address } from '../../test/builders.ts';
import type { DnsReport } from '../../proto/parts.ts';
import { dnsVipFailing } from './dns-vip-failing.ts';

const told = (report: Partial<DnsReport>) => dnsVipFailing.evaluate(dnsNode('node-a', report));
const lost = lookup({ ...silent });
const answering = lookup({ by: 'backend', server: replicas[1] });

describe('dns-vip-failing', () => {
  it("the Service's address is silent while a replica answers", () => {
    expect(
      told({ lookups: [lost, answering] }).map(({ subject, summary, frontends }) => [subject, summary, frontends]),
    ).toEqual([
      [
        { kind: 'Service', namespace: 'kube-system', name: 'kube-dns', port: 'dns', protocol: 'udp' },
        'node-a gets no answer from cluster DNS at 10.96.0.10 by UDP, while 10.244.2.4:53 answers when asked directly.',
        ['udp 10.96.0.10:53'],
      ],
    ]);
  });

  it.each<readonly [string, Partial<DnsReport>]>([
    ['both answer', { lookups: [lookup(), answering] }],
    ['no replica answers either', { lookups: [lost, lookup({ by: 'backend', ...silent })] }],
    [
      'one of the replicas is silent too: all three may have been sent to it',
      { lookups: [lost, answering, lookup({ by: 'backend', ...silent })] },
    ],
    ['a replica answers by another protocol', { lookups: [lost, lookup({ by: 'backend', protocol: 'tcp' })] }],
    ['there were two lookups', { lookups: [{ ...lost, sent: 2 }, answering] }],
    ['one of three was answered', { lookups: [{ ...lost, answered: 1 }, answering] }],
    [
      'who answers is no replica by the rules',
      { lookups: [lost, lookup({ by: 'backend', server: address('10.244.9.9') })] },
    ],
    [
      'the cache on the node has the address',
      {
        lookups: [lost, answering],
        nodeLocal: {
          addresses: [address('10.96.0.10')],
          link: 'nodelocaldns',
          linkIsUp: false,
          listens: null,
        },
      },
    ],
    ['no lookups are made', { lookups: [], lookupsOffBecause: 'they are turned off' }],
  ])('nothing where %s', (_, report) => {
    expect(told(report)).toEqual([]);
  });
});
