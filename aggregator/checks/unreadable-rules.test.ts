import { describe, expect, it } from 'vitest';
import { everyone, excerpt, forwardTo, frontend, nodeView, structure, unreadable } from '../../test/view-builders.ts';
import { unreadableRules } from './unreadable-rules.ts';

const web = 'tcp 10.96.0.1:80';
const line = {
  table: 'nat',
  chain: 'PREROUTING',
  rule: '-A PREROUTING -m addrtype [unsupported revision] -j KUBE-SERVICES',
};
const structures = [structure({ unreadableRules: excerpt(line) })];
const desired = [[web, everyone(forwardTo('10.244.1.2:8080'))]] as const;

describe('unreadable-rules', () => {
  it('a rule before the services cannot be read, and makes frontends unknown', () => {
    const view = nodeView({ desired, observed: [[web, everyone(unreadable('unreadable-rule'))]], structures });
    expect(unreadableRules.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary: 'On node-a 1 rule could not be read: 1 frontend cannot be judged.',
        evidence: [
          { kind: 'rule', table: 'nat', rule: line.rule, note: 'not readable (iptables-nft, ipv4)' },
          { kind: 'fact', name: 'unknown: unreadable-rule', value: web },
        ],
        frontends: [frontend(web)],
      },
    ]);
  });

  it('a rule that no service packet meets is low', () => {
    const view = nodeView({ desired, observed: desired, structures });
    expect(unreadableRules.evaluate(view).map(({ summary, severity }) => ({ summary, severity }))).toEqual([
      { summary: 'On node-a 1 rule could not be read: no service address is touched.', severity: 'low' },
    ]);
  });

  it('frontends that are unknown for another reason are not its matter', () => {
    const view = nodeView({ desired, observed: [[web, everyone(unreadable('order-not-visible'))]] });
    expect(unreadableRules.evaluate(view)).toEqual([]);
  });
});
