import { describe, expect, it } from 'vitest';
import { everyone, excerpt, forwardTo, nodeView, rejected, structure } from '../../test/view-builders.ts';
import { duplicateRules } from './duplicate-rules.ts';

const web = 'tcp 10.96.27.42:80';
const typo = 'tcp 10.96.159.119:80';
const owners = { [web]: 'shop/web', [typo]: 'shop/typo' };
const rows = [
  [web, everyone(forwardTo('10.244.1.2:8080'))],
  [typo, everyone(rejected)],
] as const;

function found(table: string, chain: string, rest: string, count = 2) {
  const rule = { table, chain, rule: `-A ${chain} ${rest}`, count };
  const structures = [structure({ duplicateRules: excerpt(rule) })];
  return duplicateRules.evaluate(nodeView({ desired: rows, observed: rows, owners, structures }));
}

describe('duplicate-rules', () => {
  it('the entry of a service stands twice: the service is named by the hash in the target', () => {
    const rest =
      '-d 10.96.27.42/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-E3PXEPMWAWIUT6ZV';
    expect(found('nat', 'KUBE-SERVICES', rest)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'web', port: '', protocol: 'tcp' },
        summary: 'A rule of shop/web stands 2 times in chain KUBE-SERVICES on node-a.',
        evidence: [
          { kind: 'rule', table: 'nat', rule: `-A KUBE-SERVICES ${rest}`, note: '2 times (iptables-nft, ipv4)' },
          { kind: 'fact', name: 'rules with copies on this node', value: '1' },
        ],
        remediation: [
          { command: `iptables-nft -t nat -D KUBE-SERVICES ${rest}` },
          { command: expect.stringContaining('delete pod') },
        ],
        frontends: [],
      },
    ]);
  });

  it('a refusal has no chain of its own: the service is named by what the rule matches', () => {
    const rest = '-d 10.96.159.119/32 -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable';
    expect(found('filter', 'KUBE-SERVICES', rest).map(({ subject }) => subject)).toEqual([
      { kind: 'Service', namespace: 'shop', name: 'typo', port: '', protocol: 'tcp' },
    ]);
  });

  it('a rule of an endpoint is named by its comment, if that is a known service', () => {
    const rest = '-s 10.244.1.2/32 -m comment --comment "shop/web" -j KUBE-MARK-MASQ';
    expect(found('nat', 'KUBE-SEP-QIUCSNVBF37BQB4U', rest).map(({ subject }) => subject)).toMatchObject([
      { name: 'web' },
    ]);
  });

  it('a base jump that grew is its own subject', () => {
    const violations = found('filter', 'INPUT', '-j KUBE-FIREWALL', 73);
    expect(violations.map(({ subject, summary }) => ({ subject, summary }))).toEqual([
      {
        subject: { kind: 'Rule', name: 'filter -A INPUT -j KUBE-FIREWALL' },
        summary: 'A rule stands 73 times in chain INPUT on node-a.',
      },
    ]);
  });

  it('a rule that a shell would act on is shown but not made a command', () => {
    const rest = '-m comment --comment "$(reboot)" -j KUBE-FIREWALL';
    expect(found('filter', 'INPUT', rest).flatMap(({ remediation }) => remediation)).toHaveLength(1);
  });

  it('no rule stands twice', () => {
    expect(duplicateRules.evaluate(nodeView())).toEqual([]);
  });
});
