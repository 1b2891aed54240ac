import { describe, expect, it } from 'vitest';
import type { KubeProxyReport, NodeParts, Part, SyncFailures } from '../../proto/parts.ts';
import {
  everyone,
  forwardTo,
  frontend,
  kubeProxy,
  nftablesStructure,
  nodeView,
  reported,
  silentKubeProxy,
} from '../../test/view-builders.ts';
import { proxySyncFailing } from './proxy-sync-failing.ts';

const web = 'tcp 10.96.0.1:80';

function failures(what: SyncFailures['what'], increase: number, total = 17): SyncFailures {
  return { family: 'ipv4', what, counter: { total, increase, windowSeconds: 60, reset: false } };
}

/** A kube-proxy that was asked at this time. */
function at(collectedAt: string, report: Partial<KubeProxyReport>): Part<KubeProxyReport> {
  const part = kubeProxy(report);
  return part.state === 'ok' ? { ...part, collectedAt } : part;
}

function evaluate(part: Part<KubeProxyReport>) {
  return proxySyncFailing.evaluate(nodeView({ parts: { kubeProxy: part } }));
}

/** As recorded of node-a after a change (s2b): the last sync of each family was done within a second. */
const inTime: Partial<KubeProxyReport> = {
  lastQueued: [
    { family: 'ipv4', seconds: 1795333867.089785 },
    { family: 'ipv6', seconds: 1795333866.7559376 },
  ],
  lastSync: [
    { family: 'ipv4', seconds: 1795333867.8646734 },
    { family: 'ipv6', seconds: 1795333867.7965467 },
  ],
};
const recordedAt = '2026-11-22T07:52:16Z';

