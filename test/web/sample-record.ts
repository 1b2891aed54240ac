/** A small cluster with something of everything: a stale node, one that is silent, a finding that may settle. */
import type { HttpOptions } from '../../aggregator/http/options.ts';
import type { NodeDetail, NodeRecord } from '../../aggregator/model/record.ts';
import { auditRecord, type FakeRecord, minutesAgo, nodeRecord, noon, serviceDetail, tracked } from '../audit-record.ts';
import { entry, step } from '../journal-entries.ts';
import { memoryJournal } from '../memory-journal.ts';
import { sampleDiagnosis, sampleGrid, sampleMatrix } from './sample-ways.ts';

export const stalled = tracked('proxy-stalled', {
  fingerprint: '1111111111111111',
  severity: 'critical',
  subject: { kind: 'Node', name: 'node-b' },
  summary: 'node-b stands still at the state of 11:40: 1 Service that changed since is served as it was then.',
  since: minutesAgo(20),
  group: 'stalled',
});

export const staleWeb = tracked('stale-endpoint', {
  fingerprint: '2222222222222222',
  severity: 'critical',
  parent: stalled.fingerprint,
  summary: 'node-b forwards shop/web to 10.244.1.9:8080, which this node should not use.',
  since: minutesAgo(15),
  evidence: [
    {
      kind: 'forwarding',
      frontend: 'tcp 10.96.0.1:80',
      wanted: 'forward to 10.244.1.2:8080',
      real: 'forward to 10.244.1.2:8080, 10.244.1.9:8080',
    },
    { kind: 'backend', frontend: 'tcp 10.96.0.1:80', backend: '10.244.1.9:8080', state: 'stale' },
    { kind: 'rule', table: 'nat', rule: '-A KUBE-SVC-WEB -j KUBE-SEP-OLD', note: 'half of the connections' },
    { kind: 'fact', name: 'kube-proxy', value: 'healthy by its own word' },
  ],
  remediation: [
    {
      command: 'kubectl -n kube-system delete pod --field-selector spec.nodeName=node-b -l k8s-app=kube-proxy',
      effect: 'Restarts kube-proxy on node-b: its first sync writes every chain anew.',
    },
  ],
});

const mayed = tracked('service-selects-nothing', {
  fingerprint: '3333333333333333',
  severity: 'high',
  state: 'pending',
  node: null,
  firedAt: null,
  subject: { kind: 'Service', namespace: 'shop', name: 'typo', port: '', protocol: 'tcp' },
  summary: 'shop/typo selects app=wbe, which no pod has; app=web is near.',
  since: minutesAgo(1),
  group: 'typo',
});

const unknown = tracked('missing-endpoint', {
  fingerprint: '4444444444444444',
  severity: 'medium',
  state: 'unknown',
  node: 'node-d',
  unknownBecause: 'its agent is silent',
  summary: 'node-d leaves out 10.244.2.4:8080 when it forwards to shop/api.',
  since: minutesAgo(60),
  group: 'missing',
});

export const sampleFindings = [stalled, staleWeb, mayed, unknown];

/** A node that has told how it is wired. */
function wired(node: NodeRecord): NodeRecord {
  const network: NodeDetail['network'] = [
    { layer: 'L1', name: 'pods', value: '12 with a network of their own; 3 in the network of the node' },
    { layer: 'L2', name: 'overlay', value: 'flannel.1 (VXLAN 1, port 8472, MTU 1450)' },
  ];
  const detail: Omit<NodeDetail, 'parts' | 'kubeProxy'> = { ...node, network };
  return detail;
}

const drifted = { does: 'forward to 10.244.1.2:8080, 10.244.1.9:8080', showsStateOf: '11:40:00' };

export function sampleRecord(): FakeRecord {
  return auditRecord({
    nodes: [
      nodeRecord('node-a'),
      nodeRecord('node-b', {
        state: 'unhealthy',
        frontends: { total: 10, inSync: 7, drifted: 3, unknown: 0 },
        findings: { firing: 2, pending: 0 },
        showsStateOf: minutesAgo(20),
      }),
      wired(
        nodeRecord('node-c', {
          mode: 'nftables',
          layers: [
            { layer: 'L1', state: 'not-looked-at', because: ['not reported: cni'] },
            { layer: 'L2', state: 'unknown', because: ['routes: not permitted'] },
            { layer: 'L3', state: 'known', because: [] },
          ],
        }),
      ),
      nodeRecord('node-d', {
        state: 'unknown',
        agent: 'silent',
        lastHeardAt: minutesAgo(14),
        unknownBecause: ['its agent is silent since 11:46'],
        layers: (['L1', 'L2', 'L3'] as const).map((layer) => ({
          layer,
          state: 'unknown',
          because: ['its agent is silent since 11:46'],
        })),
      }),
    ],
    findings: sampleFindings,
    diagnosis: { ok: true, diagnosis: sampleDiagnosis(staleWeb.fingerprint) },
    matrix: sampleMatrix(staleWeb.fingerprint),
    grid: sampleGrid,
    services: [
      serviceDetail('shop/web', {
        nodes: { inSync: 2, converging: 0, drifted: 1, unknown: 1, total: 4 },
        findings: { firing: 1, pending: 0 },
        frontends: [
          {
            frontend: 'tcp 10.96.0.1:80',
            kind: 'clusterIP',
            versions: [
              {
                verdict: 'in-sync',
                does: 'forward to 10.244.1.2:8080',
                showsStateOf: null,
                count: 2,
                nodes: ['node-a', 'node-c'],
              },
              { verdict: 'drifted', ...drifted, count: 1, nodes: ['node-b'] },
              { verdict: 'unknown', does: 'not known', showsStateOf: null, count: 1, nodes: ['node-d'] },
            ],
          },
        ],
      }),
      serviceDetail('shop/api'),
    ],
  });
}

/** What an aggregator with this record is asked by the page. */
export function sampleOptions(record: FakeRecord): Partial<HttpOptions> {
  const journal = memoryJournal();
  const steps = [
    step(staleWeb.fingerprint, { kind: 'pending', at: minutesAgo(6) }),
    step(staleWeb.fingerprint, { kind: 'firing', at: minutesAgo(5) }),
  ];
  journal.commit(entry({ transitions: steps }));
  return { record, journal, now: () => noon };
}
