import { describe, expect, it } from 'vitest';
import type { EbpfProxyReport, ProxyTraces } from '../proto/parts.ts';
import { kubeProxy } from '../test/view-builders.ts';
import { nothingGathered } from './collectors/index.ts';
import { modeOf } from './dataplane-mode.ts';

const noTraces = { iptables: false, nftables: false, ipvs: false };

/** Another proxy shows itself, beside these traces. */
function modeBeside(other: Partial<EbpfProxyReport>, traces: Partial<ProxyTraces> = {}) {
  const value = { proxy: null, replacesKubeProxy: null, signs: [], unreadBecause: null, ...other };
  return modeOf({
    ...nothingGathered,
    proxyTraces: { state: 'ok', value: { ...noTraces, ...traces }, collectedAt: '' },
    ebpfProxy: { state: 'ok', value, collectedAt: '' },
  });
}

describe('the mode where another proxy shows itself', () => {
  const cilium = { proxy: 'cilium', signs: ['link cilium_host'] } as const;

  it('is its own where it serves in place of kube-proxy, left-over rules or not', () => {
    const replaced = { ...cilium, replacesKubeProxy: true };
    const modes = [modeBeside(replaced), modeBeside(replaced, { iptables: true, nftables: true })];
    expect(modes).toEqual(modes.map(() => ({ value: 'cilium', source: 'rules' })));
    expect(modeBeside({ proxy: 'calico', replacesKubeProxy: true })).toEqual({ value: 'ebpf', source: 'rules' });
  });

  it("is that of kube-proxy's rules where it serves beside", () => {
    expect(modeBeside({ ...cilium, replacesKubeProxy: false }, { nftables: true })).toEqual({
      value: 'nftables',
      source: 'rules',
    });
  });

  it('is unknown where neither can be told, and says what speaks for what', () => {
    expect([modeBeside(cilium, { iptables: true }), modeBeside(cilium)]).toEqual([
      {
        source: 'unknown',
        reason:
          'kube-proxy is silent: either it is down, or cilium (link cilium_host) serves Services and the iptables rules are left over',
      },
      {
        source: 'unknown',
        reason:
          'kube-proxy is silent and left no rules; whether cilium (link cilium_host) serves Services cannot be told',
      },
    ]);
  });

  it('is told by kube-proxy wherever it speaks', () => {
    const spoken = modeOf({
      ...nothingGathered,
      kubeProxy: { part: kubeProxy({ mode: 'ipvs' }), configuration: null },
      ebpfProxy: {
        state: 'ok',
        value: { ...cilium, replacesKubeProxy: true, unreadBecause: null },
        collectedAt: '',
      },
    });
    expect(spoken).toEqual({ value: 'ipvs', source: 'proxyMode' });
  });
});

describe('the mode where kube-proxy is silent', () => {
  const modeWith = (...proxies: readonly string[]) => {
    const value = {
      iptables: proxies.includes('iptables'),
      nftables: proxies.includes('nftables'),
      ipvs: proxies.includes('ipvs'),
    };
    return modeOf({ ...nothingGathered, proxyTraces: { state: 'ok', value, collectedAt: '' } });
  };

  it('is that of the only traces there are', () => {
    expect(modeWith('ipvs')).toEqual({ value: 'ipvs', source: 'rules' });
  });

  it('is none where there are no traces', () => {
    expect(modeWith()).toEqual({ value: 'none', source: 'rules' });
  });

  it('is unknown where there are traces of two', () => {
    const reason = 'kube-proxy is silent, traces of iptables and nftables';
    expect(modeWith('iptables', 'nftables')).toEqual({ source: 'unknown', reason });
  });
});
