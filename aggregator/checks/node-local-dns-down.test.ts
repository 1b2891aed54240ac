import { describe, expect, it } from 'vitest';
import type { DnsReport, NodeLocalDns } from '../../proto/parts.ts';
import { address, pod } from '../../test/builders.ts';
import { dnsNode, dnsObjects, dnsReport, lookup, resolver, silent } from '../../test/dns-node.ts';
import { nodeLocalDnsDown } from './node-local-dns-down.ts';

const cache = address('169.254.20.10');
const { kubelet } = dnsReport();
const cached = (nodeLocal: Partial<NodeLocalDns> = {}, changes: Partial<DnsReport> = {}): Partial<DnsReport> => ({
  kubelet: kubelet === null ? null : { ...kubelet, clusterDns: [cache] },
  // The link of the cache is down by nature: it is a dummy one.
  nodeLocal: {
    addresses: [cache],
    link: 'nodelocaldns',
    linkIsUp: false,
    listens: { udp: true, tcp: true },
    ...nodeLocal,
  },
  ...changes,
});
const told = (report: Partial<DnsReport>) =>
  nodeLocalDnsDown.evaluate(dnsNode('node-a', report)).map(({ summary }) => summary);
/** What coredns-1 of node-a sees. */
const named: Partial<DnsReport> = {
  ...cached({ link: null }, { lookups: [lookup({ by: 'node-local', server: cache, ...silent })] }),
  kubelet,
  pods: { total: 1, first: [{ uid: 'uid-of-coredns-1', settings: resolver({ nameservers: [cache] }) }] },
};
const at = lookup({ by: 'node-local', server: cache });
const lost = { ...at, ...silent };
const none = { udp: false, tcp: false };

describe('node-local-dns-down', () => {
  it.each<readonly [string, Partial<DnsReport>]>([
    ['nobody listens at its port', cached({ listens: none }, { lookups: [lost] })],
    ['nobody listens at its port', cached({ listens: none })],
    ['no link of the node has its address', cached({ link: null }, { lookups: [lost] })],
    ['lookups there are lost', cached({}, { lookups: [lost] })],
  ])('%s', (why, report) => {
    expect(told(report)).toEqual([
      `The DNS cache of node-a, which its pods ask at 169.254.20.10, does not answer: ${why}.`,
    ]);
  });

  it.each<readonly [string, Partial<DnsReport>]>([
    ['it answers', cached({}, { lookups: [at] })],
    ['it answers without a link (Cilium)', cached({ link: null, listens: none }, { lookups: [at] })],
    ['the window is not full', cached({ listens: none }, { lookups: [{ ...lost, sent: 2 }] })],
    ['nobody is told to ask it', { ...cached({ listens: none }), kubelet }],
    ['a pod alone names it', named],
    ['there is none', { nodeLocal: null }],
    ['lookups are off, and it listens', cached()],
  ])('nothing where %s', (_, report) => {
    expect(told(report)).toEqual([]);
  });

  it('pods are told to ask it by a kubelet whose settings are not known', () => {
    const seen = { total: 1, first: [{ uid: 'uid-of-web-0', settings: resolver({ nameservers: [cache] }) }] };
    const report = { ...named, kubelet: null, pods: seen };
    const objects = dnsObjects({ pods: [pod('shop/web-0', 'node-a', '10.244.1.7')] });
    expect(nodeLocalDnsDown.evaluate(dnsNode('node-a', report, objects))).toHaveLength(1);
  });
});
