/** The damages of s3: one thing of node-a's rules broken by hand, each in a folder of its own. */
import { recordingFolder } from '../../recordings.ts';
import { below, notRecorded, on, type Scenario, type Told, everywhere } from './scenario.ts';

const nodes = { 'node-a': 'unhealthy', 'node-b': notRecorded, 'node-c': notRecorded };

interface Damage {
  readonly folder: string;
  readonly truth: string;
  readonly told: readonly Told[];
}

function damage({ folder, truth, told }: Damage): Scenario {
  return {
    title: `s3-damage, ${folder}`,
    recording: 's3-damage',
    within: { bundle: folder, over: 'healthy', api: 'api' },
    truth,
    nodes,
    told: [...told, ...everywhere],
  };
}

/** Every Service that the rules of nat lead to, in IPv4. */
const allServices = [
  'a-very-long-namespace-name-that-reaches-the-limit-of-63-charsxx/a-very-long-service-name-that-reaches-the-limit-of-63-chars-yyy:a-long-port-nam',
  ...['batch/worker-early:http', 'batch/worker-lb:http', 'batch/worker:http', 'default/kubernetes:https'],
  ...['edge/agent:http', 'edge/ext-ip:http', 'edge/ingress:http', 'edge/ingress:https', 'edge/lb-no-nodeport:http'],
  ...['edge/lb-pending:http', 'edge/lb-proxy:http', 'edge/public-lb:http', 'edge/sticky-np:http'],
  ...['kube-system/kube-dns:dns-tcp', 'kube-system/kube-dns:dns/udp', 'kube-system/kube-dns:metrics'],
  ...['media/stream:rtp/udp', 'payments/ledger-v6np:http', 'payments/ledger:http', 'payments/sctp-gw:sig/sctp'],
  ...['shop/api:admin', 'shop/api:grpc', 'shop/draining-local:http', 'shop/draining-mixed:http', 'shop/draining:http'],
  ...['shop/manual-old:http', 'shop/manual:a', 'shop/manual:b', 'shop/web', 'shop/web-multi:http'],
  ...['shop/web-multi:metrics', 'shop/web-node', 'shop/web-zone'],
];

/** The jump deleted, with these Services beside the usual ones. */
function jumpDeleted(...more: readonly string[]): readonly Told[] {
  return [
    ...on('node-a', {
      check: 'missing-base-jump',
      severity: 'critical',
      subjects: ['node-a'],
      why: 'nat PREROUTING no longer leads to KUBE-SERVICES: the one thing to mend',
    }),
    ...below(
      'node-a',
      'missing-base-jump node-a',
      {
        check: 'missing-service',
        severity: 'critical',
        subjects: [...allServices, ...more],
        why: 'pods and outside clients miss every Service; processes of the node itself still have OUTPUT',
      },
      {
        check: 'rejected-service',
        severity: 'critical',
        subjects: ['edge/public-lb:http'],
        why: 'untranslated packets to its load-balancer addresses meet the DROP of KUBE-PROXY-FIREWALL',
      },
    ),
  ];
}

const sepRuleGone = [
  ...on('node-a', {
    check: 'dangling-jump',
    severity: 'critical',
    subjects: ['shop/web-multi:metrics'],
    why: 'the chain of 10.244.1.2:9100, the last of its Service, no longer translates: packets pass by',
  }),
  ...below('node-a', 'dangling-jump shop/web-multi:metrics', {
    check: 'missing-endpoint',
    severity: 'high',
    subjects: ['shop/web-multi:metrics'],
    why: 'so that endpoint gets nothing',
  }),
];

const unrelated = on('node-a', {
  check: 'stale-service',
  severity: 'high',
  subjects: ['shop/unrelated'],
  why: 'the change between the steps: a Service that the lists of the API, taken before, do not have yet',
});

function persistence(step: string, truth: string, ...told: readonly Told[]): Scenario {
  return {
    ...damage({ folder: `p-persistence/${step}`, truth, told }),
    // Recorded after s4: the lists that belong to it are those of the state after that.
    within: {
      bundle: `p-persistence/${step}`,
      over: 'healthy',
      api: `${recordingFolder('s5b-recovered-after-mixed')}/api`,
    },
  };
}

