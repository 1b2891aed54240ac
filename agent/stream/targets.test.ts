import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { prefixSet } from '../../proto/prefixes.ts';
import { address, prefix } from '../../test/builders.ts';
import { checkedTarget, type TargetRules } from './targets.ts';

const rules: TargetRules = {
  ranges: prefixSet([prefix('10.244.0.0/16'), prefix('fd00:244::/32')]),
  serviceRanges: prefixSet([prefix('10.96.0.0/16')]),
  ownAddresses: [address('10.244.1.1'), address('192.168.100.11')],
  port: 9469,
};
/** Ranges that a careless configuration may have. */
const everything: TargetRules = {
  ...rules,
  ranges: prefixSet([prefix('0.0.0.0/0'), prefix('::/0')]),
  serviceRanges: prefixSet([]),
};

const agent: wire.Target = {
  address: '10.244.2.1',
  port: 9469,
  protocol: 'udp',
  node: 'node-2',
  packetBytes: 1450,
  by: 'overlay',
};
const pod: wire.Target = { ...agent, port: 8080, protocol: 'tcp', packetBytes: 0, by: 'pod' };

/** Why a target is refused; null = it is not. */
function refusal(target: Partial<wire.Target>, by = rules, of = agent): string | null {
  const checked = checkedTarget({ ...of, ...target }, by);
  return checked.ok ? null : checked.reason;
}

describe('a probe target', () => {
  it('is accepted as it was named where everything about it is right', () => {
    expect(checkedTarget(agent, rules)).toEqual({ ok: true, target: agent });
    expect(checkedTarget(pod, rules)).toEqual({ ok: true, target: pod });
    expect(refusal({ address: 'fd00:244:1::9', by: 'node', packetBytes: 0 })).toBeNull();
  });

  it('is refused outside of the ranges, and everywhere without ranges', () => {
    expect(refusal({ address: '10.245.0.1' })).toBe('10.245.0.1 is in no range that may be probed');
    expect(refusal({}, { ...rules, ranges: prefixSet([]) })).toBe('10.244.2.1 is in no range that may be probed');
    expect(refusal({ address: '10.245.0.1' }, rules, pod)).toBe('10.245.0.1 is in no range that may be probed');
  });

  it.each([
    ['0.0.0.0', 'unspecified or this network'],
    ['::', 'unspecified or this network'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['224.0.0.1', 'multicast or broadcast'],
    ['239.255.255.255', 'multicast or broadcast'],
    ['255.255.255.255', 'multicast or broadcast'],
    ['ff02::1', 'multicast or broadcast'],
  ])('%s is refused whatever the ranges say', (text, what) => {
    expect(refusal({ address: text }, everything)).toBe(`${text} is ${what}`);
  });

  it("is refused where it is the node's own", () => {
    expect(refusal({ address: '10.244.1.1' })).toBe("10.244.1.1 is the node's own");
    expect(refusal({ address: '192.168.100.11' }, everything)).toBe("192.168.100.11 is the node's own");
  });

  it.each([
    '',
    'web.shop.svc',
    '10.244.2.9:80',
    '::ffff:10.244.2.9',
    '010.244.2.9',
    '0x7f.0.0.1',
    '2130706433',
    'FD00:244::9',
    'fe80::1%eth0',
  ])('%j is refused as no canonical address', (text) => {
    expect(refusal({ address: text }, everything)).toBe(`no canonical address: ${JSON.stringify(text)}`);
  });

  it("is refused by UDP at any port but the agents' own", () => {
    expect(refusal({ port: 53 })).toBe('UDP port 53 is not that of agents, 9469');
    expect(refusal({ port: 0 })).toBe('UDP port 0 is not that of agents, 9469');
  });

  it('is refused for a port or a protocol that is none', () => {
    expect(refusal({ port: 0 }, rules, pod)).toBe('no port: 0');
    expect(refusal({ port: 65_536 }, rules, pod)).toBe('no port: 65536');
    expect(refusal({ protocol: 'icmp' })).toBe('no protocol to probe: "icmp"');
  });

  it.each([1, 575, 65_536, 2 ** 32 - 1])('is refused where a packet shall have %i bytes', (packetBytes) => {
    expect(refusal({ packetBytes })).toBe(`no size of a packet: ${packetBytes}`);
    expect(refusal({ packetBytes }, rules, pod)).toBe('a connection has no size of a packet');
  });

  it('is refused by a way that does not go with its protocol', () => {
    expect(refusal({ by: 'pod' })).toBe('no way to probe an agent by: "pod"');
    expect(refusal({ by: 'overlay' }, rules, pod)).toBe('no way to probe a pod by: "overlay"');
    expect(refusal({ by: '' })).toBe('no way to probe an agent by: ""');
  });

  it.each(['', 'Node-2', 'a b', '-a', 'x'.repeat(254)])('is refused of a node named %j', (node) => {
    expect(refusal({ node })).toMatch(/^no name that a Node can have: /);
  });

  it('is never outside of the ranges once accepted', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.nat(65_535).map((host) => `10.244.${host >> 8}.${host & 255}`),
      fc.nat(0xffff).map((host) => `fd00:244::${host.toString(16)}`),
    );
    fc.assert(
      fc.property(text, fc.boolean(), (one, isPod) => {
        if (refusal({ address: one }, rules, isPod ? pod : agent) === null)
          expect(one).toMatch(/^(10\.244\.|fd00:244:)/);
      }),
      { seed: 20_261_122, numRuns: 3_000 },
    );
  });
});