describe('proxy-sync-failing', () => {
  it('restores fail: it accounts for all that differs', () => {
    const view = nodeView({
      desired: [[web, everyone(forwardTo('10.244.1.2:8080'))]],
      observed: [],
      parts: { kubeProxy: at(recordedAt, { ...inTime, syncFailures: [failures('iptables-restore', 2)] }) },
    });
    expect(proxySyncFailing.evaluate(view)).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary: 'kube-proxy on node-a does not get its rules written: syncs fail (iptables-restore of IPv4).',
        evidence: [
          { kind: 'fact', name: 'failed: iptables-restore of IPv4', value: '2 in the last 60 s, 17 since its start' },
          { kind: 'fact', name: 'already out of step', value: '1 frontend' },
        ],
        remediation: [
          {
            command:
              'kubectl -n kube-system logs --timestamps --tail=500 "$(kubectl -n kube-system get pods --field-selector spec.nodeName=node-a -l k8s-app=kube-proxy -o name)"',
            effect: `Shows the last lines of kube-proxy's log on node-a: look for "Failed to execute". The label is kubeadm's.`,
          },
          {
            command: 'iptables-nft-save > rules-before-repair.txt',
            effect: 'Run on node-a first: keeps the rules as they are now, which the repair overwrites.',
          },
          {
            command: 'kubectl -n kube-system delete pod --field-selector spec.nodeName=node-a -l k8s-app=kube-proxy',
            effect:
              "Restarts kube-proxy on node-a: its first sync writes every chain and base jump anew. The label is kubeadm's; other installers name the pods differently or run kube-proxy as a service of the node.",
          },
        ],
        frontends: [frontend(web)],
        explains: 'all',
      },
    ]);
  });

  it('a sync is overdue: the last one was done long before it was asked for', () => {
    // As recorded of node-b (s2b), if it had been asked at the time of the changes.
    const overdue = at(recordedAt, {
      lastQueued: [{ family: 'ipv4', seconds: 1795333885 }],
      lastSync: [{ family: 'ipv4', seconds: 1795333820.5678885 }],
    });
    expect(evaluate(overdue)).toMatchObject([
      {
        summary:
          'kube-proxy on node-a does not get its rules written: the last sync of IPv4 was done at 2026-11-22T07:50:20Z, and one is due since 2026-11-22T07:51:25Z.',
        evidence: [
          { kind: 'fact', name: 'last sync, IPv4', value: '2026-11-22T07:50:20Z' },
          { kind: 'fact', name: 'sync due since, IPv4', value: '2026-11-22T07:51:25Z, 64 s later' },
        ],
        explains: 'all',
      },
    ]);
  });

  it('it calls itself unhealthy, while its metrics answer', () => {
    expect(evaluate(kubeProxy({ ...inTime, healthz: 'unhealthy', livez: 'unhealthy' }))).toMatchObject([
      {
        summary: 'kube-proxy on node-a does not get its rules written: it calls itself unhealthy.',
        evidence: [{ kind: 'fact', name: "kube-proxy's word", value: 'unhealthy (503)' }],
      },
    ]);
    // Before v1.28 there is no /livez.
    expect(evaluate(kubeProxy({ healthz: 'unhealthy', livez: 'unknown' }))).toHaveLength(1);
  });

  it('syncs of the nftables mode fail from the start: that is no starting', () => {
    const part = kubeProxy({
      mode: 'nftables',
      lastQueued: [{ family: 'ipv4', seconds: 1795333820 }],
      syncFailures: [failures('nftables-sync', 3, 3)],
    });
    expect(evaluate(part).map(({ summary }) => summary)).toEqual([
      'kube-proxy on node-a does not get its rules written: syncs fail (nftables-sync of IPv4) and its nftables table for IPv4 is not there, or holds nothing.',
    ]);
    const [violation] = evaluate(part);
    expect(violation?.remediation[0]?.effect).toContain('look for "nftables sync failed"');
  });

  describe('in nftables mode', () => {
    const traces = (nftables: boolean) => reported({ iptables: false, nftables, ipvs: false });
    const inMode = at(recordedAt, { ...inTime, mode: 'nftables' });
    const told = (parts: Partial<NodeParts>) =>
      proxySyncFailing
        .evaluate(nodeView({ parts: { kubeProxy: inMode, ...parts } }))
        .map(({ summary }) => summary.replace(/^.*written: /, ''));

    it('a table that is gone or empty after a sync: no Service works', () => {
      const one = reported({ structures: [nftablesStructure({ family: 'ipv6' })] });
      const empty = reported({
        structures: [nftablesStructure({ family: 'ipv6' }), nftablesStructure({ rules: 0, elements: 0 })],
      });
      expect([
        ...told({ proxyTraces: traces(false) }),
        ...told({ proxyTraces: traces(true), nftables: one }),
        ...told({ proxyTraces: traces(true), nftables: empty }),
      ]).toEqual([
        'its nftables table for IPv4 and IPv6 is not there, or holds nothing.',
        'its nftables table for IPv4 is not there, or holds nothing.',
        'its nftables table for IPv4 is not there, or holds nothing.',
      ]);
    });

    it('tables that are there, or could not be read, are no such thing', () => {
      const both = reported({ structures: [nftablesStructure(), nftablesStructure({ family: 'ipv6' })] });
      expect([
        ...told({ proxyTraces: traces(true), nftables: both }),
        ...told({ proxyTraces: traces(true), nftables: { state: 'failed', reason: 'nft: deadline' } }),
        ...told({ proxyTraces: { state: 'failed', reason: 'nft: deadline' } }),
        ...told({ proxyTraces: traces(false), nftables: { state: 'failed', reason: 'nft is not installed' } }),
      ]).toEqual([]);
    });

    it('no table before the first sync: it is starting', () => {
      const starting = at(recordedAt, { mode: 'nftables', lastQueued: [{ family: 'ipv4', seconds: 1795333820 }] });
      expect(told({ kubeProxy: starting, proxyTraces: traces(false) })).toEqual([]);
    });

    it('old chains that cannot be removed: less urgent, and Services work', () => {
      const part = kubeProxy({ mode: 'nftables', syncFailures: [failures('nftables-cleanup', 4)] });
      const structures = [nftablesStructure(), nftablesStructure({ family: 'ipv6' })];
      const view = nodeView({
        parts: { kubeProxy: part, proxyTraces: traces(true), nftables: reported({ structures }) },
      });
      expect(proxySyncFailing.evaluate(view)).toMatchObject([
        {
          severity: 'medium',
          summary:
            'kube-proxy on node-a fails to remove chains that it no longer needs (nftables-cleanup of IPv4); Services work.',
        },
      ]);
    });
  });

  it('partial syncs alone fail: less urgent, and no difference is laid to them', () => {
    // kube-proxy counts each of them as a failed restore, too.
    const part = kubeProxy({
      syncFailures: [failures('iptables-partial-restore', 2), failures('iptables-restore', 2)],
    });
    const [violation, ...others] = evaluate(part);
    expect(others).toEqual([]);
    expect([violation?.severity, violation?.frontends, violation?.explains]).toEqual(['medium', [], undefined]);
    expect(violation?.summary).toBe(
      'Partial syncs of kube-proxy on node-a fail (iptables-partial-restore of IPv4 and iptables-restore of IPv4); full syncs make up for them, later.',
    );
  });

  it('a full sync fails beside partial ones: as urgent as any', () => {
    const part = kubeProxy({
      syncFailures: [failures('iptables-partial-restore', 1), failures('iptables-restore', 2)],
    });
    expect(evaluate(part)).toMatchObject([{ explains: 'all' }]);
  });

  it.each([
    ['syncs are done in time', at(recordedAt, inTime)],
    // As recorded of node-b (s2b): hung, but nothing was asked of it.
    [
      'a hung watch has nothing to sync',
      at(recordedAt, {
        lastQueued: [{ family: 'ipv4', seconds: 1795333820.5388203 }],
        lastSync: [{ family: 'ipv4', seconds: 1795333820.5678885 }],
      }),
    ],
    // As recorded in ipvs mode (s6): it syncs again and again without being asked.
    [
      'it syncs without being asked',
      at(recordedAt, {
        lastQueued: [{ family: 'ipv4', seconds: 1795334226.9221876 }],
        lastSync: [{ family: 'ipv4', seconds: 1795334270.6546419 }],
      }),
    ],
    [
      'a quiet cluster: the last sync is hours old, and one was asked for this very second',
      at('2026-11-22T07:51:25.500Z', {
        lastQueued: [{ family: 'ipv4', seconds: 1795333885 }],
        lastSync: [{ family: 'ipv4', seconds: 1795320000 }],
      }),
    ],
    [
      'its first sync is not done yet',
      at(recordedAt, { lastQueued: [{ family: 'ipv4', seconds: 1795333820 }], lastSync: [] }),
    ],
    [
      'its first sync is not done yet, and its time stands at zero',
      at(recordedAt, {
        lastQueued: [{ family: 'ipv4', seconds: 1795333820 }],
        lastSync: [{ family: 'ipv4', seconds: 0 }],
      }),
    ],
    ['failures are of former days', kubeProxy({ syncFailures: [failures('iptables-restore', 0)] })],
    ['the node is being deleted: /healthz says so, /livez does not', kubeProxy({ healthz: 'unhealthy' })],
    ['it is silent, which is the matter of proxy-down', silentKubeProxy()],
    ['it was not asked', kubeProxy({ healthz: 'unknown', livez: 'unknown', metricsAnswered: false })],
  ])('%s: nothing', (_, part) => {
    expect(evaluate(part)).toEqual([]);
  });

  it('a node that is leaving may have /healthz at 503 where there is no /livez', () => {
    const view = nodeView({ parts: { kubeProxy: kubeProxy({ healthz: 'unhealthy', livez: 'unknown' }) } });
    const { node } = view;
    expect(node).not.toBeNull();
    const leaving = { ...view, node: node === null ? null : { ...node, leaving: true } };
    expect(proxySyncFailing.evaluate(leaving)).toEqual([]);
  });
});