export const damages: readonly Scenario[] = [
  damage({
    folder: 'a-sep-rule-deleted',
    truth: 'The DNAT rule of one endpoint of shop/web-multi:http is gone; the other endpoint gets all connections.',
    told: [
      ...on('node-a', {
        check: 'dangling-jump',
        severity: 'high',
        subjects: ['shop/web-multi:http'],
        why: 'a jump leads to a chain that does nothing with the packets; high, as the other endpoint takes over',
      }),
      ...below(
        'node-a',
        'dangling-jump shop/web-multi:http',
        {
          check: 'missing-endpoint',
          severity: 'high',
          subjects: ['shop/web-multi:http'],
          why: '10.244.1.2 gets nothing',
        },
        {
          check: 'missing-masquerade',
          severity: 'medium',
          subjects: ['shop/web-multi:http'],
          why: 'the chain still marks packets from 10.244.1.2, which go on to the other endpoint under the address of the node',
        },
      ),
    ],
  }),
  damage({
    folder: 'b-svc-chain-flushed',
    truth: 'The chain of shop/api:grpc is empty: no endpoint is reached through it.',
    told: [
      ...on('node-a', {
        check: 'dangling-jump',
        severity: 'critical',
        subjects: ['shop/api:grpc'],
        why: 'a jump leads to an empty chain',
      }),
      ...below(
        'node-a',
        'dangling-jump shop/api:grpc',
        {
          check: 'missing-service',
          severity: 'critical',
          subjects: ['shop/api:grpc'],
          why: 'packets pass untranslated',
        },
        {
          check: 'orphaned-chains',
          severity: 'low',
          subjects: ['shop/api:grpc'],
          why: 'nothing leads to the chains of its endpoints any more',
        },
      ),
    ],
  }),
  damage({
    folder: 'c-dnat-target-changed',
    truth:
      'One endpoint of kube-system/kube-dns:dns is translated to 10.244.9.99, which no pod has. The comments say the right one.',
    told: [
      ...on('node-a', {
        check: 'stale-endpoint',
        severity: 'critical',
        subjects: ['kube-system/kube-dns:dns/udp'],
        why: 'half of the name lookups go to nobody',
      }),
      ...below(
        'node-a',
        'stale-endpoint kube-system/kube-dns:dns/udp',
        {
          check: 'missing-endpoint',
          severity: 'high',
          subjects: ['kube-system/kube-dns:dns/udp'],
          why: '10.244.1.5 gets none',
        },
        {
          check: 'missing-masquerade',
          severity: 'high',
          subjects: ['kube-system/kube-dns:dns/udp'],
          why: 'the mark for packets from 10.244.1.5 to itself stands with another target now',
        },
      ),
    ],
  }),
  damage({
    folder: 'd-prerouting-jump-deleted',
    truth: 'The jump from PREROUTING to KUBE-SERVICES is gone.',
    told: jumpDeleted('payments/refunds:http', 'shop/cart:redis'),
  }),
  damage({
    folder: 'e-duplicate-rule',
    truth: 'The rule of shop/web in KUBE-SERVICES is there twice. Packets meet the first.',
    told: on('node-a', {
      check: 'duplicate-rules',
      severity: 'high',
      subjects: ['shop/web'],
      why: 'harmless once, and the sign of a writer that adds a copy each time (failures.md F27)',
    }),
  }),
  damage({
    folder: 'f-probability-changed',
    truth: 'The first endpoint of shop/web gets nine of ten connections, where it should get half.',
    told: on('node-a', {
      check: 'uneven-balance',
      severity: 'medium',
      subjects: ['shop/web'],
      why: 'shares of 90 and 10 in place of 50 and 50',
    }),
  }),
  damage({
    folder: 'g-services-entry-deleted',
    truth: 'The rule of shop/cart:redis in KUBE-SERVICES is gone; its chain remains.',
    told: [
      ...on('node-a', {
        check: 'missing-service',
        severity: 'critical',
        subjects: ['shop/cart:redis'],
        why: 'nothing takes packets to its cluster IP',
      }),
      ...below('node-a', 'missing-service shop/cart:redis', {
        check: 'orphaned-chains',
        severity: 'low',
        subjects: ['shop/cart:redis'],
        why: 'the chain that the rule led to',
      }),
    ],
  }),
  damage({
    folder: 'h-reject-rule-deleted',
    truth: 'The refusal of shop/typo, which has no endpoint, is gone: clients wait where they were refused.',
    told: on('node-a', {
      check: 'unrejected-service',
      severity: 'medium',
      subjects: ['shop/typo'],
      why: 'clients hang until they time out',
    }),
  }),
  persistence(
    '1-after-waiting',
    'Three damages at once (the rule of an endpoint, an entry of KUBE-SERVICES, the jump of PREROUTING), 40 s later: kube-proxy mended none.',
    ...jumpDeleted('shop/basket:redis'),
    ...sepRuleGone,
    ...on('node-a', {
      check: 'missing-service',
      severity: 'critical',
      subjects: ['shop/cart:redis'],
      why: 'its entry is gone for the node itself too, so it is no effect of the jump alone',
    }),
    ...below('node-a', 'missing-service shop/cart:redis', {
      check: 'orphaned-chains',
      severity: 'low',
      subjects: ['shop/cart:redis'],
      why: 'the chain that the entry led to',
    }),
  ),
  persistence(
    '2-after-unrelated-change',
    'A Service was added: that sync wrote KUBE-SERVICES anew, so the entry is back. The endpoint and the jump are not.',
    ...jumpDeleted('shop/basket:redis', 'shop/cart:redis'),
    ...sepRuleGone,
    ...unrelated,
  ),
  persistence(
    '3-after-related-change',
    'An endpoint of the damaged Service became not ready: that sync wrote its chains anew. The jump is still gone, for up to an hour.',
    ...jumpDeleted('shop/basket:redis', 'shop/cart:redis'),
    ...on('node-a', {
      check: 'missing-endpoint',
      severity: 'high',
      subjects: ['shop/web', 'shop/web-multi:http', 'shop/web-multi:metrics'],
      why: 'that endpoint: the lists of the API were taken before and have it ready',
    }),
    ...unrelated,
  ),
];
