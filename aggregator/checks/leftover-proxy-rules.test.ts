import { describe, expect, it } from 'vitest';
import type { NodeParts, ProxyTraces } from '../../proto/parts.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import type { Drift } from '../model/drift.ts';
import {
  ebpfProxy,
  entry,
  everyone,
  forwardTo,
  frontend,
  nftablesStructure,
  nodeView,
  reported,
  silentKubeProxy,
  structure,
  unreadable,
} from '../../test/view-builders.ts';
import { leftoverProxyRules } from './leftover-proxy-rules.ts';

const noTraces: ProxyTraces = { iptables: false, nftables: false, ipvs: false };

function found(mode: NodeProfile['mode'], traces: Partial<ProxyTraces>, others: Partial<NodeParts> = {}) {
  const parts = { proxyTraces: reported({ ...noTraces, ...traces }), ...others };
  return leftoverProxyRules.evaluate(nodeView({ profile: { mode }, parts, structures: [structure()] }));
}

function ipvs(virtualServers: number): Partial<NodeParts> {
  const none = { total: 0, first: [] };
  const lists = { drained: none, unboundServers: none, idleAddresses: none };
  return {
    ipvs: reported({ virtualServers, realServers: 0, ...lists, connReuseMode: null, expireQuiescentTemplate: null }),
  };
}

const web = 'tcp 10.96.0.1:80';
const undecided: Drift = {
  kind: 'unknown',
  key: frontend(web),
  frontend: entry(web, everyone(unreadable('order-not-visible'))).frontend,
  reason: 'order-not-visible',
};
const cleanup = 'kube-proxy --cleanup';
const drain = 'kubectl drain node-a --ignore-daemonsets';

