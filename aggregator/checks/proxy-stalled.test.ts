import { describe, expect, it } from 'vitest';
import type { KubeProxyReport, Part } from '../../proto/parts.ts';
import { everyone, forwardTo, frontend, kubeProxy, nodeView, silentKubeProxy } from '../../test/view-builders.ts';
import type { Staleness } from '../model/check.ts';
import { proxyStalled } from './proxy-stalled.ts';

const old = everyone(forwardTo('10.244.1.2:8080'));
const current = everyone(forwardTo('10.244.3.2:8080'));

/** As recorded of a kube-proxy that is cut off from the API server (s2b, node-b), 71 s after the first change. */
const cutOff = kubeProxy({
  lastQueued: [
    { family: 'ipv4', seconds: 1795333820.5388203 },
    { family: 'ipv6', seconds: 1795333817.469616 },
  ],
  lastSync: [
    { family: 'ipv4', seconds: 1795333820.5678885 },
    { family: 'ipv6', seconds: 1795333817.6084826 },
  ],
  serviceChanges: { total: 80, increase: 0, windowSeconds: 60, reset: false },
  endpointChanges: { total: 40, increase: 0, windowSeconds: 60, reset: false },
  programmingP99Seconds: 3,
});

function between(from: string, until: string): Staleness {
  return { shows: 'past-state', from: `2026-11-22T${from}Z`, until: `2026-11-22T${until}Z` };
}

const damaged: Staleness = { shows: 'never-wanted' };

/** A node on which these Services differ, each shown as it is; `null` is not dated. */
function differing(services: Readonly<Record<string, Staleness | null>>, part: Part<KubeProxyReport> = cutOff) {
  const keys = Object.entries(services).map(([name, shown], i) => ({ name, shown, key: `tcp 10.96.0.${i + 1}:80` }));
  return nodeView({
    desired: keys.map(({ key }) => [key, current]),
    observed: keys.map(({ key }) => [key, old]),
    owners: Object.fromEntries(keys.map(({ key, name }) => [key, `${name}:http`])),
    parts: { kubeProxy: part },
    history: {
      staleness: Object.fromEntries(keys.flatMap(({ key, shown }) => (shown === null ? [] : [[key, shown]]))),
      desiredChangedAt: '2026-11-22T07:51:09.000Z',
    },
  });
}

/** Three Services that changed one after the other, and that the node serves as before the first change. */
const ofOneTime = {
  'payments/ledger': between('07:49:00', '07:51:05'),
  'shop/api': between('07:40:00', '07:51:07'),
  'payments/refunds': between('06:00:00', '07:51:09'),
};

