import { describe, expect, it } from 'vitest';
import { address, known, node, prefix, profile, unknown } from '../../test/builders.ts';
import { factsOf, heedsNodeHints } from './node-facts.ts';

describe('hints for single nodes', () => {
  const versions: readonly (readonly [string, boolean])[] = [
    ['v1.32.9', false],
    ['v1.33.0-eks-1', false],
    ['v1.34.0', true],
    ['v1.36.2+k3s1', true],
    ['1.34.1', true],
    ['v2.0.0', true],
    ['devel', true],
  ];
  it.each(versions)('in kube-proxy %s: counted is %s', (version, counted) => {
    expect(heedsNodeHints(known(version))).toBe(counted);
  });

  it('count when the version is not known', () => {
    expect(heedsNodeHints(unknown())).toBe(true);
  });
});

describe('the primary address', () => {
  it('is the first of the family in the API', () => {
    const apiNode = node('node-a', 'fd00:100::11', '192.168.100.99', '192.168.100.11');
    expect(factsOf(profile(), apiNode, 'ipv4').primaryAddress).toBe('192.168.100.99');
  });

  it('is the first of its own that is no loopback, when the API does not know the node', () => {
    expect(factsOf(profile(), null, 'ipv4').primaryAddress).toBe('192.168.100.11');
  });

  it('is unknown when neither is known', () => {
    expect(factsOf(profile({ localAddresses: unknown() }), null, 'ipv4').primaryAddress).toBe(null);
  });
});

describe('node ports', () => {
  const answered = (fields: Parameters<typeof profile>[0], family: 'ipv4' | 'ipv6' = 'ipv4') =>
    factsOf(profile(fields), null, family).servesNodePorts;
  const only = (...prefixes: readonly string[]) => ({ nodePortAddresses: known(prefixes.map(prefix)) });

  it('are answered on all addresses when nothing is configured', () => {
    expect([answered({}), answered({ nodePortAddresses: unknown() })]).toEqual([true, true]);
  });

  it('are answered where a prefix holds an address of the node', () => {
    expect([answered(only('192.168.0.0/16')), answered(only('172.16.0.0/12'))]).toEqual([true, false]);
  });

  it('are answered everywhere when no prefix is of the family', () => {
    const both = { localAddresses: known(['192.168.100.11', 'fd00:100::11'].map(address)) };
    expect(answered({ ...both, ...only('172.16.0.0/12') }, 'ipv6')).toBe(true);
  });

  it('on loopback alone are answered to nobody but the node itself: no frontend', () => {
    expect(answered(only('127.0.0.0/8'))).toBe(false);
    expect(answered(only('127.0.0.0/8', '192.168.0.0/16'))).toBe(true);
  });

  it('on loopback do not exist in IPv6', () => {
    expect(answered({ localAddresses: known([address('::1')]) }, 'ipv6')).toBe(false);
  });

  it('on the primary address are answered when there is one', () => {
    expect(answered({ nodePortAddresses: known('primary') })).toBe(true);
    expect(answered({ nodePortAddresses: known('primary') }, 'ipv6')).toBe(false);
  });

  it('are undecided when a prefix is given and the addresses are not known', () => {
    expect(answered({ ...only('192.168.0.0/16'), localAddresses: unknown() })).toBe(null);
  });
});
