import { describe, expect, it } from 'vitest';
import type { NetworkSettingsReport, NodeParts } from '../../proto/parts.ts';
import { prefix } from '../../test/builders.ts';
import { flannelNode, flannelParts } from '../../test/flannel-node.ts';
import {
  anyNode,
  counters,
  link,
  linkSettings,
  listed,
  nodeAddress,
  probe,
  probes,
  rose,
  routes,
  settings,
  unanswered,
} from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { rpFilterStrict } from './rp-filter-strict.ts';

const { evaluate } = rpFilterStrict;
const filter = (all: number, own: Readonly<Record<string, number>>): Partial<NodeParts> => {
  const links: NetworkSettingsReport['links']['first'] = Object.entries(own).map(([name, reversePathFilter]) =>
    linkSettings(name, { reversePathFilter }),
  );
  return { networkSettings: reported(settings({ reversePathFilter: all, links: listed(links) })) };
};
const strict = filter(0, { eth0: 1, 'flannel.1': 1, cni0: 1 });
const drops = (count: number) => ({ networkCounters: reported(counters({ reversePathDrops: rose(count) })) });
const lost = { probes: reported(probes({ results: [probe(unanswered)] })) };
const passing = { probes: reported(probes({ results: [probe()] })) };
/** node-b sends to node-a's pods without the tunnel, by which node-a would answer. */
const direct: Partial<NodeParts> = {
  ...flannelParts(2),
  routes: reported(routes(['10.244.1.0/24 via 192.168.100.11 dev eth0'])),
};

describe('rp-filter-strict, by routes', () => {
  it('packets come by one link and would be answered by another', () => {
    expect(evaluate(flannelNode({ parts: strict, peers: { 'node-b': direct } }))).toEqual([
      {
        subject: { kind: 'Link', name: 'eth0' },
        summary:
          "node-a drops packets of other nodes' pods at eth0, whose reverse path filter is strict: packets of pods of node-b arrive by it and would be answered by another link.",
        evidence: [
          { kind: 'fact', name: 'net.ipv4.conf.eth0.rp_filter', value: '1' },
          {
            kind: 'fact',
            name: 'known by',
            value: 'packets of pods of node-b arrive by it and would be answered by another link',
          },
        ],
        remediation: [
          {
            command: 'sysctl -w net.ipv4.conf.eth0.rp_filter=2',
            effect: 'Run on node-a: what can be answered by any link is let in, until the next boot.',
          },
        ],
        frontends: [],
        topics: ['peer node-b'],
        explainsTopics: ['peer node-b'],
      },
    ]);
  });

  it('the setting for all links counts where it is larger', () => {
    const [one] = evaluate(flannelNode({ parts: filter(1, { eth0: 0, 'flannel.1': 0 }), peers: { 'node-b': direct } }));
    expect(one?.remediation.map(({ command }) => command)).toEqual(['sysctl -w net.ipv4.conf.all.rp_filter=2']);
  });

  it.each([
    ['the filter is loose on the link', filter(1, { eth0: 2, 'flannel.1': 1 })],
    ['the filter is loose for all', filter(2, { eth0: 1, 'flannel.1': 1 })],
    ['the filter is off', filter(0, { eth0: 0 })],
    ['the settings of the link are not known', filter(1, {})],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts, peers: { 'node-b': direct } }))).toEqual([]);
  });

  it('a strict filter alone is no fault, as distributions and Calico set it', () => {
    expect(evaluate(flannelNode({ parts: strict }))).toEqual([]);
    expect(evaluate(flannelNode({ parts: { ...strict, ...drops(4) } }))).toEqual([]);
  });

  it('where rules decide by the source, nothing is known', () => {
    const all = { from: null, to: null, mark: null, link: null, further: null } as const;
    const any = { ...all, family: 'ipv4', action: 'lookup' } as const;
    const rules = [
      { ...any, priority: 100, from: prefix('10.244.1.0/24'), table: '7' },
      { ...any, priority: 32_766, table: 'main' },
    ];
    const lines = ['default via 192.168.100.1 dev eth0 table 7', '10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink'];
    const parts = { ...strict, routes: reported(routes(lines, rules)) };
    expect(evaluate(flannelNode({ parts, peers: { 'node-b': direct } }))).toEqual([]);
  });
});

describe('rp-filter-strict, by the counter', () => {
  it('packets are dropped, and probes get no answer: high', () => {
    const [one] = evaluate(flannelNode({ parts: { ...strict, ...drops(60), ...lost } }));
    expect([one?.subject, one?.severity, one?.explainsTopics, one?.evidence[1]]).toEqual([
      { kind: 'Link', name: 'flannel.1' },
      undefined,
      'all',
      {
        kind: 'fact',
        name: 'known by',
        value: 'the kernel has dropped 60 packets by this filter within 60 s, and probes get no answer',
      },
    ]);
  });

  it('nobody probes: medium, since the counter is that of all links, and it explains nothing', () => {
    const [one] = evaluate(flannelNode({ parts: { ...strict, ...drops(60) } }));
    expect([one?.severity, one?.explainsTopics, one?.summary]).toEqual([
      'medium',
      [],
      "node-a perhaps drops packets of other nodes' pods at flannel.1, whose reverse path filter is strict: the kernel has dropped 60 packets by this filter within 60 s, on this link or another.",
    ]);
  });

  it('probes are answered: the packets that are dropped are others', () => {
    expect(evaluate(flannelNode({ parts: { ...strict, ...drops(60), ...passing } }))).toEqual([]);
  });

  it("no tunnel leads to pods: the links of Calico to pods, and an administrator's VPN, are strict on purpose", () => {
    const links = listed([link('eth0'), link('cali1', { kind: 'veth' }), link('wg0', { kind: 'wireguard' })]);
    const parts = {
      ...filter(1, { eth0: 1, cali1: 1, wg0: 1 }),
      ...drops(60),
      links: reported({ links }),
      routes: reported(routes([`10.244.2.0/24 via ${nodeAddress(2)} dev eth0`, '10.8.0.0/24 dev wg0 scope link'])),
      addresses: reported({ addresses: [], links: [] }),
    };
    expect(evaluate(anyNode({ parts }))).toEqual([]);
  });
});
