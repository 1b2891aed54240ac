import { describe, expect, it } from 'vitest';
import type { ProxyTraces } from '../../proto/parts.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import { nodeView, reported, structure } from '../../test/view-builders.ts';
import { leftoverProxyRules } from './leftover-proxy-rules.ts';

const noTraces: ProxyTraces = { iptables: false, nftables: false, ipvs: false };

function found(mode: NodeProfile['mode'], traces: Partial<ProxyTraces>) {
  const parts = { proxyTraces: reported({ ...noTraces, ...traces }) };
  return leftoverProxyRules.evaluate(nodeView({ profile: { mode }, parts, structures: [structure()] }));
}

describe('leftover-proxy-rules', () => {
  it('an iptables kube-proxy beside the table of an nftables one', () => {
    expect(found({ value: 'iptables', source: 'proxyMode' }, { iptables: true, nftables: true })).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary: 'node-a runs kube-proxy in iptables mode but the kernel still holds the nftables table kube-proxy.',
        evidence: [
          { kind: 'fact', name: 'running mode', value: 'iptables (from proxyMode)' },
          { kind: 'fact', name: 'left over', value: 'the nftables table kube-proxy' },
        ],
        frontends: [],
      },
    ]);
  });

  it('an nftables kube-proxy beside service chains in iptables', () => {
    const violations = found({ value: 'nftables', source: 'configz' }, { iptables: true, nftables: true });
    expect(violations.map(({ summary, evidence }) => ({ summary, last: evidence.at(-1) }))).toEqual([
      {
        summary: 'node-a runs kube-proxy in nftables mode but the kernel still holds service chains in iptables.',
        last: { kind: 'fact', name: 'iptables-nft, ipv4', value: '80 rules of kube-proxy in nat' },
      },
    ]);
  });

  it('Cilium took over and two old modes were left', () => {
    const violations = found({ value: 'cilium', source: 'configz' }, { iptables: true, ipvs: true });
    expect(violations.map(({ summary }) => summary)).toEqual([
      "node-a runs Cilium in kube-proxy's place but the kernel still holds service chains in iptables and virtual servers of IPVS.",
    ]);
  });

  it('host ports in an iptables-nft table beside an nftables kube-proxy leave no trace of a proxy', () => {
    expect(found({ value: 'nftables', source: 'proxyMode' }, { nftables: true })).toEqual([]);
  });

  it('a mode that was only guessed from the rules, or is unknown, accuses nobody', () => {
    const both = { iptables: true, nftables: true };
    expect([
      found({ value: 'iptables', source: 'rules' }, both),
      found({ source: 'unknown', reason: 'kube-proxy is silent' }, both),
    ]).toEqual([[], []]);
  });
});
