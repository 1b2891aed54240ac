import { describe, expect, it } from 'vitest';
import { known, prefix, unknown } from '../../../test/builders.ts';
import { both, elsewhere, here, tableOf, web } from '../../../test/desired-in-short.ts';

const here8080 = '10.244.1.2:8080';
const both8080 = '10.244.1.2:8080,10.244.2.2:8080';

describe('a cluster IP', () => {
  it('is forwarded to all endpoints; only what is not from a pod is masqueraded', () => {
    expect(tableOf({ services: [web], slices: [both] })).toEqual({
      'tcp 10.96.0.1:80': [
        `pod: ${both8080} masquerade=never`,
        `node: ${both8080} masquerade=always`,
        `outside: ${both8080} masquerade=always`,
      ],
    });
  });

  it('is masqueraded for all with masqueradeAll', () => {
    expect(tableOf({ services: [web], slices: [here], profile: { masqueradeAll: known(true) } })).toEqual({
      'tcp 10.96.0.1:80': `${here8080} masquerade=always`,
    });
  });

  it.each([known({ kind: 'none' } as const), unknown<never>()])(
    'is masqueraded for none without a detector (%o)',
    (ipv4) => {
      const localDetector = { ipv4, ipv6: ipv4 };
      expect(tableOf({ services: [web], slices: [here], profile: { localDetector } })).toEqual({
        'tcp 10.96.0.1:80': `${here8080} masquerade=never`,
      });
    },
  );

  it('is rejected without any endpoint', () => {
    expect(tableOf({ services: [web] })).toEqual({ 'tcp 10.96.0.1:80': 'reject' });
  });

  it('with policy Local is forwarded to the endpoints of the node', () => {
    expect(tableOf({ services: [web.internalLocal()], slices: [both] })).toEqual({
      'tcp 10.96.0.1:80': [
        `pod: ${here8080} masquerade=never`,
        `node: ${here8080} masquerade=always`,
        `outside: ${here8080} masquerade=always`,
      ],
    });
  });

  it('with policy Local is dropped when only other nodes have endpoints', () => {
    expect(tableOf({ services: [web.internalLocal()], slices: [elsewhere] })).toEqual({ 'tcp 10.96.0.1:80': 'drop' });
  });

  it('keeps clients for the seconds the Service says', () => {
    const table = tableOf({ services: [web.affinity(600)], slices: [here], profile: { masqueradeAll: known(true) } });
    expect(table).toEqual({
      'tcp 10.96.0.1:80': `${here8080} affinity=600 masquerade=always`,
    });
  });
});

describe('a node port', () => {
  const nodePort = web.nodePort(30080);

  it('is forwarded and masqueraded for all', () => {
    expect(tableOf({ services: [nodePort], slices: [both] })['tcp node4:30080']).toBe(`${both8080} masquerade=always`);
  });

  it('without any endpoint is rejected for the node too: its packets come back in over loopback', () => {
    expect(tableOf({ services: [nodePort] })['tcp node4:30080']).toBe('reject');
  });

  it('is not there when no address of the node answers node ports', () => {
    const nodePortAddresses = known([prefix('172.16.0.0/12')]);
    expect(Object.keys(tableOf({ services: [nodePort], profile: { nodePortAddresses } }))).toEqual([
      'tcp 10.96.0.1:80',
    ]);
  });

  it('is unknown when the addresses that would answer are not known', () => {
    const fields = { nodePortAddresses: known([prefix('192.168.0.0/16')]), localAddresses: unknown<never>() };
    expect(tableOf({ services: [nodePort], slices: [here], profile: fields })['tcp node4:30080']).toBe(
      'unknown node-addresses-unknown',
    );
  });
});

describe('external policy Local', () => {
  const local = web.nodePort(30080).externalLocal();

  it('sends outside packets to the endpoints of the node, unmasqueraded, and pods and the node to all', () => {
    expect(tableOf({ services: [local], slices: [both] })['tcp node4:30080']).toEqual([
      `pod: ${both8080} masquerade=never`,
      `node: ${both8080} masquerade=always`,
      `outside: ${here8080} masquerade=never`,
    ]);
  });

  it('drops outside packets when only other nodes have endpoints', () => {
    expect(tableOf({ services: [local], slices: [elsewhere] })['tcp node4:30080']).toEqual([
      'pod: 10.244.2.2:8080 masquerade=never',
      'node: 10.244.2.2:8080 masquerade=always',
      'outside: drop',
    ]);
  });

  it('treats pods as outside without a detector', () => {
    const none = known({ kind: 'none' } as const);
    const localDetector = { ipv4: none, ipv6: none };
    expect(tableOf({ services: [local], slices: [elsewhere], profile: { localDetector } })['tcp node4:30080']).toEqual([
      'pod: drop',
      'node: 10.244.2.2:8080 masquerade=always',
      'outside: drop',
    ]);
  });

  it('says nothing about a Service of type ClusterIP without external IPs', () => {
    expect(tableOf({ services: [web.externalLocal()], slices: [elsewhere] })).toEqual({
      'tcp 10.96.0.1:80': [
        'pod: 10.244.2.2:8080 masquerade=never',
        'node: 10.244.2.2:8080 masquerade=always',
        'outside: 10.244.2.2:8080 masquerade=always',
      ],
    });
  });
});

