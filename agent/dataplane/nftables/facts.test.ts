import { describe, expect, it } from 'vitest';
import { newShape, nftTable, oldShape } from '../../../test/nft-tables.ts';
import { type NftRuleFacts, nftRuleFacts } from './facts.ts';

function factsOf(text: string): NftRuleFacts {
  const table = nftTable(text);
  return nftRuleFacts([{ family: table.family, table }]);
}

const prefix = { kind: 'prefix', prefix: '10.244.0.0/16' };
const dispatch = 'ip daddr . meta l4proto . th dport vmap @service-ips';

describe('what rules say of kube-proxy', () => {
  it('in the newer shape', () => {
    expect(factsOf(newShape())).toEqual({
      localDetector: { ipv4: prefix, ipv6: null },
      nodePorts: { ipv4: { addresses: ['192.168.100.11/32'], localhost: false }, ipv6: null },
      markBit: 14,
      masqueradeAll: false,
      hairpin: 'own-endpoints',
      refusesOwnFirst: false,
    });
  });

  it('in the older shape', () => {
    const chains = {
      'service-x/y': ['ip daddr 10.96.0.1 tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade'],
    };
    expect(factsOf(oldShape({ chains }))).toEqual({
      localDetector: { ipv4: prefix, ipv6: null },
      nodePorts: { ipv4: { addresses: 'all', localhost: false }, ipv6: null },
      markBit: 14,
      masqueradeAll: false,
      hairpin: 'every-endpoint',
      refusesOwnFirst: true,
    });
  });

  it('that masquerades all', () => {
    const services = ['ip daddr @cluster-ips meta mark set meta mark | 0x00008000', dispatch];
    expect(factsOf(newShape({ chains: { services } }))).toMatchObject({ markBit: 15, masqueradeAll: true });
  });

  it('that tells pods by their interface', () => {
    const services = ['ip daddr @cluster-ips iifname != "veth*" meta mark set meta mark | 0x00004000', dispatch];
    expect(factsOf(newShape({ chains: { services } }))).toMatchObject({
      localDetector: { ipv4: { kind: 'interface', pattern: 'veth+' } },
      masqueradeAll: false,
    });
  });

  it('that masquerades all, and has a Local Service', () => {
    const chains = {
      services: ['ip daddr @cluster-ips meta mark set meta mark | 0x00004000', dispatch],
      'external-x/y': [
        'ip saddr 10.244.0.0/16 goto service-x/y comment "short-circuit pod traffic"',
        'fib saddr type local meta mark set meta mark | 0x00004000 comment "masquerade local traffic"',
      ],
    };
    expect(factsOf(newShape({ chains }))).toMatchObject({ localDetector: { ipv4: prefix }, masqueradeAll: true });
  });

  it('without any that say anything', () => {
    expect(factsOf('table ip6 kube-proxy {\n}\n')).toEqual({
      localDetector: { ipv4: null, ipv6: null },
      nodePorts: { ipv4: null, ipv6: null },
      markBit: null,
      masqueradeAll: null,
      hairpin: 'every-endpoint',
      refusesOwnFirst: false,
    });
  });

  it('without a table', () => {
    expect(nftRuleFacts([])).toMatchObject({ markBit: null, hairpin: null });
  });
});
