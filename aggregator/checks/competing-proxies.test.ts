import { describe, expect, it } from 'vitest';
import type { EbpfProxyReport, KubeProxyReport, Part } from '../../proto/parts.ts';
import { ebpfProxy, kubeProxy, nodeView, silentKubeProxy } from '../../test/view-builders.ts';
import { competingProxies } from './competing-proxies.ts';

function found(other: Partial<EbpfProxyReport>, part: Part<KubeProxyReport> = kubeProxy()) {
  return competingProxies.evaluate(nodeView({ parts: { ebpfProxy: ebpfProxy(other), kubeProxy: part } }));
}

describe('competing-proxies', () => {
  it("Calico's eBPF mode beside a kube-proxy that runs", () => {
    const signs = ['link bpfin.cali', 'link bpfout.cali'];
    const violations = found({ proxy: 'calico', replacesKubeProxy: true, signs });
    expect(violations).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary: 'node-a runs kube-proxy in iptables mode, and Calico (eBPF) serves Services there too.',
        evidence: [
          { kind: 'fact', name: 'kube-proxy', value: 'says that its mode is iptables' },
          { kind: 'fact', name: 'sign of Calico (eBPF)', value: 'link bpfin.cali' },
          { kind: 'fact', name: 'sign of Calico (eBPF)', value: 'link bpfout.cali' },
        ],
        frontends: [],
      },
    ]);
    expect(violations[0]?.remediation.map(({ command }) => command.split(' ').slice(0, 4).join(' '))).toEqual([
      'kubectl -n kube-system get',
      'kubectl -n kube-system patch',
    ]);
  });

  it('Cilium that replaces it by its own word', () => {
    expect(found({ proxy: 'cilium', replacesKubeProxy: true, signs: ['link cilium_host'] })).toHaveLength(1);
  });

  it.each([
    ['Cilium beside kube-proxy', { proxy: 'cilium', replacesKubeProxy: false } as const, kubeProxy()],
    ['Cilium of which it cannot be told', { proxy: 'cilium', replacesKubeProxy: null } as const, kubeProxy()],
    ['Cilium alone', { proxy: 'cilium', replacesKubeProxy: true } as const, silentKubeProxy()],
    ['kube-proxy alone', {}, kubeProxy()],
    [
      "Cilium that answers on kube-proxy's health port in its place",
      { proxy: 'cilium', replacesKubeProxy: true } as const,
      kubeProxy({ metricsAnswered: false, mode: null, version: null }),
    ],
  ])('%s: nothing', (_, other, part) => {
    expect(found(other, part)).toEqual([]);
  });
});
