import { describe, expect, it } from 'vitest';
import type { MarkRule } from '../../proto/parts.ts';
import { everyone, excerpt, forwardTo, forwardWith, frontend, nodeView, structure } from '../../test/view-builders.ts';
import { markCollision } from './mark-collision.ts';

const web = 'tcp 10.96.0.1:80';
const served = everyone(forwardTo('10.244.1.2:8080'));
const masqueraded = everyone(forwardWith(['10.244.1.2:8080'], { dress: { masquerade: 'always' } }));
const sets: MarkRule = {
  table: 'mangle',
  chain: 'PREROUTING',
  rule: '-A PREROUTING -i tun0 -j MARK --set-xmark 0x4000/0x4000',
  effect: 'sets',
};

// test/scenarios/built-rules.test.ts has it on recorded rules; which rules collide is agent/dataplane/surroundings.test.ts.
describe('mark-collision', () => {
  it("a foreign rule sets kube-proxy's mark: the cause of masquerading that nobody asked for", () => {
    const view = nodeView({
      desired: [[web, served]],
      observed: [[web, masqueraded]],
      structures: [structure({ markRules: excerpt(sets) })],
    });
    expect(markCollision.evaluate(view)).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary: "1 foreign rule on node-a sets 0x4000, kube-proxy's mark for packets to be masqueraded.",
        evidence: [
          { kind: 'fact', name: "kube-proxy's mark", value: '0x4000 (masqueradeBit 14)' },
          { kind: 'rule', table: 'mangle', rule: sets.rule, note: 'sets the mark (iptables-nft)' },
        ],
        remediation: [
          expect.objectContaining({ command: 'kubectl -n kube-system edit configmap kube-proxy' }),
          expect.objectContaining({ command: expect.stringContaining('delete pod') }),
        ],
        frontends: [frontend(web)],
        explains: [frontend(web)],
      },
    ]);
  });

  it("has Calico's own setting where the rule is Calico's, and counts in nftables mode as well", () => {
    const profile = { mode: { value: 'nftables', source: 'proxyMode' } } as const;
    const clears: MarkRule = { ...sets, chain: 'cali-FORWARD', effect: 'clears' };
    const structures = [structure({ hasServiceRules: false, markRules: excerpt(clears) })];
    const [found] = markCollision.evaluate(nodeView({ profile, structures }));
    expect(found?.remediation[0]?.command).toBe(
      `kubectl patch felixconfiguration default --type merge -p '{"spec":{"iptablesMarkMask":4294901760}}'`,
    );
  });

  it('nobody changes it: nothing is said', () => {
    expect(markCollision.evaluate(nodeView())).toEqual([]);
  });

  it('a proxy that replaces kube-proxy sets no such mark: nothing is said', () => {
    const profile = { mode: { value: 'cilium', source: 'addresses' } } as const;
    const structures = [structure({ hasServiceRules: false, markRules: excerpt(sets) })];
    expect(markCollision.evaluate(nodeView({ profile, structures }))).toEqual([]);
  });
});
