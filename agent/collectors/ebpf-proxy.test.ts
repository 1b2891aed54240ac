import { describe, expect, it } from 'vitest';
import type { EbpfProxyReport, KubeProxyReport, ProxyTraces } from '../../proto/parts.ts';
import { address } from '../../test/builders.ts';
import { kubeProxy, noParts, reported, silentKubeProxy } from '../../test/view-builders.ts';
import type { CiliumReading } from './cilium.ts';
import { nothingRead } from './dataplane-reading.ts';
import { describeEbpfProxy, type ProxySigns, showsCilium } from './ebpf-proxy.ts';

interface Sketch {
  readonly links?: readonly string[];
  /** `kube-dummy-if 10.96.0.1`. */
  readonly addresses?: readonly string[];
  readonly chains?: readonly string[];
  readonly plugins?: readonly string[];
  readonly kubeProxy?: Partial<KubeProxyReport> | 'silent';
  readonly traces?: Partial<ProxyTraces>;
  readonly cilium?: Pick<CiliumReading, 'replacesKubeProxy' | 'unreadBecause'>;
}

const now = () => new Date('2026-11-22T08:00:00Z');
const noSocket = 'GET http://cilium.sock/v1/service: /var/run/cilium/cilium.sock is not there';

function signsOf(sketch: Sketch): ProxySigns {
  const addresses = (sketch.addresses ?? []).map((text) => {
    const [link = '', ip = ''] = text.split(' ');
    return { link, address: address(ip), prefixLength: 32 };
  });
  const part = sketch.kubeProxy === 'silent' ? silentKubeProxy() : kubeProxy(sketch.kubeProxy ?? {});
  const plugins = sketch.plugins ?? [];
  return {
    addresses: reported({ addresses, links: sketch.links ?? [] }),
    cni: reported({
      configurations: [{ file: '05-cni.conflist', network: 'net', plugins, settings: [], problem: null }],
      reservations: { total: 0, first: [] },
      results: { total: 0, first: [] },
      pluginFolders: [],
    }),
    chains: sketch.chains ?? [],
    kubeProxy: { part, configuration: null },
    proxyTraces: reported({ iptables: false, nftables: false, ipvs: false, ...sketch.traces }),
  };
}

function found(sketch: Sketch): EbpfProxyReport {
  const signs = signsOf(sketch);
  const word = sketch.cilium ?? { replacesKubeProxy: null, unreadBecause: noSocket };
  const part = describeEbpfProxy(signs, showsCilium(signs) ? { ...nothingRead, ...word } : null, now);
  if (part.state !== 'ok') throw new Error(part.state);
  return part.value;
}

const beside = { traces: { iptables: true } } as const;
const ciliumLinks = ['lo', 'eth0', 'cilium_net', 'cilium_host', 'lxc12'];

describe('Cilium', () => {
  it('in place of a kube-proxy that is silent and left nothing', () => {
    expect(found({ links: ciliumLinks, plugins: ['cilium-cni'], kubeProxy: 'silent' })).toEqual({
      proxy: 'cilium',
      replacesKubeProxy: true,
      signs: ['link cilium_host', 'link cilium_net', 'CNI plugin cilium-cni'],
      unreadBecause: noSocket,
    });
  });

  it('beside a kube-proxy that answers', () => {
    const chains = ['filter CILIUM_FORWARD', 'nat CILIUM_POST_nat'];
    expect(found({ links: ciliumLinks, chains, ...beside })).toMatchObject({
      proxy: 'cilium',
      replacesKubeProxy: false,
      signs: ['link cilium_host', 'link cilium_net', 'chain filter CILIUM_FORWARD', 'chain nat CILIUM_POST_nat'],
    });
  });

  it('beside the rules of a silent kube-proxy: down, or replaced, cannot be told', () => {
    expect(found({ links: ciliumLinks, kubeProxy: 'silent', ...beside }).replacesKubeProxy).toBeNull();
  });

  it("that answers on kube-proxy's health port in its place is no kube-proxy", () => {
    const kubeProxy = { healthz: 'healthy', metricsAnswered: false, mode: null, version: null } as const;
    expect(found({ links: ciliumLinks, kubeProxy }).replacesKubeProxy).toBe(true);
  });

  it.each([true, false])('by its own word, whatever else shows (%s)', (replacesKubeProxy) => {
    const cilium = { replacesKubeProxy, unreadBecause: null };
    const reports = [
      found({ links: ciliumLinks, cilium, ...beside }),
      found({ links: ciliumLinks, cilium, kubeProxy: 'silent', ...beside }),
    ];
    expect(reports.map((one) => one.replacesKubeProxy)).toEqual([replacesKubeProxy, replacesKubeProxy]);
    expect(reports.map((one) => one.unreadBecause)).toEqual([null, null]);
  });

  it('that is only configured is not there yet', () => {
    expect(found({ plugins: ['cilium-cni'], kubeProxy: 'silent' }).proxy).toBeNull();
  });
});

