import { describe, expect, it } from 'vitest';
import { known, unknown } from '../../../test/builders.ts';
import { both, elsewhere, type Given, here, tableOf, web } from '../../../test/desired-in-short.ts';

const here8080 = '10.244.1.2:8080';
const both8080 = '10.244.1.2:8080,10.244.2.2:8080';
const none = known({ kind: 'none' } as const);
const noDetector = { localDetector: { ipv4: none, ipv6: none } };

/** Node-a with a kube-proxy of nftables mode, its node ports on the primary address as by default. */
function nftables(given: Given) {
  const fields: Given['profile'] = { mode: known('nftables'), nodePortAddresses: known('primary') };
  return tableOf({ ...given, profile: { ...fields, ...given.profile } });
}

function iptables(given: Given) {
  return tableOf(given);
}

describe('as in iptables mode', () => {
  const exposed = web.nodePort(30080).externalIP('198.51.100.50').loadBalancerIP('203.0.113.11');

  it.each([
    ['policy Cluster', exposed, both],
    ['policy Cluster, with client affinity', exposed.affinity(600), both],
    ['source ranges', exposed.sourceRange('198.51.100.0/24'), both],
    ['policy Local, with an endpoint here', exposed.externalLocal().internalLocal(), both],
    ['policy Local, with endpoints elsewhere only', exposed.externalLocal().internalLocal(), elsewhere],
    [
      'policy Local and source ranges, with endpoints elsewhere only',
      exposed.externalLocal().sourceRange('10.244.0.0/16'),
      elsewhere,
    ],
  ])('%s', (_, one, slices) => {
    const given = { services: [one], slices: [slices] };
    expect(nftables(given)).toEqual(iptables(given));
    const unmarked = { ...given, profile: noDetector };
    expect(nftables(unmarked)).toEqual(iptables(unmarked));
    const marked = { ...given, profile: { masqueradeAll: known(true) } };
    expect(nftables(marked)).toEqual(iptables(marked));
  });
});

describe('without any endpoint', () => {
  it("the node's own packets are rejected too, wherever they go", () => {
    const all = web.nodePort(30080).externalIP('198.51.100.50').loadBalancerIP('203.0.113.11');
    expect(nftables({ services: [all] })).toEqual({
      'tcp 10.96.0.1:80': 'reject',
      'tcp 198.51.100.50:80': 'reject',
      'tcp 203.0.113.11:80': 'reject',
      'tcp node4:30080': 'reject',
    });
  });

  it('an external IP is rejected whatever is known of the addresses of the node', () => {
    const given = { services: [web.externalIP('198.51.100.50')], profile: { localAddresses: unknown<never>() } };
    expect(nftables(given)['tcp 198.51.100.50:80']).toBe('reject');
  });

  it('source ranges hold all the same: an origin that none of them holds is dropped, the others are rejected', () => {
    const ranged = web.loadBalancerIP('203.0.113.11').sourceRange('198.51.100.0/24');
    expect(nftables({ services: [ranged] })['tcp 203.0.113.11:80']).toEqual([
      'pod: drop',
      'node: drop',
      'outside: reject',
    ]);
  });

  it('source ranges that hold the node let it from the address itself as well', () => {
    const ranged = web.loadBalancerIP('203.0.113.11').sourceRange('192.168.100.11/32');
    expect(nftables({ services: [ranged] })['tcp 203.0.113.11:80']).toEqual([
      'pod: drop',
      'node: reject',
      'outside: drop',
    ]);
  });

  it('source ranges are unknown when the addresses of the node are not known', () => {
    const ranged = web.loadBalancerIP('203.0.113.11').sourceRange('198.51.100.0/24');
    const given = { services: [ranged], profile: { localAddresses: unknown<never>() } };
    expect(nftables(given)['tcp 203.0.113.11:80']).toBe('unknown node-addresses-unknown');
  });
});

