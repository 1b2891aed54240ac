import { describe, expect, it } from 'vitest';
import { known, slice, unknown } from '../../../test/builders.ts';
import { both, elsewhere, type Given, here, tableOf, web } from '../../../test/desired-in-short.ts';

const here8080 = '10.244.1.2:8080';
const there8080 = '10.244.2.2:8080';
const both8080 = `${here8080},${there8080}`;
const none = known({ kind: 'none' } as const);
const noDetector = { localDetector: { ipv4: none, ipv6: none } };

/** Node-a with a kube-proxy of IPVS mode. Hairpins are left to the last of these tests. */
function ipvs(given: Given) {
  return tableOf({ ...given, profile: { mode: known('ipvs'), ...given.profile } });
}

describe('a cluster IP', () => {
  it('is balanced over all endpoints; only what is not from a pod is masqueraded', () => {
    expect(ipvs({ services: [web], slices: [both] })).toEqual({
      'tcp 10.96.0.1:80': [
        `pod: ${both8080} masquerade=never`,
        `node: ${both8080} masquerade=always`,
        `outside: ${both8080} masquerade=always`,
      ],
    });
  });

  it('is masqueraded for all with masqueradeAll', () => {
    expect(ipvs({ services: [web], slices: [here], profile: { masqueradeAll: known(true) } })).toEqual({
      'tcp 10.96.0.1:80': `${here8080} masquerade=always`,
    });
  });

  it('without a detector is masqueraded for what comes from the address itself, as the packets of the node do', () => {
    expect(ipvs({ services: [web], slices: [here], profile: noDetector })).toEqual({
      'tcp 10.96.0.1:80': [
        `pod: ${here8080} masquerade=never`,
        `node: ${here8080} masquerade=some:10.96.0.1/32`,
        `outside: ${here8080} masquerade=never`,
      ],
    });
  });

  it('keeps clients for the seconds the Service says: the virtual server is persistent', () => {
    const given = { services: [web.affinity(600)], slices: [here], profile: { masqueradeAll: known(true) } };
    expect(ipvs(given)).toEqual({ 'tcp 10.96.0.1:80': `${here8080} affinity=600 masquerade=always` });
  });

  it('is rejected without any endpoint: a virtual server without real servers says so by ICMP', () => {
    expect(ipvs({ services: [web] })).toEqual({ 'tcp 10.96.0.1:80': 'reject' });
  });

  it('uses what is draining when nothing else is left', () => {
    const draining = slice('shop/web').port(8080).terminating('10.244.1.2').unready('10.244.1.3');
    expect(ipvs({ services: [web], slices: [draining], profile: { masqueradeAll: known(true) } })).toEqual({
      'tcp 10.96.0.1:80': `${here8080} masquerade=always`,
    });
  });
});

describe('a cluster IP with policy Local', () => {
  it('is balanced over the endpoints of the node', () => {
    expect(ipvs({ services: [web.internalLocal()], slices: [both], profile: { masqueradeAll: known(true) } })).toEqual({
      'tcp 10.96.0.1:80': `${here8080} masquerade=always`,
    });
  });

  it('is rejected, not dropped, when only other nodes have endpoints', () => {
    expect(ipvs({ services: [web.internalLocal()], slices: [elsewhere] })).toEqual({ 'tcp 10.96.0.1:80': 'reject' });
  });

  it('is sent to other nodes when the Service is open to the outside: those endpoints are in use anyway', () => {
    const open = web.internalLocal().nodePort(30080);
    expect(ipvs({ services: [open], slices: [elsewhere] })).toEqual({
      'tcp 10.96.0.1:80': [
        `pod: ${there8080} masquerade=never`,
        `node: ${there8080} masquerade=always`,
        `outside: ${there8080} masquerade=always`,
      ],
      'tcp node4:30080': `${there8080} masquerade=always`,
    });
  });
});

