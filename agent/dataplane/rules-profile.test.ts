/** What kube-proxy's rules tell of its configuration. */
import { describe, expect, it } from 'vitest';
import { prefix } from '../../test/builders.ts';
import { rulesetOf, skeleton, together, webEntry, webWith } from '../../test/rules-text.ts';
import { detectLocal, masqueradesAll, usedMarkBit } from './rules-profile.ts';

describe('how kube-proxy knows local pods', () => {
  /** As many Services as there are conditions of their first rule. */
  function detected(...conditions: readonly string[]) {
    const nat = conditions.flatMap((condition, i) => [
      `-A KUBE-SERVICES -d 10.96.1.${i}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-${i}`,
      `-A KUBE-SVC-${i} ${condition} -d 10.96.1.${i}/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ`,
    ]);
    return detectLocal(rulesetOf(together(skeleton, { nat })), 'ipv4');
  }

  it('by a prefix', () => {
    expect(detected('! -s 10.244.0.0/16')).toEqual({ kind: 'prefix', prefix: prefix('10.244.0.0/16') });
  });

  it('by an interface, or by how their names begin', () => {
    expect(detected('! -i cni0')).toEqual({ kind: 'interface', pattern: 'cni0' });
    expect(detected('! -i veth+')).toEqual({ kind: 'interface', pattern: 'veth+' });
  });

  it('is what most Services say: one odd rule is damage', () => {
    expect(detected('! -s 10.0.0.0/8', '! -s 10.244.0.0/16', '! -s 10.244.0.0/16')).toEqual({
      kind: 'prefix',
      prefix: prefix('10.244.0.0/16'),
    });
  });

  it('is not said by rules that masquerade all, or those whom they name', () => {
    expect(detected('')).toBeNull();
    expect(detected('-s 10.244.0.0/16')).toBeNull();
  });

  it("is not said by the rules of a load balancer's address, nor by those without an entry", () => {
    const nat = [
      '-A KUBE-SERVICES -d 203.0.113.1/32 -p tcp -m tcp --dport 80 -j KUBE-EXT-WEB',
      '-A KUBE-EXT-WEB ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ',
      '-A KUBE-SVC-OLD ! -s 10.1.0.0/16 -d 10.96.0.9/32 -j KUBE-MARK-MASQ',
    ];
    expect(detectLocal(rulesetOf(together(skeleton, { nat })), 'ipv4')).toBeNull();
  });

  it('is said by the external chains of Local services, also where all is masqueraded', () => {
    const local = (condition: string) => [
      '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
      '-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-EXT-WEB',
      `-A KUBE-EXT-WEB ${condition} -m comment --comment "pod traffic for shop/web external destinations" -j KUBE-SVC-WEB`,
      '-A KUBE-SVC-WEB -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ',
    ];
    const detected = (condition: string) =>
      detectLocal(rulesetOf(together(skeleton, { nat: local(condition) })), 'ipv4');
    expect(detected('-s 10.244.0.0/16')).toEqual({ kind: 'prefix', prefix: prefix('10.244.0.0/16') });
    expect(detected('-i cni0')).toEqual({ kind: 'interface', pattern: 'cni0' });
    expect(detected('-s 10.244.0.0/16 -i eth0')).toBeNull();
  });

  it('is not said where there is no Service, no chain or no table', () => {
    expect(detectLocal(rulesetOf({ nat: [':KUBE-SERVICES'] }), 'ipv4')).toBeNull();
    expect(detectLocal(rulesetOf({ nat: [] }), 'ipv4')).toBeNull();
    expect(detectLocal(rulesetOf({ filter: [webEntry] }), 'ipv4')).toBeNull();
  });

  it('in IPv6', () => {
    const nat = [
      '-A KUBE-SERVICES -d fd00:96::1/128 -p tcp -m tcp --dport 80 -j KUBE-SVC-6',
      '-A KUBE-SVC-6 ! -s fd00:244::/56 -d fd00:96::1/128 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ',
    ];
    expect(detectLocal(rulesetOf(together(skeleton, { nat })), 'ipv6')).toEqual({
      kind: 'prefix',
      prefix: prefix('fd00:244::/56'),
    });
  });
});

describe("kube-proxy's mark", () => {
  it.each([
    ['0x4000/0x4000', 14],
    ['0x8000/0x8000', 15],
    ['0x80000000/0x80000000', 31],
    ['0x1/0x1', 0],
    ['0xc000/0xc000', null],
  ])('--set-xmark %s: bit %s', (mark, bit) => {
    expect(usedMarkBit(rulesetOf({ nat: [`-A KUBE-MARK-MASQ -j MARK --set-xmark ${mark}`] }))).toBe(bit);
  });

  it('is not said by a chain that is empty, absent or sets none', () => {
    expect(usedMarkBit(rulesetOf({ nat: [':KUBE-MARK-MASQ'] }))).toBeNull();
    expect(usedMarkBit(rulesetOf({ nat: [] }))).toBeNull();
    expect(usedMarkBit(rulesetOf({ nat: ['-A KUBE-MARK-MASQ -j MARK --set-xmark 0x0/0x4000'] }))).toBeNull();
  });

  it('is read from a whole node', () => {
    expect(usedMarkBit(rulesetOf(webWith('10.244.1.2:80')))).toBe(14);
  });
});

describe('whether all is masqueraded', () => {
  /** As many Services as there are conditions of the rule that marks. */
  function all(...conditions: readonly (string | null)[]): boolean | null {
    const nat = conditions.flatMap((condition, i) => [
      `-A KUBE-SERVICES -d 10.96.1.${i}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-${i}`,
      condition === null
        ? `:KUBE-SVC-${i}`
        : `-A KUBE-SVC-${i} ${condition} -d 10.96.1.${i}/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ`,
    ]);
    return masqueradesAll(rulesetOf(together(skeleton, { nat })), 'ipv4');
  }

  it('is what most service chains do', () => {
    expect(all('', '', '! -s 10.244.0.0/16')).toBe(true);
    expect(all('', '! -i cni0', '! -s 10.244.0.0/16')).toBe(false);
  });

  it('is not said where no chain marks any packet', () => {
    expect(all(null)).toBeNull();
    expect(all()).toBeNull();
  });
});
