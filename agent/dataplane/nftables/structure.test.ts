import { describe, expect, it } from 'vitest';
import { type NftContents, newShape, nftTable, oldShape } from '../../../test/nft-tables.ts';
import { describeNftables } from './structure.ts';

const nothing = { total: 0, first: [] };
const even = 'meta l4proto tcp dnat ip to numgen random mod 1 map { 0 : 10.244.1.2 . 80 }';

/** What is told beside the sizes, where it is anything. */
function faults(text: string, markBit = 14): object {
  const { family: _f, chains: _c, rules: _r, elements: _e, ...told } = describeNftables(nftTable(text), markBit);
  return Object.fromEntries(
    Object.entries(told).filter(([, value]) =>
      typeof value === 'string' ? value !== 'ok' : 'total' in value ? value.total > 0 : value.length > 0,
    ),
  );
}

describe('a table', () => {
  it('of a newer kube-proxy is sound, and is counted', () => {
    const contents: NftContents = {
      elements: { 'service-ips': ['10.96.0.1 . tcp . 80 : goto service-x/y'], 'cluster-ips': ['10.96.0.1'] },
      sets: { 'affinity-x': ['type ipv4_addr', 'flags dynamic,timeout', 'elements = { 10.0.0.1, 10.0.0.2 }'] },
      chains: { 'service-x/y': [even] },
    };
    expect(describeNftables(nftTable(newShape(contents)), 14)).toEqual({
      family: 'ipv4',
      chains: 16,
      rules: 23,
      // That of nodeport-ips among them, those that clients come and go with not.
      elements: 3,
      missingBaseJumps: [],
      danglingJumps: nothing,
      duplicateRules: nothing,
      unreadableRules: nothing,
      masqueradePath: 'ok',
    });
  });

  it('of an older one is sound', () => {
    expect(faults(oldShape())).toEqual({});
  });

  it('of the first releases, with one check of endpoints, is sound', () => {
    const checks = ['ip daddr . meta l4proto . th dport vmap @no-endpoint-services'];
    const filter = (hook: string): readonly string[] => [
      `type filter hook ${hook} priority -110; policy accept;`,
      'ct state new jump endpoints-check',
      'ct state new jump firewall-check',
    ];
    const chains = {
      'endpoints-check': checks,
      'service-endpoints-check': [],
      'nodeport-endpoints-check': [],
      'cluster-ips-check': [],
      'filter-prerouting': filter('prerouting'),
      'filter-input': filter('input'),
      'filter-forward': filter('forward'),
      'filter-output': filter('output'),
      'filter-output-post-dnat': [],
    };
    expect(faults(oldShape({ chains }))).toEqual({});
  });
});

describe('base jumps', () => {
  it.each([
    ['nat-prerouting', 'type nat hook prerouting priority dstnat; policy accept;', ['services']],
    ['nat-postrouting', 'type nat hook postrouting priority srcnat; policy accept;', ['masquerading']],
    [
      'filter-input',
      'type filter hook input priority filter; policy accept;',
      ['nodeport-endpoints-check', 'service-endpoints-check'],
    ],
    [
      'filter-forward',
      'type filter hook forward priority filter; policy accept;',
      ['service-endpoints-check', 'cluster-ips-check'],
    ],
    ['filter-output-pre-dnat', 'type filter hook output priority -110; policy accept;', ['firewall-check']],
  ])('that %s lost are missing', (from, base, targets) => {
    expect(faults(newShape({ chains: { [from]: [base] } }))).toMatchObject({
      missingBaseJumps: targets.map((to) => ({ table: 'ip kube-proxy', from, to })),
    });
  });

  it('that some packets only take are missing', () => {
    const chains = {
      'nat-output': ['type nat hook output priority -100; policy accept;', 'ip daddr 10.0.0.0/8 jump services'],
    };
    expect(faults(newShape({ chains }))).toEqual({
      missingBaseJumps: [{ table: 'ip kube-proxy', from: 'nat-output', to: 'services' }],
    });
  });

  it('to chains that are gone as well are missing where every kube-proxy has them', () => {
    expect(faults('table ip kube-proxy {\n}\n')).toMatchObject({
      missingBaseJumps: [
        { table: 'ip kube-proxy', from: 'nat-prerouting', to: 'services' },
        { table: 'ip kube-proxy', from: 'nat-output', to: 'services' },
        { table: 'ip kube-proxy', from: 'nat-postrouting', to: 'masquerading' },
      ],
    });
  });
});

