import { describe, expect, it } from 'vitest';
import type { PodForwarding } from '../../proto/parts.ts';
import { pod } from '../../test/builders.ts';
import { nodeView, objects, prefix, reported, structure, type ViewSketch } from '../../test/view-builders.ts';
import { forwardDropped } from './forward-dropped.ts';

const pods = prefix('10.244.0.0/16');
const byPolicy: PodForwarding = { fate: 'dropped', by: null, pods };

function summaries(podForwarding: PodForwarding, sketch: ViewSketch = { podCIDRs: ['10.244.1.0/24'] }) {
  const view = nodeView({ structures: [structure({ podForwarding })], ...sketch });
  return forwardDropped.evaluate(view).map(({ summary }) => summary);
}

// test/scenarios/built-rules.test.ts has it on recorded rules, test/published/foreign-structure.test.ts on those of others.
describe('forward-dropped', () => {
  it('nothing accepts packets among pods, and the policy is DROP', () => {
    const view = nodeView({ structures: [structure({ podForwarding: byPolicy })], podCIDRs: ['10.244.1.0/24'] });
    const accepts = (side: string) => `iptables-nft -t filter -A FORWARD ${side} 10.244.0.0/16 -j ACCEPT`;
    expect(forwardDropped.evaluate(view)).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'node-a drops new connections among pods instead of forwarding them: the policy of FORWARD is DROP (ipv4).',
        evidence: [
          {
            kind: 'fact',
            name: 'FORWARD (iptables-nft)',
            value: 'policy DROP, and no rule before it accepts packets from and to 10.244.0.0/16',
          },
        ],
        remediation: [
          expect.objectContaining({ command: accepts('-s') }),
          expect.objectContaining({ command: accepts('-d') }),
        ],
        frontends: [],
      },
    ]);
  });

  it('a rule drops them: it is shown', () => {
    const by = { table: 'filter', chain: 'HARDENED', rule: '-A HARDENED -j DROP' };
    const view = nodeView({
      structures: [structure({ podForwarding: { fate: 'dropped', by, pods: 'any' } })],
      podCIDRs: ['10.244.1.0/24'],
    });
    const [found] = forwardDropped.evaluate(view);
    expect([found?.summary, found?.evidence]).toEqual([
      'node-a drops new connections among pods instead of forwarding them: a rule of HARDENED drops them (ipv4).',
      [{ kind: 'rule', table: 'filter', rule: by.rule, note: 'drops packets from and to any address (iptables-nft)' }],
    ]);
  });

  it.each([{ fate: 'accepted' }, { fate: 'unknown', reason: 'interface-dependent' }] as const)(
    'is not said where the fate is $fate',
    (fate) => {
      expect(summaries(fate)).toEqual([]);
    },
  );

  it('is not said of a family in which the node has no pods', () => {
    const structures = [structure({ family: 'ipv6', podForwarding: { ...byPolicy, pods: 'any' } })];
    expect(forwardDropped.evaluate(nodeView({ structures, podCIDRs: ['10.244.1.0/24'] }))).toEqual([]);
  });

  it('counts only pods that run here with a network of their own, where pods are known', () => {
    const here = pod('shop/web-0', 'node-a', '10.244.1.2');
    const said = (...known: readonly ReturnType<typeof pod>[]) =>
      summaries(byPolicy, { objects: objects({ pods: known }), podCIDRs: ['10.244.1.0/24'] }).length;
    expect(said(here)).toBe(1);
    expect(said({ ...here, hostNetwork: true }, { ...here, phase: 'Succeeded' }, { ...here, nodeName: 'node-b' })).toBe(
      0,
    );
  });

  it("is not said where the pods' packets pass another dataplane than the kernel's", () => {
    const ebpfProxy = reported({ proxy: 'cilium', replacesKubeProxy: false, signs: [], unreadBecause: null } as const);
    expect(summaries(byPolicy, { podCIDRs: ['10.244.1.0/24'], parts: { ebpfProxy } })).toEqual([]);
  });
});
