import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, prefix } from '../../test/builders.ts';
import { type TargetRules, targetRefusal } from './targets.ts';

const rules: TargetRules = {
  podRanges: [prefix('10.244.0.0/16'), prefix('fd00:244::/32')],
  ownAddresses: [address('10.244.1.1'), address('192.168.100.11')],
};
/** Ranges that a careless configuration may have. */
const everything: TargetRules = { ...rules, podRanges: [prefix('0.0.0.0/0'), prefix('::/0')] };

function refusal(text: string, by = rules): string | null {
  return targetRefusal({ address: text, port: 8080, protocol: 'tcp' }, by);
}

describe('a probe target', () => {
  it('is accepted inside a pod range', () => {
    expect(refusal('10.244.2.9')).toBeNull();
    expect(refusal('fd00:244:1::9')).toBeNull();
    expect(targetRefusal({ address: '10.244.2.9', port: 53, protocol: 'udp' }, rules)).toBeNull();
  });

  it('is refused outside, and everywhere without ranges', () => {
    expect(refusal('10.245.0.1')).toBe('10.245.0.1 is in no pod range');
    expect(refusal('10.244.2.9', { ...rules, podRanges: [] })).toBe('10.244.2.9 is in no pod range');
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
    expect(refusal(text, everything)).toBe(`${text} is ${what}`);
  });

  it("is refused where it is the node's own", () => {
    expect(refusal('10.244.1.1')).toBe("10.244.1.1 is the node's own");
    expect(refusal('192.168.100.11', everything)).toBe("192.168.100.11 is the node's own");
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
    expect(refusal(text, everything)).toBe(`no canonical address: ${JSON.stringify(text)}`);
  });

  it('is refused for a port or a protocol that is none', () => {
    expect(targetRefusal({ address: '10.244.2.9', port: 0, protocol: 'tcp' }, rules)).toBe('no port: 0');
    expect(targetRefusal({ address: '10.244.2.9', port: 65_536, protocol: 'tcp' }, rules)).toBe('no port: 65536');
    expect(targetRefusal({ address: '10.244.2.9', port: 80, protocol: 'icmp' }, rules)).toBe(
      'no protocol to probe: "icmp"',
    );
  });

  it('is never outside the ranges once accepted', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.nat(65_535).map((host) => `10.244.${host >> 8}.${host & 255}`),
      fc.nat(0xffff).map((host) => `fd00:244::${host.toString(16)}`),
    );
    fc.assert(
      fc.property(text, (one) => {
        if (refusal(one) === null) expect(one).toMatch(/^(10\.244\.|fd00:244:)/);
      }),
      { seed: 20_261_122, numRuns: 3_000 },
    );
  });
});