describe('jumps that lead nowhere', () => {
  it('are rules and elements that lead to an empty or absent chain, or to an endpoint without DNAT', () => {
    const contents: NftContents = {
      elements: { 'service-ips': ['10.96.0.1 . tcp . 80 : goto service-x/y'] },
      chains: {
        'service-x/y': [],
        'service-x/z': ['numgen random mod 1 vmap { 0 : goto endpoint-x/z__1 }'],
        'endpoint-x/z__1': ['ip saddr 10.244.1.2 meta mark set meta mark | 0x00004000'],
        'external-x/z': ['goto local-x/z'],
      },
    };
    const table = 'ip kube-proxy';
    expect(faults(newShape(contents))).toEqual({
      danglingJumps: {
        total: 3,
        first: [
          {
            table,
            chain: 'service-x/z',
            rule: 'numgen random mod 1 vmap { 0 : goto endpoint-x/z__1 }',
            target: 'endpoint-x/z__1',
          },
          { table, chain: 'external-x/z', rule: 'goto local-x/z', target: 'local-x/z' },
          {
            table,
            chain: 'service-ips',
            rule: '10.96.0.1 . tcp . 80 : goto service-x/y',
            target: 'service-x/y',
          },
        ],
      },
    });
  });

  it('are not the empty chains that kube-proxy has yet to remove', () => {
    expect(faults(newShape({ chains: { 'service-x/y': [], 'endpoint-x/y__1': [] } }))).toEqual({});
  });
});

describe('rules', () => {
  it('that stand twice in a chain are told, whatever their counters', () => {
    const chains = { 'service-x/y': ['counter packets 1 bytes 2 drop', 'counter packets 3 bytes 4 drop'] };
    expect(faults(newShape({ chains }))).toEqual({
      duplicateRules: {
        total: 1,
        first: [{ table: 'ip kube-proxy', chain: 'service-x/y', rule: 'counter drop', count: 2 }],
      },
    });
  });

  it('that are not understood are told, 40 of them', () => {
    const rules = Array.from({ length: 50 }, (_, i) => `tcp flags syn tcp dport ${i} drop`);
    const { unreadableRules } = describeNftables(nftTable(newShape({ chains: { 'service-x/y': rules } })), 14);
    expect([unreadableRules.total, unreadableRules.first.length]).toEqual([50, 40]);
  });
});

describe('masquerading', () => {
  it.each([
    [
      'never comes to a masquerade',
      { masquerading: ['meta mark & 0x00008000 != 0x00000000 masquerade'] },
      'not-masqueraded',
    ],
    ['takes packets without a mark as well', { masquerading: ['masquerade fully-random'] }, 'masquerades-unmarked'],
    [
      'sets another mark',
      {
        services: [
          'ip daddr @cluster-ips meta mark set meta mark | 0x00008000',
          'ip daddr . meta l4proto . th dport vmap @service-ips',
        ],
      },
      'mark-not-set',
    ],
  ])('that %s', (_name, chains, masqueradePath) => {
    expect(faults(newShape({ chains }))).toEqual({ masqueradePath });
  });

  it('whose marking chain was emptied', () => {
    expect(faults(oldShape({ chains: { 'mark-for-masquerade': [] } }))).toEqual({ masqueradePath: 'mark-not-set' });
  });

  it('with another mark is sound where kube-proxy is set up so', () => {
    const text = newShape().replaceAll('0x00004000', '0x00008000');
    expect([faults(text, 15), faults(text)]).toEqual([{}, { masqueradePath: 'mark-not-set' }]);
  });
});
