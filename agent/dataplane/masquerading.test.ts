/** Which marks are masqueraded behind the routing. */
import { describe, expect, it } from 'vitest';
import { rulesetOf } from '../../test/rules-text.ts';
import { masqueradesOf } from './masquerading.ts';
import { ruleTables } from './rule-tables.ts';

/** Those of a few marks that are masqueraded, as text. */
function masqueraded(...nat: readonly string[]): readonly string[] {
  const masquerades = masqueradesOf(ruleTables(rulesetOf({ nat }), 'ipv4').tables.get('nat'));
  return [0, 0x4000, 0x8000, 0xc000].filter(masquerades).map((mark) => `0x${mark.toString(16)}`);
}

const jump = '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING';
const others = '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN';
const clear = '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0';
const masquerade = '-A KUBE-POSTROUTING -j MASQUERADE --random-fully';
const marked = ['0x4000', '0xc000'];

describe('as kube-proxy writes it', () => {
  it('every mark with its bit', () => {
    expect(masqueraded(jump, others, clear, masquerade)).toEqual(marked);
  });

  it('before v1.16, in one rule', () => {
    expect(masqueraded(jump, '-A KUBE-POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE')).toEqual(marked);
  });

  it('with another bit', () => {
    const other = [jump, others, clear, masquerade].map((line) => line.replaceAll('0x4000', '0x8000'));
    expect(masqueraded(...other)).toEqual(['0x8000', '0xc000']);
  });

  it('with a wider mask, only the very mark', () => {
    expect(masqueraded('-A POSTROUTING -m mark --mark 0x4000/0xffff -j MASQUERADE')).toEqual(['0x4000']);
  });
});

describe('damaged', () => {
  it.each([
    ['without the jump', [others, clear, masquerade]],
    ['without MASQUERADE', [jump, others, clear]],
    ['with RETURN for all', [jump, '-A KUBE-POSTROUTING -j RETURN', masquerade]],
    ['behind a rule that accepts all', ['-A POSTROUTING -j ACCEPT', jump, others, clear, masquerade]],
    ['gone to a chain without rules', ['-A POSTROUTING -g EMPTY', ':EMPTY', jump, others, clear, masquerade]],
    ['empty', []],
  ])('%s: none', (_, nat) => {
    expect(masqueraded(...nat)).toEqual([]);
  });

  it('with the mark turned over before it is asked for: those without it', () => {
    expect(masqueraded(jump, clear, others, masquerade)).toEqual(['0x0', '0x8000']);
  });

  it('without the question for the mark: all', () => {
    expect(masqueraded(jump, clear, masquerade)).toEqual(['0x0', '0x4000', '0x8000', '0xc000']);
  });
});

describe('others', () => {
  it('masquerade their own packets: that is no service', () => {
    expect(
      masqueraded(
        '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
        '-A POSTROUTING -m addrtype ! --dst-type LOCAL -j ACCEPT',
        '-A POSTROUTING -m set --match-set pods src -j MASQUERADE',
        jump,
        others,
        clear,
        masquerade,
      ),
    ).toEqual(marked);
  });

  it('change the source of what is marked, which is as good', () => {
    expect(masqueraded('-A POSTROUTING -m mark --mark 0x4000/0x4000 -j SNAT --to-source 192.0.2.1')).toEqual(marked);
  });

  it('mark anew', () => {
    const set = '-A POSTROUTING -m mark --mark 0x8000/0x8000 -j MARK --set-xmark 0x4000/0x4000';
    expect(masqueraded(set, jump, others, clear, masquerade)).toEqual(['0x4000', '0x8000', '0xc000']);
  });
});

it('without a nat table nothing is', () => {
  expect(masqueradesOf(undefined)(0x4000)).toBe(false);
});
