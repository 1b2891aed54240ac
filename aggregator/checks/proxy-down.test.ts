import { describe, expect, it } from 'vitest';
import {
  everyone,
  forwardTo,
  frontend,
  kubeProxy,
  nodeView,
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
});
