import { describe, expect, it } from 'vitest';
import type { Pod } from '../model/cluster.ts';
import type { NodeParts } from '../../proto/parts.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import {
  ebpfProxy,
  everyone,
  forwardTo,
  frontend,
  kubeProxy,
  nodeView,
  objects,
  reported,
  silentKubeProxy,
} from '../../test/view-builders.ts';
import { proxyDown } from './proxy-down.ts';

const web = 'tcp 10.96.0.1:80';

describe('proxy-down', () => {
  it('both ports are silent: it accounts for all that differs already', () => {
    const view = nodeView({
      desired: [[web, everyone(forwardTo('10.244.1.2:8080'))]],
      observed: [],
      parts: { kubeProxy: silentKubeProxy() },
    });
    expect(proxyDown.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'kube-proxy on node-a answers neither on its health port nor on its metrics port; its rules no longer follow the API (already out of step: 1 frontend).',
        evidence: [
          { kind: 'fact', name: 'attempt', value: 'GET http://127.0.0.1:10256/healthz: no answer within 3 s' },
        ],
        frontends: [frontend(web)],
        explains: 'all',
      },
    ]);
  });

  it('fires on a node whose rules still match, too', () => {
    const view = nodeView({ parts: { kubeProxy: silentKubeProxy() } });
    expect(proxyDown.evaluate(view).map(({ summary }) => summary)).toEqual([
      'kube-proxy on node-a answers neither on its health port nor on its metrics port; its rules no longer follow the API.',
    ]);
  });

  it.each([
    ['healthy', kubeProxy()],
    ['unhealthy, but it answers', kubeProxy({ healthz: 'unhealthy' })],
    ['silent on the health port only', kubeProxy({ healthz: 'silent', livez: 'silent' })],
    ['silent on the metrics port only', kubeProxy({ metricsAnswered: false })],
  ])('%s: nothing', (_, part) => {
    expect(proxyDown.evaluate(nodeView({ parts: { kubeProxy: part } }))).toEqual([]);
  });

  it('a node with another proxy, or without any trace of one, is not asked for kube-proxy', () => {
    const cilium = { mode: { value: 'cilium', source: 'rules' } } as const;
    const unknown = { mode: { source: 'unknown', reason: 'no answer' } } as const;
    const parts = {
      kubeProxy: silentKubeProxy(),
      proxyTraces: reported({ iptables: false, nftables: false, ipvs: false }),
    };
    expect([
      proxyDown.evaluate(nodeView({ profile: cilium, parts })),
      proxyDown.evaluate(nodeView({ profile: unknown, parts })),
    ]).toEqual([[], []]);
  });

  describe('where it cannot be told whether kube-proxy is missing', () => {
    const unknown = { mode: { source: 'unknown', reason: 'kube-proxy is silent' } } as const;
    const none = { mode: { value: 'none', source: 'rules' } } as const;
    const traces = (iptables: boolean) => reported({ iptables, nftables: false, ipvs: false });
    const cilium = ebpfProxy({ proxy: 'cilium', signs: ['link cilium_host'] });
    const pod: Pod = {
      namespace: 'kube-system',
      name: 'kube-proxy-x7k2p',
      uid: 'uid-of-kube-proxy',
      nodeName: 'node-a',
      phase: 'Running',
      labels: { 'k8s-app': 'kube-proxy' },
      addresses: [],
      hostNetwork: true,
      ready: false,
      terminating: false,
      ports: [],
      createdAt: null,
      startedAt: null,
      runs: true,
    };
    const down = (profile: Partial<NodeProfile>, parts: Partial<NodeParts>, pods: readonly Pod[] | null = null) =>
      proxyDown
        .evaluate(nodeView({ profile, parts: { kubeProxy: silentKubeProxy(), ...parts }, objects: objects({ pods }) }))
        .map(({ state, summary }) => [state ?? 'firing', summary.replace(/^.* metrics port[,;] /, '')]);

    it('beside Cilium its rules may be left over: unknown, unless it has a pod there', () => {
      const parts = { proxyTraces: traces(true), ebpfProxy: cilium };
      expect([...down(unknown, parts), ...down(unknown, parts, [pod]), ...down(unknown, parts, [])]).toEqual([
        [
          'unknown',
          'and Cilium may serve Services in its place, so its rules are left over, or nobody keeps them up to date.',
        ],
        ['firing', 'its rules no longer follow the API.'],
        [
          'unknown',
          'and Cilium may serve Services in its place, so its rules are left over, or nobody keeps them up to date.',
        ],
      ]);
    });

    it('without any rule or sign there may be a proxy that is not known here: unknown, unless it has a pod there', () => {
      const parts = { proxyTraces: traces(false), ebpfProxy: ebpfProxy() };
      expect([
        ...down(none, parts),
        ...down(none, parts, [pod]),
        ...down(none, parts, [{ ...pod, nodeName: 'node-b' }]),
      ]).toEqual([
        [
          'unknown',
          'and there is neither a rule of it nor a sign of another proxy: who serves Services here is not known.',
        ],
        ['firing', 'none of its rules is there, so Services do not work.'],
        [
          'unknown',
          'and there is neither a rule of it nor a sign of another proxy: who serves Services here is not known.',
        ],
      ]);
    });

    it('in place of it another proxy serves: nothing, pod or not', () => {
      const ebpf = { mode: { value: 'ebpf', source: 'rules' } } as const;
      const parts = { proxyTraces: traces(true), ebpfProxy: ebpfProxy({ proxy: 'calico', replacesKubeProxy: true }) };
      expect([...down(ebpf, parts), ...down(ebpf, parts, [pod])]).toEqual([]);
    });

    it('beside it another plug-in runs: it is down, and what differs is laid to it', () => {
      const parts = { proxyTraces: traces(true), ebpfProxy: ebpfProxy({ proxy: 'antrea', replacesKubeProxy: false }) };
      expect(down({ mode: { value: 'iptables', source: 'rules' } }, parts)).toEqual([
        ['firing', 'its rules no longer follow the API.'],
      ]);
    });
  });
});