describe('an external IP', () => {
  const outer = web.externalIP('198.51.100.50');

  it('is forwarded and masqueraded for all', () => {
    expect(tableOf({ services: [outer], slices: [both] })['tcp 198.51.100.50:80']).toBe(
      `${both8080} masquerade=always`,
    );
  });

  it('without any endpoint is rejected, but packets of the node itself leave untouched', () => {
    expect(tableOf({ services: [outer] })['tcp 198.51.100.50:80']).toEqual([
      'pod: reject',
      'node: none',
      'outside: reject',
    ]);
  });

  it('that is an address of the node is rejected for the node too', () => {
    const own = web.externalIP('192.168.100.11');
    expect(tableOf({ services: [own] })['tcp 192.168.100.11:80']).toBe('reject');
  });

  it('without any endpoint is unknown for the node when its addresses are not known', () => {
    expect(tableOf({ services: [outer], profile: { localAddresses: unknown() } })['tcp 198.51.100.50:80']).toEqual([
      'pod: reject',
      'node: unknown node-addresses-unknown',
      'outside: reject',
    ]);
  });

  it('of the other family is of no concern', () => {
    expect(Object.keys(tableOf({ services: [web.externalIP('2001:db8::1')] }))).toEqual(['tcp 10.96.0.1:80']);
  });
});

describe('a load-balancer address', () => {
  const balanced = web.loadBalancerIP('203.0.113.11');
  const key = 'tcp 203.0.113.11:80';

  it('is forwarded and masqueraded for all', () => {
    expect(tableOf({ services: [balanced], slices: [here] })[key]).toBe(`${here8080} masquerade=always`);
  });

  it('in mode Proxy is left to the load balancer', () => {
    const proxied = web.loadBalancerIP('203.0.113.12', 'Proxy');
    expect(Object.keys(tableOf({ services: [proxied], slices: [here] }))).toEqual(['tcp 10.96.0.1:80']);
  });

  it('with source ranges is forwarded for those sources of each origin, and dropped for the rest', () => {
    const ranged = balanced.sourceRange('198.51.100.0/24').sourceRange('10.0.0.0/8');
    expect(tableOf({ services: [ranged], slices: [here] })[key]).toEqual([
      `pod: ${here8080} masquerade=always`,
      'node: drop',
      `outside: ${here8080} sources=10.0.0.0/9,10.128.0.0/10,10.192.0.0/11,10.224.0.0/12,10.240.0.0/14,10.245.0.0/16,10.246.0.0/15,10.248.0.0/13,198.51.100.0/24 else drop masquerade=always`,
    ]);
  });

  it('with a range that holds the node: the node may use it, from the address itself as well', () => {
    const ranged = balanced.loadBalancerIP('203.0.113.13').sourceRange('192.168.100.0/24');
    const table = tableOf({ services: [ranged], slices: [here] });
    expect(table[key]).toEqual([
      'pod: drop',
      `node: ${here8080} masquerade=always`,
      `outside: ${here8080} sources=192.168.100.0/29,192.168.100.8/31,192.168.100.10/32,192.168.100.12/30,192.168.100.16/28,192.168.100.32/27,192.168.100.64/26,192.168.100.128/25,203.0.113.13/32 else drop masquerade=always`,
    ]);
    expect(table['tcp 203.0.113.13:80']).toEqual([
      'pod: drop',
      `node: ${here8080} masquerade=always`,
      expect.stringContaining('192.168.100.128/25,203.0.113.11/32 else drop'),
    ]);
  });

  it.each(['0.0.0.0/0', '2001:db8::/32'])('with the range %s only is open', (range) => {
    expect(tableOf({ services: [balanced.sourceRange(range)], slices: [here] })[key]).toBe(
      `${here8080} masquerade=always`,
    );
  });

  it('with source ranges and no endpoint is rejected as without them', () => {
    expect(tableOf({ services: [balanced.sourceRange('198.51.100.0/24')] })[key]).toEqual([
      'pod: reject',
      'node: none',
      'outside: reject',
    ]);
  });

  it('with source ranges is unknown when the addresses of the node are not known', () => {
    const ranged = balanced.sourceRange('198.51.100.0/24');
    const given = { services: [ranged], slices: [here], profile: { localAddresses: unknown<never>() } };
    expect(tableOf(given)[key]).toBe('unknown node-addresses-unknown');
  });

  it('with source ranges and policy Local drops outside packets when only other nodes have endpoints', () => {
    const ranged = balanced.externalLocal().sourceRange('10.244.0.0/16');
    expect(tableOf({ services: [ranged], slices: [elsewhere] })[key]).toEqual([
      'pod: 10.244.2.2:8080 masquerade=never',
      'node: drop',
      'outside: drop',
    ]);
  });

  it('that is also an external IP of the Service is reached past the source ranges, by the rule that comes first', () => {
    const twice = balanced.externalIP('203.0.113.11').sourceRange('198.51.100.0/24');
    expect(tableOf({ services: [twice], slices: [here] })[key]).toBe(`${here8080} masquerade=always`);
  });
});
