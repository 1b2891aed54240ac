import { describe, expect, it } from 'vitest';
import { nodeView, structure } from '../../../test/view-builders.ts';
import { deleteRule, insertJump, keepRules, restartKubeProxy, shellWord } from './remedies.ts';

describe('commands', () => {
  it.each([
    ['node-b', 'node-b'],
    ['ip-10-0-0-1.ec2.internal', 'ip-10-0-0-1.ec2.internal'],
    ['a b', "'a b'"],
    ["x';reboot;'", "'x'\\'';reboot;'\\'''"],
    ['$(reboot)', "'$(reboot)'"],
    ['', "''"],
  ])('%s becomes the shell word %s', (text, word) => {
    expect(shellWord(text)).toBe(word);
  });

  it('a node name is one word of the command', () => {
    expect(restartKubeProxy('n;reboot').command).toBe(
      "kubectl -n kube-system delete pod --field-selector spec.nodeName='n;reboot' -l k8s-app=kube-proxy",
    );
  });

  it('the rules of every backend and family in use are kept', () => {
    const structures = [
      structure({ backend: 'legacy' }),
      structure({ backend: 'legacy', family: 'ipv6' }),
      structure({ backend: 'nft', hasServiceRules: false }),
    ];
    expect(keepRules(nodeView({ structures })).command).toBe(
      '(iptables-legacy-save; ip6tables-legacy-save) > rules-before-repair.txt',
    );
  });

  it('a jump of table filter is put back as kube-proxy writes it', () => {
    expect(insertJump('legacy', 'ipv6', { table: 'filter', from: 'FORWARD', to: 'KUBE-SERVICES' }).command).toBe(
      'ip6tables-legacy -t filter -I FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    );
  });

  it.each([
    '-A KUBE-SERVICES -m comment --comment "`reboot`" -j X',
    '-A KUBE-SERVICES -m comment --comment "a\\" ; reboot" -j X',
    '-A KUBE-SERVICES -j X > /etc/passwd',
    '-A KUBE-SERVICES -j X\nreboot',
    '-A KUBE-SERVICES -j X; reboot',
    '-A KUBE-SERVICES -m comment --comment "open',
    '-D KUBE-SERVICES -j X',
  ])('the rule %j makes no command', (rule) => {
    expect(deleteRule('nft', 'ipv4', { table: 'nat', chain: 'KUBE-SERVICES', rule })).toEqual([]);
  });

  it('a rule as kube-proxy writes it makes one', () => {
    const rule = '-A KUBE-SVC-A ! -s 10.244.0.0/16 -m comment --comment "shop/web -> 10.244.1.2:80" -j KUBE-MARK-MASQ';
    expect(
      deleteRule('nft', 'ipv4', { table: 'nat', chain: 'KUBE-SVC-A', rule }).map(({ command }) => command),
    ).toEqual([`iptables-nft -t nat -D ${rule.slice(3)}`]);
  });
});