describe('a load-balancer address that is also an external IP of the Service', () => {
  it('is open to the source ranges only: its addresses are looked at before anything else', () => {
    const twice = web.externalIP('203.0.113.11').loadBalancerIP('203.0.113.11').sourceRange('198.51.100.0/24');
    expect(nftables({ services: [twice], slices: [here] })['tcp 203.0.113.11:80']).toEqual([
      'pod: drop',
      'node: drop',
      `outside: ${here8080} sources=198.51.100.0/24 else drop masquerade=always`,
    ]);
  });

  it('is open to all without source ranges, and so is an external IP of its own', () => {
    const balanced = web.externalIP('198.51.100.50').loadBalancerIP('203.0.113.11');
    expect(nftables({ services: [balanced.externalIP('203.0.113.11')], slices: [here] })['tcp 203.0.113.11:80']).toBe(
      `${here8080} masquerade=always`,
    );
    const ranged = balanced.sourceRange('192.0.2.0/24');
    expect(nftables({ services: [ranged], slices: [here] })['tcp 198.51.100.50:80']).toBe(
      `${here8080} masquerade=always`,
    );
  });
});

describe('a node port', () => {
  it('is answered at the primary address, and nowhere when there is none', () => {
    const nodePort = web.nodePort(30080);
    expect(Object.keys(nftables({ services: [nodePort] }))).toEqual(['tcp 10.96.0.1:80', 'tcp node4:30080']);
    const six = { families: ['ipv6'], localAddresses: known([]) } as const;
    expect(nftables({ services: [nodePort], profile: six })).toEqual({});
  });
});

describe('an endpoint that reaches itself', () => {
  const own: Given['profile'] = { hairpin: known('own-endpoints') };
  const pods = (slices: Given['slices'], one = web) =>
    nftables({ services: [one], slices: slices ?? [], profile: own })['tcp 10.96.0.1:80']?.[0];

  it('is masqueraded where it is on the node: all, some or none of the backends', () => {
    expect([pods([here]), pods([both]), pods([elsewhere])]).toEqual([
      `pod: ${here8080} masquerade=never`,
      `pod: ${both8080} masquerade=never hairpin=some`,
      'pod: 10.244.2.2:8080 masquerade=never hairpin=none',
    ]);
  });

  it('is masqueraded wherever it is when everything is, and in releases that mark in endpoint chains', () => {
    const all = nftables({ services: [web], slices: [elsewhere], profile: { ...own, masqueradeAll: known(true) } });
    expect(all['tcp 10.96.0.1:80']).toBe('10.244.2.2:8080 masquerade=always');
    const older = nftables({ services: [web], slices: [elsewhere] });
    expect(older['tcp 10.96.0.1:80']?.[0]).toBe('pod: 10.244.2.2:8080 masquerade=never');
  });

  it('is said of policy Local as well: outside packets reach those of the node, pods reach all', () => {
    const local = web.nodePort(30080).externalLocal();
    expect(nftables({ services: [local], slices: [both], profile: own })['tcp node4:30080']).toEqual([
      `pod: ${both8080} masquerade=never hairpin=some`,
      `node: ${both8080} masquerade=always`,
      `outside: ${here8080} masquerade=never`,
    ]);
  });
});

describe('a load-balancer address, in releases that refuse the node before they translate', () => {
  const older = { refusesOwnFirst: known(true) };
  const balanced = web.loadBalancerIP('203.0.113.1');

  it('with policy Local and endpoints elsewhere only is dropped for the node itself, and not for pods', () => {
    const table = nftables({ services: [balanced.externalLocal()], slices: [elsewhere], profile: older });
    expect(table['tcp 203.0.113.1:80']?.slice(1)).toEqual(['node: drop', 'outside: drop']);
    expect(table['tcp 203.0.113.1:80']?.[0]).toMatch(/^pod: 10\.244\.2\.2:8080 /);
  });

  it('with policy Local and an endpoint here is forwarded as in newer ones', () => {
    const given = { services: [balanced.externalLocal()], slices: [both] };
    expect(nftables({ ...given, profile: older })).toEqual(nftables(given));
  });

  it('without any endpoint is rejected for the node, whatever its source ranges', () => {
    const given = { services: [balanced.sourceRange('198.51.100.0/24')] };
    const fates = (profile: Given['profile']) =>
      nftables({ ...given, ...(profile && { profile }) })['tcp 203.0.113.1:80'];
    expect(fates(undefined)).toEqual(['pod: drop', 'node: drop', 'outside: reject']);
    expect(fates(older)).toEqual(['pod: drop', 'node: reject', 'outside: reject']);
  });
});