describe('another proxy', () => {
  it.each([
    ['Calico, eBPF mode', { links: ['bpfin.cali', 'bpfout.cali'] }, 'calico', true],
    [
      'kube-router with addresses of Services',
      { links: ['kube-dummy-if'], addresses: ['kube-dummy-if 10.96.0.1'] },
      'kube-router',
      true,
    ],
    ['kube-router, by its chains', { chains: ['filter KUBE-ROUTER-SERVICES'] }, 'kube-router', true],
    ['Antrea with proxyAll', { links: ['antrea-gw0'], chains: ['nat ANTREA-PREROUTING'] }, 'antrea', true],
    ['OVN-Kubernetes', { links: ['ovn-k8s-mp0'], kubeProxy: 'silent' }, 'ovn-kubernetes', true],
  ] as const)('%s', (_, sketch, proxy, replacesKubeProxy) => {
    expect(found(sketch)).toMatchObject({
      proxy,
      replacesKubeProxy,
      unreadBecause: 'Plumbline has no reader for its tables',
    });
  });

  it.each([
    ['Antrea beside kube-proxy', { links: ['antrea-gw0'], chains: ['raw ANTREA-OUTPUT'], ...beside }, 'antrea', false],
    [
      'Antrea beside a kube-proxy that is down',
      { links: ['antrea-gw0'], kubeProxy: 'silent', ...beside },
      'antrea',
      false,
    ],
    [
      'Antrea, and neither kube-proxy nor its own chains',
      { links: ['antrea-gw0'], kubeProxy: 'silent' },
      'antrea',
      null,
    ],
    ['the link of kube-router, without addresses', { links: ['kube-dummy-if'], ...beside }, 'kube-router', false],
    [
      'link-local addresses are none',
      { links: ['kube-dummy-if'], addresses: ['kube-dummy-if fe80::1'] },
      'kube-router',
      false,
    ],
  ] as const)('that is none here: %s', (_, sketch, proxy, replacesKubeProxy) => {
    expect(found(sketch)).toMatchObject({ proxy, replacesKubeProxy });
  });

  it.each([
    ['Calico in its other modes', { links: ['vxlan.calico', 'cali1234'], chains: [] }],
    ["k3s, with kube-router's policies alone", { links: ['flannel.1', 'cni0'], chains: [] }],
  ])('does not show itself: %s', (_, sketch) => {
    expect(found({ ...sketch, ...beside })).toEqual({
      proxy: null,
      replacesKubeProxy: null,
      signs: [],
      unreadBecause: null,
    });
  });

  it('that serves comes before a plugin that does not', () => {
    const links = ['cilium_host', 'kube-dummy-if'];
    expect(found({ links, addresses: ['kube-dummy-if 10.96.0.1'], ...beside }).proxy).toBe('kube-router');
  });
});

describe('a node of which nothing was recorded', () => {
  it('tells of no other proxy', () => {
    const { addresses, cni, proxyTraces, kubeProxy: part } = noParts;
    const signs = { addresses, cni, proxyTraces, chains: [], kubeProxy: { part, configuration: null } };
    expect(describeEbpfProxy(signs, null, now)).toEqual({ state: 'absent' });
  });
});
