import { describe, expect, it } from 'vitest';
import type { Step } from './rule.ts';
import { readRule } from './rule-text.ts';

/** Steps in short: what is asked among elements shows their keys. */
function stepsOf(text: string): readonly unknown[] {
  return readRule(text).steps.map(shown);
}

function shown(step: Step): unknown {
  if (step.kind !== 'asks' && step.kind !== 'verdict-map') return step;
  const among = 'set' in step.among ? `@${step.among.set}` : [...step.among.elements.entries()].map(([key]) => key);
  return `${step.kind} ${step.fields.join('.')}${step.kind === 'asks' && step.negated ? ' not' : ''} ${among}`;
}

const accept = { kind: 'verdict', verdict: { kind: 'accept' } };

describe('matches', () => {
  it.each([
    ['ip saddr 10.0.0.1 accept', ['asks source 10.0.0.1', accept]],
    ['ip6 daddr != fd00::1 accept', ['asks destination not fd00::1', accept]],
    ['meta l4proto { tcp, udp } th dport 53 accept', ['asks protocol tcp,udp', 'asks port 53', accept]],
    ['tcp dport 80 accept', ['asks protocol tcp', 'asks port 80', accept]],
    ['ip protocol tcp accept', ['asks protocol tcp', accept]],
    [
      'ip saddr . ip daddr . meta l4proto . th dport @hairpin accept',
      ['asks source.destination.protocol.port @hairpin', accept],
    ],
    ['ip daddr . meta l4proto . th dport vmap @service-ips', ['verdict-map destination.protocol.port @service-ips']],
    ['ip saddr @affinity-x/y__1.2.3.4/80 accept', ['asks source @affinity-x/y__1.2.3.4/80', accept]],
    ['ct state new accept', [accept]],
    ['ct state { established, new } accept', [accept]],
    ['ct state established,related accept', [{ kind: 'never' }, accept]],
    ['ct state != new accept', [{ kind: 'never' }, accept]],
    ['ct status dnat accept', [{ kind: 'translated', negated: false }, accept]],
    ['iifname != "veth*" accept', [{ kind: 'interface', way: 'in', patterns: ['veth+'], negated: true }, accept]],
    ['oif "lo" accept', [{ kind: 'interface', way: 'out', patterns: ['lo'], negated: false }, accept]],
    [
      'fib daddr type local accept',
      [{ kind: 'address-type', of: 'destination', types: ['local'], negated: false }, accept],
    ],
    [
      'fib saddr type != { local, broadcast } accept',
      [{ kind: 'address-type', of: 'source', types: ['local', 'broadcast'], negated: true }, accept],
    ],
    ['meta mark & 0x00004000 != 0x00000000 accept', [{ kind: 'mark', value: 0, mask: 0x4000, negated: true }, accept]],
    ['mark and 0x4000 == 0 accept', [{ kind: 'mark', value: 0, mask: 0x4000, negated: false }, accept]],
    ['meta mark 0x00004000 accept', [{ kind: 'mark', value: 0x4000, mask: 0xffffffff, negated: false }, accept]],
    ['tcp sport 5 accept', [{ kind: 'undecided' }, accept]],
    ['limit rate over 5/second burst 7 packets accept', [{ kind: 'undecided' }, accept]],
  ])('%s', (text, steps) => {
    expect(stepsOf(text)).toEqual(steps);
  });
});

describe('statements', () => {
  it.each([
    ['jump services', [{ kind: 'verdict', verdict: { kind: 'jump', chain: 'services' } }]],
    ['reject with icmp type port-unreachable', [{ kind: 'verdict', verdict: { kind: 'reject' } }]],
    ['counter packets 5 bytes 6 drop comment "a \'b\'"', [{ kind: 'verdict', verdict: { kind: 'drop' } }]],
    ['log prefix "a b" level warn drop', [{ kind: 'verdict', verdict: { kind: 'drop' } }]],
    ['meta mark set meta mark | 0x00004000', [{ kind: 'set-mark', value: 0x4000, mask: 0x4000 }]],
    ['mark set mark or 0x4000', [{ kind: 'set-mark', value: 0x4000, mask: 0x4000 }]],
    ['meta mark set meta mark ^ 0x00004000', [{ kind: 'set-mark', value: 0x4000, mask: 0 }]],
    ['meta mark set meta mark & 0xffff0001 | 0x00000001', [{ kind: 'set-mark', value: 1, mask: 0xffff }]],
    ['meta mark set 0x00000001', [{ kind: 'set-mark', value: 1, mask: 0xffffffff }]],
    ['masquerade fully-random', [{ kind: 'masquerade' }]],
    ['notrack', [{ kind: 'untrack' }]],
    ['update @affinity-x/y { ip saddr }', [{ kind: 'remember', set: 'affinity-x/y', seconds: null }]],
    ['add @affinity-x/y { ip6 saddr timeout 5m }', [{ kind: 'remember', set: 'affinity-x/y', seconds: 300 }]],
    ['dnat to 10.0.0.1:80', [{ kind: 'dnat', choices: [{ part: 1, value: { address: '10.0.0.1', port: 80 } }] }]],
    [
      'dnat ip6 to [fd00::1]:80 random,persistent',
      [{ kind: 'dnat', choices: [{ part: 1, value: { address: 'fd00::1', port: 80 } }] }],
    ],
    [
      'dnat ip to numgen random mod 4 map { 0 : 10.0.0.1 . 80, 2-3 : 10.0.0.2 . 81 }',
      [
        {
          kind: 'dnat',
          choices: [
            { part: 0.25, value: { address: '10.0.0.1', port: 80 } },
            { part: 0.5, value: { address: '10.0.0.2', port: 81 } },
          ],
        },
      ],
    ],
    [
      'numgen random mod 2 offset 1 vmap { 1 : jump a, 7 : drop }',
      [{ kind: 'chance', choices: [{ part: 0.5, value: { kind: 'jump', chain: 'a' } }] }],
    ],
  ])('%s', (text, steps) => {
    expect(stepsOf(text)).toEqual(steps);
  });
});

describe('what is not understood', () => {
  it.each([
    'tcp flags syn drop',
    'ct state vmap { established : drop, new : accept }',
    'jhash ip saddr mod 2 vmap { 0 : drop, 1 : accept }',
    'meta mark set ct mark',
    'dnat to 10.0.0.1-10.0.0.4:80-90',
    'dnat ip to ip daddr . tcp dport map { 1.1.1.1 . 80 : 2.2.2.2 . 90 }',
    'redirect to :80',
    'ip saddr host.example accept',
    'ip daddr { 10.0.0.1',
    'numgen random mod 0 vmap { 0 : accept }',
    'xt match "comment"',
  ])('%s ends in an unreadable step', (text) => {
    expect(readRule(text).steps.at(-1)?.kind).toBe('unreadable');
  });

  it('what stands before it holds', () => {
    expect(stepsOf('ip daddr 10.0.0.1 tcp flags syn drop')).toEqual([
      'asks destination 10.0.0.1',
      { kind: 'unreadable', reason: 'unreadable-rule' },
    ]);
  });
});