describe.each([
  ['a node port', web.nodePort(30080), 'tcp node4:30080'],
  ['an external IP', web.externalIP('198.51.100.50'), 'tcp 198.51.100.50:80'],
  ['an external IP that is an address of the node', web.externalIP('192.168.100.11'), 'tcp 192.168.100.11:80'],
  ['a load-balancer address', web.loadBalancerIP('203.0.113.11'), 'tcp 203.0.113.11:80'],
] as const)('%s', (_, one, key) => {
  const fate = (slices: Given['slices'], policy: 'Cluster' | 'Local') =>
    ipvs({ services: [policy === 'Local' ? one.externalLocal() : one], slices: slices ?? [] })[key];

  it('is balanced over all endpoints and masqueraded, whoever sends', () => {
    expect(fate([both], 'Cluster')).toBe(`${both8080} masquerade=always`);
  });

  it('with policy Local is balanced over the endpoints of the node, unmasqueraded, whoever sends', () => {
    expect(fate([both], 'Local')).toBe(`${here8080} masquerade=never`);
  });

  it('with policy Local is sent to other nodes when only they have endpoints', () => {
    expect(fate([elsewhere], 'Local')).toBe(`${there8080} masquerade=never`);
  });

  it('is rejected without any endpoint, whoever sends and whatever the policy', () => {
    expect([fate([], 'Cluster'), fate([], 'Local')]).toEqual(['reject', 'reject']);
  });
});

describe('source ranges of a load-balancer address', () => {
  const key = 'tcp 203.0.113.11:80';
  const balanced = web.loadBalancerIP('203.0.113.11');
  const ranged = balanced.sourceRange('198.51.100.0/24');

  it('bind what comes in; of the packets of the node only those from the address itself are dropped', () => {
    expect(ipvs({ services: [ranged], slices: [here] })[key]).toEqual([
      'pod: drop',
      `node: ${here8080} sources=192.168.100.11/32 else drop masquerade=always`,
      `outside: ${here8080} sources=198.51.100.0/24 else drop masquerade=always`,
    ]);
  });

  it('that hold the node leave it all its addresses', () => {
    const holding = balanced.sourceRange('192.168.100.11/32');
    expect(ipvs({ services: [holding], slices: [here] })[key]).toEqual([
      'pod: drop',
      `node: ${here8080} masquerade=always`,
      'outside: drop',
    ]);
  });

  it('hold without endpoints as well: an origin that none of them holds is dropped, the others are rejected', () => {
    expect(ipvs({ services: [ranged] })[key]).toEqual(['pod: drop', 'node: reject', 'outside: reject']);
  });

  it('bind the address where it is an external IP of the Service too', () => {
    const twice = ranged.externalIP('203.0.113.11').externalIP('198.51.100.50');
    const table = ipvs({ services: [twice], slices: [here] });
    expect([table[key]?.[0], table['tcp 198.51.100.50:80']]).toEqual(['pod: drop', `${here8080} masquerade=always`]);
  });

  it('of which one is /0 bind nobody', () => {
    expect(ipvs({ services: [ranged.sourceRange('0.0.0.0/0')], slices: [here] })[key]).toBe(
      `${here8080} masquerade=always`,
    );
  });

  it('are unknown when the addresses of the node are not known', () => {
    const given = { services: [ranged], slices: [here], profile: { localAddresses: unknown<never>() } };
    expect(ipvs(given)[key]).toBe('unknown node-addresses-unknown');
  });
});

describe('an endpoint that reaches itself', () => {
  const own: Given['profile'] = { hairpin: known('own-endpoints') };
  const clusterIP = (slices: Given['slices'], fields: Given['profile'] = {}) =>
    ipvs({ services: [web], slices: slices ?? [], profile: { ...own, ...fields } })['tcp 10.96.0.1:80'];

  it('is masqueraded where it is on the node: all, some or none of the backends', () => {
    expect([clusterIP([here])?.[0], clusterIP([both])?.[0], clusterIP([elsewhere])?.[0]]).toEqual([
      `pod: ${here8080} masquerade=never`,
      `pod: ${both8080} masquerade=never hairpin=some`,
      `pod: ${there8080} masquerade=never hairpin=none`,
    ]);
  });

  it('is said of every origin alike, but where all is masqueraded anyway', () => {
    expect(clusterIP([both], noDetector)).toEqual([
      `pod: ${both8080} masquerade=never hairpin=some`,
      `node: ${both8080} masquerade=some:10.96.0.1/32 hairpin=some`,
      `outside: ${both8080} masquerade=never hairpin=some`,
    ]);
    const local = web.nodePort(30080).externalLocal();
    const table = ipvs({ services: [local], slices: [elsewhere], profile: own });
    expect(table['tcp node4:30080']).toBe(`${there8080} masquerade=never hairpin=none`);
  });
});
