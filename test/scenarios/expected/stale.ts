/** Recordings in which one node did not follow the API. */
import { below, notRecorded, on, type Scenario, everywhere, unreadyWorkers } from './scenario.ts';

export const stale: readonly Scenario[] = [
  {
    title: 's2-stale-stopped',
    recording: 's2-stale-stopped',
    truth:
      'The kube-proxy of node-b got SIGSTOP; then Services, pods and endpoints changed. Thirteen Services are stale on node-b. shop/web-zone and shop/web-node lost an endpoint as well, which node-b never used: its zone sends to another. node-a and node-c followed.',
    nodes: { 'node-a': 'healthy', 'node-b': 'unhealthy', 'node-c': 'healthy' },
    told: [
      ...on('node-b', {
        check: 'proxy-down',
        severity: 'critical',
        subjects: ['node-b'],
        why: 'neither /healthz nor /metrics answers, and all else follows from that',
      }),
      ...below(
        'node-b',
        'proxy-down node-b',
        {
          check: 'stale-endpoint',
          severity: 'critical',
          subjects: ['shop/web', 'shop/web-multi:http', 'shop/web-multi:metrics', 'shop/draining-mixed:http'],
          why: 'the pod shop/web-2 is gone; the target port of shop/draining-mixed moved from 8080 to 9000',
        },
        {
          check: 'missing-endpoint',
          severity: 'high',
          subjects: ['shop/api:admin', 'shop/api:grpc', 'shop/cart:redis', 'shop/draining-mixed:http'],
          why: 'shop/api-4 was added, shop/cart-1 became ready; port 9000 of shop/draining-mixed',
        },
        {
          check: 'missing-service',
          severity: 'critical',
          subjects: ['shop/orders:http', 'shop/draining-local:http', 'edge/ext-ip:http'],
          why: 'added; new node port 30091; new external address 198.51.100.52',
        },
        {
          check: 'stale-service',
          severity: 'high',
          subjects: [
            'shop/api-nodeport:admin',
            'media/same-port:t',
            'media/same-port:u/udp',
            'shop/draining-local:http',
            'edge/ext-ip:http',
          ],
          why: 'the first two Services were deleted; old node port 30090; old external address 198.51.100.50',
        },
        {
          check: 'rejected-service',
          severity: 'critical',
          subjects: ['batch/worker:http', 'batch/worker-lb:http'],
          why: 'batch/worker-0 became ready, and node-b still refuses',
        },
        {
          check: 'affinity-mismatch',
          severity: 'medium',
          subjects: ['shop/cart:redis'],
          why: 'its timeout is 900 s now, and 600 s there',
        },
        {
          check: 'source-range-mismatch',
          severity: 'high',
          subjects: ['edge/public-lb:http'],
          why: 'it lets in 198.51.100.0/25 alone now; node-b lets in 10.0.0.0/8 and the whole /24 as well',
        },
      ),
      ...everywhere,
    ],
  },
  {
    title: 's2b-stale-partition',
    recording: 's2b-stale-partition',
    truth:
      'No packet of the API server reaches node-b. Its kube-proxy runs, answers, calls itself healthy and syncs nothing: five Services are stale there. One look cannot tell that they are all of one age, so an audit has no finding above them; the running aggregator has proxy-stalled (the test of stalled nodes beside this page).',
    nodes: { 'node-a': 'healthy', 'node-b': 'unhealthy', 'node-c': 'healthy', 'node-d': notRecorded },
    told: [
      ...on(
        'node-b',
        {
          check: 'stale-endpoint',
          severity: 'critical',
          subjects: ['payments/ledger:http', 'payments/ledger-v6:http', 'payments/ledger-v6np:http'],
          why: 'the pod payments/ledger-1 is not ready any more; its addresses of both families still get connections',
        },
        {
          check: 'missing-service',
          severity: 'critical',
          subjects: ['payments/refunds:http'],
          why: 'added since',
        },
        {
          check: 'stale-service',
          severity: 'high',
          subjects: ['shop/api-nodeport:admin'],
          why: 'deleted; its cluster IP and node port 30081 still lead to pods',
        },
      ),
      ...unreadyWorkers,
      ...everywhere,
    ],
  },
  {
    title: 's4-mixed-backends',
    recording: 's4-mixed-backends',
    truth:
      'kube-proxy of node-b writes to nf_tables now, in sync; its old rules in iptables-legacy were never removed, and three changes came after. Both backends see packets, and which of them sees a packet first cannot be seen in dumps.',
    nodes: {
      'node-a': notRecorded,
      'node-b': 'unhealthy: 7 frontends: order-not-visible',
      'node-c': notRecorded,
    },
    told: [
      ...on('node-b', {
        check: 'mixed-backends',
        severity: 'high',
        subjects: ['node-b'],
        why: "kube-proxy's service rules are in both",
      }),
      ...below('node-b', 'mixed-backends node-b', {
        check: 'mixed-backends',
        severity: 'high',
        state: 'unknown',
        subjects: [
          'payments/refunds:http',
          'shop/basket:redis',
          'shop/web',
          'shop/web-multi:http',
          'shop/web-multi:metrics',
          'shop/web-node',
          'shop/web-zone',
        ],
        why: 'exactly the Services on which the two disagree: deleted, added, and those that lost shop/web-1. What packets to them meet is not claimed',
      }),
      ...everywhere,
    ],
  },
];
