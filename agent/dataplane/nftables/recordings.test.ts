/** Recorded tables of real kube-proxies (v1.36, nft 1.0.6): what comes out, held against their API objects by hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { address, prefixDetector } from '../../../test/builders.ts';
import { inShort, nftTables } from '../../../test/nft-tables.ts';
import { recordingFolder } from '../../../test/recordings.ts';
import { nftRuleFacts } from './facts.ts';
import { describeNftables } from './structure.ts';
import { type FamilyTable, type TracedNft, traceNftables } from './trace.ts';

function recorded(recording: string): readonly FamilyTable[] {
  return nftTables(readFileSync(join(recordingFolder(recording), 'node-c/nft-list-ruleset.txt'), 'utf8'));
}

function traced(tables: readonly FamilyTable[]): TracedNft {
  return traceNftables({
    tables,
    localAddresses: ['127.0.0.1', '192.168.100.13', '10.244.3.1', '::1', 'fd00:100::13'].map(address),
    localDetector: { ipv4: prefixDetector('10.244.0.0/16'), ipv6: prefixDetector('fd00:10:244::/56') },
    links: ['lo', 'eth0', 'veth0a1b2c3d'],
  });
}

const nothing = { total: 0, first: [] };

describe('node-c of s1-healthy', () => {
  const tables = recorded('s1-healthy');
  const { table, owners, unlisted, linkPatterns } = traced(tables);
  const fates = inShort(table);

  it('serves 64 frontends, and names the owners of those that lead to a chain', () => {
    expect([table.size, owners().size, unlisted, linkPatterns]).toEqual([64, 57, null, []]);
  });

  it.each([
    // shop/web: three endpoints, one of them here.
    [
      'tcp 10.96.27.42:80',
      [
        'pod: 10.244.1.2:8080,10.244.2.2:8080,10.244.3.2:8080 masquerade=never hairpin=some',
        'node: 10.244.1.2:8080,10.244.2.2:8080,10.244.3.2:8080 masquerade=always',
        'outside: 10.244.1.2:8080,10.244.2.2:8080,10.244.3.2:8080 masquerade=always',
      ],
    ],
    // edge/ingress: a Local load balancer without an endpoint here.
    [
      'tcp 203.0.113.10:80',
      [
        'pod: 10.244.1.9:80,10.244.2.9:80 masquerade=never hairpin=none',
        'node: 10.244.1.9:80,10.244.2.9:80 masquerade=always',
        'outside: drop',
      ],
    ],
    // edge/agent: internalTrafficPolicy Local without an endpoint here.
    ['tcp 10.96.169.146:8126', 'drop'],
    // batch/worker-lb: no endpoint at all; the node's own packets are rejected as well.
    ['tcp 203.0.113.30:80', 'reject'],
    ['tcp node4:30880', 'reject'],
    // media/stream: UDP, its load balancer.
    ['udp 203.0.113.20:5004', '10.244.1.7:5004,10.244.2.7:5004,10.244.3.6:5004 masquerade=always'],
    // payments/sctp-gw: SCTP.
    [
      'sctp 10.96.71.36:9999',
      [
        'pod: 10.244.3.5:9999 masquerade=never',
        'node: 10.244.3.5:9999 masquerade=always',
        'outside: 10.244.3.5:9999 masquerade=always',
      ],
    ],
    // payments/ledger-v6np: a node port of IPv6.
    ['tcp node6:30707', '[fd00:10:244:1::6]:7000,[fd00:10:244:2::6]:7000 masquerade=always'],
    // shop/cart: affinity of ten minutes.
    [
      'tcp 10.96.31.181:6379',
      [
        'pod: 10.244.2.4:6379 affinity=600 masquerade=never hairpin=none',
        'node: 10.244.2.4:6379 affinity=600 masquerade=always',
        'outside: 10.244.2.4:6379 affinity=600 masquerade=always',
      ],
    ],
  ])('%s', (key, fate) => {
    expect(fates[key]).toEqual(fate);
  });

  it('is built as kube-proxy builds it', () => {
    const sound = {
      missingBaseJumps: [],
      danglingJumps: nothing,
      duplicateRules: nothing,
      unreadableRules: nothing,
      masqueradePath: 'ok',
    };
    expect(tables.map(({ table: one }) => describeNftables(one, 14))).toEqual([
      { family: 'ipv4', chains: 68, rules: 99, elements: 108, ...sound },
      { family: 'ipv6', chains: 19, rules: 27, elements: 8, ...sound },
    ]);
  });

  it('says how kube-proxy is set up', () => {
    expect(nftRuleFacts(tables)).toEqual({
      localDetector: { ipv4: prefixDetector('10.244.0.0/16'), ipv6: prefixDetector('fd00:10:244::/56') },
      nodePorts: {
        ipv4: { addresses: ['192.168.100.13/32'], localhost: false },
        ipv6: { addresses: ['fd00:100::13/128'], localhost: false },
      },
      markBit: 14,
      masqueradeAll: false,
      hairpin: 'own-endpoints',
      refusesOwnFirst: false,
    });
  });
});

describe('node-c of s2-stale-stopped, in sync with the changes of which node-b heard nothing', () => {
  const fates = inShort(traced(recorded('s2-stale-stopped')).table);

  it('serves what came, not what went', () => {
    const came = ['tcp node4:30082', 'tcp node4:30091', 'tcp 198.51.100.52:80'];
    const went = [
      'tcp node4:30081',
      'tcp node4:30090',
      'tcp 198.51.100.50:80',
      'tcp 10.96.220.135:80',
      'udp 10.96.129.6:5004',
    ];
    expect(came.filter((key) => !(key in fates))).toEqual([]);
    expect(went.filter((key) => key in fates)).toEqual([]);
  });

  it('has the new endpoint, port and time', () => {
    expect(fates['tcp 10.96.125.205:80']).toContainEqual(expect.stringContaining('10.244.3.8:8081'));
    expect(fates['tcp 10.96.110.150:80']).toContainEqual(expect.stringMatching(/:9000 masquerade=always$/));
    expect(fates['tcp 10.96.31.181:6379']).toContainEqual(expect.stringContaining('affinity=900'));
  });
});

describe('tables of many Services', () => {
  it.each([
    ['s2b-stale-partition', 63],
    ['s5-recovered', 62],
  ])('node-c of %s has no frontend of which nothing is known', (recording, size) => {
    const { table, unlisted } = traced(recorded(recording));
    const unknown = Object.values(inShort(table)).filter((fate) => String(fate).includes('unknown'));
    expect([table.size, unknown, unlisted]).toEqual([size, [], null]);
  });

  it('node-c of scale-1000x10', () => {
    const file = join(recordingFolder('scale-1000x10'), 'node-c/nft-list-table-ip-kube-proxy.txt.gz');
    const tables = nftTables(gunzipSync(readFileSync(file)).toString());
    const { table, unlisted } = traced(tables);
    const actions = [...table.values()].map(({ forwarding }) => forwarding.pod.route.action);
    const forwarded = actions.filter((action) => action === 'forward').length;
    // Every hundredth Service has no endpoints, and two ports.
    const rejected = actions.filter((action) => action === 'reject').length;
    expect([forwarded, rejected, table.size, unlisted]).toEqual([1_281, 20, 1_301, null]);
    expect(tables.map(({ table: one }) => describeNftables(one, 14).rules)).toEqual([2_003]);
  });
});