describe('leftover-proxy-rules', () => {
  it('an iptables kube-proxy beside the table of an nftables one', () => {
    const nftables = reported({ structures: [nftablesStructure({ family: 'ipv6' })] });
    expect(found({ value: 'iptables', source: 'proxyMode' }, { iptables: true, nftables: true }, { nftables })).toEqual(
      [
        {
          subject: { kind: 'Node', name: 'node-a' },
          summary: 'node-a runs kube-proxy in iptables mode but the kernel still holds the nftables table kube-proxy.',
          evidence: [
            { kind: 'fact', name: 'running mode', value: 'iptables (from proxyMode)' },
            { kind: 'fact', name: 'left over', value: 'the nftables table kube-proxy' },
            { kind: 'fact', name: 'nftables, IPv6', value: '40 rules, 60 elements' },
          ],
          remediation: [
            {
              command: 'nft delete table ip6 kube-proxy',
              effect: "Removes kube-proxy's own nftables tables; nothing else lives in them.",
            },
            {
              command: drain,
              effect: 'Moves the pods away from node-a; a reboot then removes whatever was left in the kernel.',
            },
          ],
          frontends: [],
        },
      ],
    );
  });

  it('an nftables kube-proxy beside service chains in iptables, and what they leave undecided', () => {
    const view = nodeView({
      profile: { mode: { value: 'nftables', source: 'configz' } },
      parts: { proxyTraces: reported({ ...noTraces, iptables: true, nftables: true }) },
      structures: [structure()],
    });
    const [violation, ...others] = leftoverProxyRules.evaluate({ ...view, drift: [undecided] });
    expect(others).toEqual([]);
    expect(violation?.summary).toBe(
      'node-a runs kube-proxy in nftables mode but the kernel still holds service chains in iptables; at 1 frontend it cannot be told which counts.',
    );
    expect(violation?.evidence).toContainEqual({
      kind: 'fact',
      name: 'iptables-nft, ipv4',
      value: '80 rules of kube-proxy in nat',
    });
    expect(violation?.evidence.at(-1)).toEqual({ kind: 'fact', name: 'undecided at', value: web });
    expect([violation?.frontends, violation?.explains]).toEqual([[frontend(web)], [frontend(web)]]);
    expect(violation?.remediation.map(({ command }) => command)).toEqual([cleanup, drain]);
    expect(violation?.remediation[0]?.effect).toMatch(/restart kube-proxy right afterwards\.$/);
  });

  it('virtual servers of an earlier mode beside an iptables kube-proxy', () => {
    const traces = { iptables: true, ipvs: true };
    const [violation] = found({ value: 'iptables', source: 'proxyMode' }, traces, ipvs(14));
    expect(violation?.evidence.at(-1)).toEqual({ kind: 'fact', name: 'ipvs', value: '14 virtual servers' });
  });

  it('two backends that disagree in iptables mode are the matter of mixed-backends, not of a left-over table', () => {
    const view = nodeView({
      parts: { proxyTraces: reported({ ...noTraces, iptables: true, nftables: true }) },
      structures: [structure(), structure({ backend: 'legacy' })],
      desired: [[web, everyone(forwardTo('10.244.1.2:8080'))]],
      observed: [[web, everyone(unreadable('order-not-visible'))]],
    });
    expect(leftoverProxyRules.evaluate(view).map(({ frontends }) => frontends)).toEqual([[]]);
    const alone = { ...view, parts: { ...view.parts, iptables: nodeView().parts.iptables } };
    expect(leftoverProxyRules.evaluate(alone).map(({ frontends }) => frontends)).toEqual([[frontend(web)]]);
  });

  it('Cilium took over and two old modes were left', () => {
    const cilium = ebpfProxy({ proxy: 'cilium', replacesKubeProxy: true, signs: ['link cilium_host'] });
    const [violation, ...others] = found(
      { value: 'cilium', source: 'rules' },
      { iptables: true, ipvs: true },
      { ebpfProxy: cilium, kubeProxy: silentKubeProxy() },
    );
    expect(others).toEqual([]);
    expect(violation).toMatchObject({
      summary:
        "node-a runs Cilium in kube-proxy's place but the kernel still holds service chains in iptables and virtual servers of IPVS.",
      remediation: [
        {
          command: cleanup,
          effect: 'Removes service chains in iptables and virtual servers of IPVS that kube-proxy made.',
        },
        { command: drain },
      ],
    });
    expect(violation?.evidence[0]).toEqual({ kind: 'fact', name: 'running proxy', value: 'link cilium_host' });
  });

  it('kube-proxy is silent and rules of two modes are there: one is left over, and nothing is removed on a guess', () => {
    const mode = { source: 'unknown', reason: 'kube-proxy is silent, traces of iptables and nftables' } as const;
    expect(found(mode, { iptables: true, nftables: true })).toMatchObject([
      {
        summary:
          'node-a holds service chains in iptables and the nftables table kube-proxy, of two modes of kube-proxy, which is silent: at least one is left over.',
        remediation: [{ command: drain }],
      },
    ]);
  });

  it.each([
    ['host ports in an iptables-nft table beside an nftables kube-proxy leave no trace', { nftables: true }, {}],
    [
      'an empty table of another mode takes no packet',
      { iptables: true, nftables: true },
      { nftables: reported({ structures: [nftablesStructure({ chains: 0, rules: 0, elements: 0 })] }) },
    ],
    ['a link without virtual servers takes none either', { iptables: true, ipvs: true }, ipvs(0)],
  ])('%s', (_, traces, parts) => {
    const value = 'iptables' in traces ? 'iptables' : 'nftables';
    expect(found({ value, source: 'proxyMode' }, traces, parts)).toEqual([]);
  });

  it('a mode that was only guessed from the rules accuses nobody', () => {
    const unknown = { source: 'unknown', reason: 'kube-proxy is silent' } as const;
    expect([
      found({ value: 'iptables', source: 'rules' }, { iptables: true }),
      found(unknown, { iptables: true }),
      found(unknown, { iptables: true }, { ebpfProxy: ebpfProxy({ proxy: 'cilium', signs: ['link cilium_host'] }) }),
    ]).toEqual([[], [], []]);
  });
});
