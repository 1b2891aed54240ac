import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import type { RuleLine } from '../../proto/parts.ts';
import { rulesMet } from './met-rules.ts';

/** What node-b of the recording s1-healthy shows for node port 30080, without comments. */
const nodePort = [
  '-A PREROUTING -j KUBE-SERVICES',
  '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
  '-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-EXT-1',
  '-A KUBE-EXT-1 -s 10.244.2.0/24 -m comment --comment "pod traffic for edge/ingress:http" -j KUBE-SVC-1',
  '-A KUBE-SVC-1 -m statistic --mode random --probability 0.5 -j KUBE-SEP-A',
  '-A KUBE-SEP-A -p tcp -m tcp -j DNAT --to-destination 10.244.1.9:80',
  '-A KUBE-SVC-1 -j KUBE-SEP-B',
  '-A KUBE-SEP-B -s 10.244.2.9/32 -j KUBE-MARK-MASQ',
  '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
  '-A KUBE-SEP-B -p tcp -m tcp -j DNAT --to-destination 10.244.2.9:80',
  '-A KUBE-EXT-1 -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
  '-A KUBE-EXT-1 -m addrtype --src-type LOCAL -j KUBE-SVC-1',
  '-A KUBE-EXT-1 -j KUBE-SVL-1',
  '-A KUBE-SVL-1 -j KUBE-SEP-B',
  '-A OUTPUT -j KUBE-SERVICES',
].map((rule) => line('nat', rule.split(' ')[1] ?? '', rule));

function line(table: string, chain: string, rule: string): RuleLine {
  return { table, chain, rule };
}

const met = (origin: 'pod' | 'node' | 'outside', source: string | null, lines = nodePort) =>
  rulesMet(lines, { origin, source: source === null ? null : address(source) }).map(({ rule }) => rule);
const [toServices, toPorts, toExt, ofPods, half, toA, other, ofItself, mark, toB, masked, own, toLocal, local, output] =
  nodePort.map(({ rule }) => rule);

describe('of the rules for a frontend', () => {
  it.each<readonly [string, 'pod' | 'node' | 'outside', string, readonly (string | undefined)[]]>([
    ['a client outside meets those of local endpoints', 'outside', '192.0.2.9', [toLocal, local, toB]],
    ['a pod of the node meets those for pods', 'pod', '10.244.2.2', [ofPods, half, toA, other, toB, toLocal, local]],
    [
      'an endpoint meets the one for itself, too',
      'pod',
      '10.244.2.9',
      [ofPods, half, toA, other, ofItself, mark, toB, toLocal, local],
    ],
  ])('%s', (_, origin, source, rest) => {
    expect(met(origin, source)).toEqual([toServices, toPorts, toExt, ...rest]);
  });

  it('the node itself begins at its own hook, and meets those for itself', () => {
    expect(met('node', '192.168.100.12')).toEqual([
      ...[output, toPorts, toExt, masked, mark, own, half, toA, other, toB, toLocal, local],
    ]);
  });

  it('those for some sources stay where the source is not known', () => {
    expect(met('pod', null)).toContain(ofPods);
  });

  it('by nft are told by their sources, too', () => {
    const chain = 'service-1';
    const [pods, others, any] = [
      line('ip kube-proxy', chain, 'ip saddr 10.244.2.0/24 goto endpoint-a'),
      line('ip kube-proxy', chain, 'ip saddr != 10.244.2.0/24 jump mark-for-masquerade'),
      line('ip kube-proxy', chain, 'numgen random mod 1 vmap { 0 : goto endpoint-b }'),
    ];
    const ends = ['a', 'b'].map((name) => line('ip kube-proxy', `endpoint-${name}`, `dnat to 10.244.1.${name}`));
    const lines = [pods, others, any, ...ends].filter((one) => one !== undefined);
    expect(met('pod', '10.244.2.2', lines)).toEqual([pods?.rule, ends[0]?.rule, any?.rule, ends[1]?.rule]);
    expect(met('outside', '192.0.2.1', lines)).toEqual([others?.rule, any?.rule, ends[1]?.rule]);
  });
});
