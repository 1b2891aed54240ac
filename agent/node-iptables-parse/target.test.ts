import { describe, expect, it } from 'vitest';
import type { Target } from './rule.ts';
import { natOf, ruleOf, rulesetOf, tableOf } from './sample.ts';

const dnat = {
  kind: 'dnat',
  to: '10.0.0.7:80',
  random: false,
  randomFully: false,
  persistent: false,
  other: [],
} as const;
const masquerade = { kind: 'masquerade', random: false, randomFully: false, toPorts: null, other: [] } as const;

const typed: readonly (readonly [string, Target])[] = [
  ['-j KUBE-SEP-A', { kind: 'jump', chain: 'KUBE-SEP-A', goto: false }],
  ['-g KUBE-SEP-A', { kind: 'jump', chain: 'KUBE-SEP-A', goto: true }],
  ['-j KUBE-SEP-GONE', { kind: 'jump', chain: 'KUBE-SEP-GONE', goto: false }],
  ['-j ACCEPT', { kind: 'accept' }],
  ['-j DROP', { kind: 'drop' }],
  ['-j RETURN', { kind: 'return' }],
  ['-j QUEUE', { kind: 'queue' }],
  ['-j DNAT --to-destination 10.0.0.7:80', dnat],
  [
    '-j DNAT --to-destination [fd00::7]:80 --random --persistent',
    {
      ...dnat,
      to: '[fd00::7]:80',
      random: true,
      persistent: true,
    },
  ],
  [
    '-j SNAT --to-source 172.31.23.106 --random-fully',
    {
      ...dnat,
      kind: 'snat',
      to: '172.31.23.106',
      randomFully: true,
    },
  ],
  ['-j MASQUERADE', masquerade],
  ['-j MASQUERADE --to-ports 1024-65535 --random-fully', { ...masquerade, toPorts: '1024-65535', randomFully: true }],
  ['-j REDIRECT --to-ports 15001', { kind: 'redirect', toPorts: '15001', random: false, other: [] }],
  ['-j REJECT --reject-with icmp-port-unreachable', { kind: 'reject', with: 'icmp-port-unreachable' }],
  ['-j MARK --set-xmark 0x4000/0x0', { kind: 'mark', value: 0x4000, mask: 0 }],
  ['-j MARK --set-mark 0x1/0x2', { kind: 'mark', value: 1, mask: 3 }],
  ['-j MARK --and-mark 0xffff0000', { kind: 'mark', value: 0, mask: 0xffff }],
  ['-j MARK --or-mark 0x80000000', { kind: 'mark', value: 0x80000000, mask: 0x80000000 }],
  ['-j MARK --xor-mark 0x8', { kind: 'mark', value: 8, mask: 0 }],
  [
    '-j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80',
    {
      kind: 'connmark',
      words: ['--restore-mark', '--nfmask', '0x80', '--ctmask', '0x80'],
    },
  ],
  ['-j CT --notrack', { kind: 'ct', words: ['--notrack'] }],
  ['-j NOTRACK', { kind: 'notrack', words: [] }],
  ['-j LOG --log-prefix "[UFW BLOCK] -j DROP " ', { kind: 'log', words: ['--log-prefix', '"[UFW BLOCK] -j DROP "'] }],
  [
    '-j TPROXY --on-port 15001 --on-ip 127.0.0.1 --tproxy-mark 0x1/0xffffffff',
    {
      kind: 'tproxy',
      words: ['--on-port', '15001', '--on-ip', '127.0.0.1', '--tproxy-mark', '0x1/0xffffffff'],
    },
  ],
  ['-j NEWTHING --with 3', { kind: 'other', name: 'NEWTHING', words: ['--with', '3'] }],
  ['-m tcp', { kind: 'none' }],
];

describe('a target that iptables-save prints', () => {
  it.each(typed)('%s', (text, target) => {
    const { target: read, unreadable } = ruleOf(text);
    expect({ read, unreadable }).toEqual({ read: target, unreadable: null });
  });

  it('is a jump when a chain has the name of a target', () => {
    const dump = natOf('-A KUBE-SVC-A -j LOG').replace(':KUBE-SEP-A', ':LOG');
    expect(tableOf(rulesetOf(dump)).rule(0).target).toEqual({ kind: 'jump', chain: 'LOG', goto: false });
  });
});

describe('a target that cannot be read is kept and said to be unreadable', () => {
  it.each([
    [
      '-j DNAT --to-destination  --random --to-destination',
      'cannot read DNAT --to-destination --random --to-destination',
    ],
    ['-j DNAT [unsupported revision]', '[unsupported revision]'],
    [
      '-j DNAT --to-destination 10.0.0.7:80 --to-destination 10.0.0.8:80',
      'cannot read DNAT --to-destination 10.0.0.7:80 --to-destination 10.0.0.8:80',
    ],
    ['-j MARK --set-xmark zero', 'cannot read MARK --set-xmark zero'],
    ['-j ACCEPT --please', 'words behind a verdict'],
    ['-j KUBE-SEP-A --please', 'words behind a jump'],
    ['-j', '-j without a target'],
  ])('%s', (text, unreadable) => {
    expect(ruleOf(text).unreadable).toBe(unreadable);
  });
});