describe('proxy-stalled', () => {
  it('three Services show the state of one moment, and kube-proxy calls itself healthy', () => {
    expect(proxyStalled.evaluate(differing(ofOneTime))).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'node-a stands still at the state of 2026-11-22T07:51:05Z: 3 Services that changed since are served as they were then, while kube-proxy calls itself healthy.',
        evidence: [
          { name: 'state of', value: '2026-11-22T07:51:05Z' },
          { name: 'Services that show it', value: '3: payments/ledger, payments/refunds and shop/api' },
          { name: '/healthz', value: 'healthy' },
          { name: 'last sync, IPv4', value: '2026-11-22T07:50:20Z, 44 s before that moment' },
          { name: 'last sync, IPv6', value: '2026-11-22T07:50:17Z, 47 s before that moment' },
          { name: 'changes of Services it heard of', value: '0 in the last 60 s, 80 since its start' },
          { name: 'changes of endpoints it heard of', value: '0 in the last 60 s, 40 since its start' },
          { name: 'the API last changed what it should do', value: '2026-11-22T07:51:09Z' },
        ],
        frontends: [frontend('tcp 10.96.0.1:80'), frontend('tcp 10.96.0.2:80'), frontend('tcp 10.96.0.3:80')],
        explains: [frontend('tcp 10.96.0.1:80'), frontend('tcp 10.96.0.2:80'), frontend('tcp 10.96.0.3:80')],
      },
    ]);
  });

  it('also where kube-proxy has synced since: it lost what changed', () => {
    const synced = kubeProxy({ lastSync: [{ family: 'ipv4', seconds: 1795333936 }] });
    const [violation] = proxyStalled.evaluate(differing(ofOneTime, synced));
    expect(violation?.evidence).toContainEqual({
      kind: 'fact',
      name: 'last sync, IPv4',
      value: '2026-11-22T07:52:16Z, 71 s after that moment',
    });
  });

  it('damage beside does not hide it, and is not explained by it', () => {
    const [violation] = proxyStalled.evaluate(differing({ 'shop/web': damaged, ...ofOneTime, 'shop/cart': damaged }));
    expect(violation?.explains).toEqual(['tcp 10.96.0.2:80', 'tcp 10.96.0.3:80', 'tcp 10.96.0.4:80']);
    expect(violation?.evidence).toContainEqual({
      kind: 'fact',
      name: 'differ for another reason',
      value: '2 frontends',
    });
  });

  it('one Service that happens to look like long ago does not hide it either', () => {
    const [violation] = proxyStalled.evaluate(
      differing({
        'shop/web': between('05:00:00', '06:30:00'),
        ...ofOneTime,
        'shop/api': between('07:00:00', '07:51:07'),
      }),
    );
    expect(violation?.explains).toEqual(['tcp 10.96.0.2:80', 'tcp 10.96.0.3:80', 'tcp 10.96.0.4:80']);
  });

  it('what cannot be dated speaks neither for nor against it', () => {
    const undated = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`shop/s${i}`, null]));
    const [violation] = proxyStalled.evaluate(differing({ ...ofOneTime, ...undated }));
    expect(violation?.frontends).toHaveLength(3);
  });

  it('/healthz is not needed where the metrics answer', () => {
    const moved = kubeProxy({ healthz: 'silent', livez: 'silent' });
    expect(proxyStalled.evaluate(differing(ofOneTime, moved)).map(({ summary }) => summary)).toEqual([
      'node-a stands still at the state of 2026-11-22T07:51:05Z: 3 Services that changed since are served as they were then, while kube-proxy answers.',
    ]);
  });

  const twoServices = {
    'payments/ledger': ofOneTime['payments/ledger'],
    'shop/api': ofOneTime['shop/api'],
  };
  it.each([
    ['a node in sync', differing({})],
    ['two Services: chance may do that', differing(twoServices)],
    [
      'three that show three times, one after the other',
      differing({
        'shop/a': between('05:00:00', '06:00:00'),
        'shop/b': between('06:00:01', '07:00:00'),
        'shop/c': between('07:00:01', '07:51:05'),
      }),
    ],
    ['three that were damaged', differing({ 'shop/a': damaged, 'shop/b': damaged, 'shop/c': damaged })],
    [
      'more that were damaged than stand still',
      differing({ ...ofOneTime, 'd/a': damaged, 'd/b': damaged, 'd/c': damaged, 'd/d': damaged }),
    ],
    ['kube-proxy is silent', differing(ofOneTime, silentKubeProxy())],
    [
      'kube-proxy calls itself unhealthy',
      differing(ofOneTime, kubeProxy({ healthz: 'unhealthy', livez: 'unhealthy' })),
    ],
    [
      'its syncs fail',
      differing(
        ofOneTime,
        kubeProxy({
          syncFailures: [
            {
              family: 'ipv4',
              what: 'iptables-restore',
              counter: { total: 1, increase: 1, windowSeconds: 60, reset: false },
            },
          ],
        }),
      ),
    ],
    [
      'its syncs are overdue',
      differing(
        ofOneTime,
        kubeProxy({
          lastQueued: [{ family: 'ipv4', seconds: 1795332000 }],
          lastSync: [{ family: 'ipv4', seconds: 1795320000 }],
        }),
      ),
    ],
  ])('%s: nothing', (_, view) => {
    expect(proxyStalled.evaluate(view)).toEqual([]);
  });

  it('many frontends of one Service are one Service', () => {
    const view = differing(ofOneTime);
    const owner = view.owners.get(frontend('tcp 10.96.0.1:80'));
    const owners = new Map(
      [...view.owners.keys()].flatMap((key) => (owner === undefined ? [] : [[key, owner] as const])),
    );
    expect(proxyStalled.evaluate({ ...view, owners })).toEqual([]);
  });
});
