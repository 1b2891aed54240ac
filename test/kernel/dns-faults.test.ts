/**
 * Real lookups by two nodes, of real resolvers as replicas of cluster DNS, as the cache on a node and as servers above:
 * one fails in each way, and the fault is placed where it was made, and nowhere else.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import { dropped } from './dns-drops.ts';
import { DnsLab } from './dns-lab.ts';
import { above, clusterZone, type DnsPlan, externalName, type Running } from './dns-servers.ts';
import { outline } from './fault-findings.ts';
import type { Undo } from './fault-undo.ts';
import { removeAbandoned } from './namespaces.ts';

interface Situation {
  readonly what: string;
  readonly plan?: DnsPlan;
  /** Made once the servers run; what takes it back where they are not simply started anew. */
  readonly fault?: (lab: DnsLab, running: Running) => Undo | Promise<void>;
  readonly api?: (lab: DnsLab) => ClusterSnapshot;
  /** Every finding, as `outline` has it. */
  readonly told: readonly string[];
  /** What those without a cause say. */
  readonly says: readonly string[];
  /** What on-call is told of a pod of node-1 and this name; null where nobody asks. */
  readonly traced?: readonly [name: string, sentence: string];
}

const firstReplica = (...says: readonly string[]): DnsPlan => ({ replicas: [{ says }, {}] });
const refuses = { says: ['local-zone: "." always_refuse'] };
const oneFails = ['dns-replica-failing cluster kube-system/coredns-1'];
const outsideFails = ['dns-upstream-failing cluster cluster DNS'];
const replica = 'kube-system/coredns-1 (10.244.1.4:53) fails as a replica of cluster DNS';
const otherAnswers = 'to node-1 and node-2, while 1 other replica answers.';
const outside = 'Names outside of the cluster do not resolve on node-1 and node-2';
const bothAbove = '192.168.100.53:53 and 192.168.100.54:53 above fail too';
const inside = 'kubernetes.default';
const nothing: Undo = () => undefined;

const well: Situation = {
  what: 'all is well',
  told: [],
  says: [],
  traced: [inside, 'Nothing is broken from pod/shop/web-1a to kubernetes.default, as far as L1, L2, L3, L4, L5 show.'],
};

const ofReplicas: readonly Situation[] = [
  {
    what: 'a replica hangs',
    fault: (_, { replicas }) => {
      replicas[0].freeze();
      return nothing;
    },
    told: oneFails,
    says: [`high: ${replica}: no answer ${otherAnswers}`],
  },
  {
    what: 'a replica has ended',
    fault: (_, { replicas }) => replicas[0].end(),
    told: oneFails,
    says: [`high: ${replica}: no answer (ECONNREFUSED) ${otherAnswers}`],
  },
  {
    what: 'a replica refuses names of the cluster',
    plan: firstReplica('local-zone: "cluster.local." always_refuse'),
    told: oneFails,
    says: [`high: ${replica}: REFUSED ${otherAnswers}`],
  },
  {
    what: 'a replica has lost what it knows of the cluster',
    plan: firstReplica('local-zone: "cluster.local." static'),
    told: oneFails,
    says: [`high: ${replica}: NXDOMAIN ${otherAnswers}`],
  },
  {
    what: 'a replica cannot find out what it should know of the cluster',
    plan: { replicas: [{ says: [], asks: { '.': above } }, {}] },
    told: oneFails,
    says: [`high: ${replica}: SERVFAIL ${otherAnswers}`],
  },
  {
    what: 'a replica has an answer to every name',
    plan: firstReplica('local-zone: "cluster.local." redirect', 'local-data: "cluster.local. 30 IN A 10.96.0.1"'),
    told: oneFails,
    says: [`medium: ${replica}: an answer to a name that is not there (NOERROR) ${otherAnswers}`],
  },
  {
    what: 'a replica tells another address of the API',
    plan: firstReplica(...clusterZone.map((line) => line.replace('10.96.0.1', '203.0.113.9'))),
    told: oneFails,
    says: [`high: ${replica}: 203.0.113.9 for the API's Service, which has 10.96.0.1 ${otherAnswers}`],
  },
  {
    what: 'a replica takes no TCP',
    plan: firstReplica(...clusterZone, 'do-tcp: no'),
    told: oneFails,
    says: [
      `medium: ${replica}: no answer (ECONNREFUSED) by TCP to node-1 and node-2 (by UDP it answers), while 1 other replica answers.`,
    ],
  },
  {
    what: 'both replicas hang',
    fault: (_, { replicas }) => {
      for (const each of replicas) each.freeze();
      return nothing;
    },
    told: ['dns-replica-failing cluster cluster DNS'],
    says: ['critical: All 2 replicas of cluster DNS fail: no answer, so that nothing resolves.'],
    traced: [
      inside,
      'L4 broke first: 10.96.0.10 gives node-1 no answer for names of the cluster, and its replicas 10.244.1.4 and 10.244.2.4 fail (no answer) too when asked directly.',
    ],
  },
  {
    what: 'no replica is ready any more',
    fault: (lab) => programBoth(lab, withoutReplicas(lab.state)),
    api: ({ state }) => withoutReplicas(state),
    told: [
      'dns-no-endpoints cluster kube-system/kube-dns/udp',
      'service-selects-nothing cluster kube-system/kube-dns <- dns-no-endpoints',
    ],
    says: ['critical: Cluster DNS, kube-system/kube-dns, has no ready endpoint: 2 pods running, not ready.'],
  },
];

const ofTheService: readonly Situation[] = [
  {
    what: 'node-1 has lost the rules for the Service',
    fault: (lab) => programWithout(lab, 'kube-dns:dns'),
    told: [
      'missing-service node-1 kube-system/kube-dns:dns-tcp',
      'missing-service node-1 kube-system/kube-dns:dns/udp',
      'orphaned-chains node-1 kube-system/kube-dns:dns-tcp <- missing-service',
      'orphaned-chains node-1 kube-system/kube-dns:dns/udp <- missing-service',
    ],
    says: [
      'critical: node-1 has no rule for kube-system/kube-dns:dns/udp at udp 10.96.0.10:53: all packets leave untranslated.',
      'critical: node-1 has no rule for kube-system/kube-dns:dns-tcp at tcp 10.96.0.10:53: all packets leave untranslated.',
    ],
  },
  {
    what: 'node-1 has lost the rule for TCP alone',
    fault: (lab) => programWithout(lab, 'kube-dns:dns-tcp'),
    told: [
      'dns-vip-failing node-1 kube-system/kube-dns:dns-tcp <- missing-service',
      'missing-service node-1 kube-system/kube-dns:dns-tcp',
      'orphaned-chains node-1 kube-system/kube-dns:dns-tcp <- missing-service',
    ],
    says: [
      'critical: node-1 has no rule for kube-system/kube-dns:dns-tcp at tcp 10.96.0.10:53: all packets leave untranslated.',
    ],
  },
  {
    what: 'something on node-1 drops what goes to the Service',
    fault: ({ nodes: [one] }) => dropped(one.namespace, 'output', 'ip daddr 10.96.0.10'),
    told: [
      'dns-vip-failing node-1 kube-system/kube-dns:dns-tcp',
      'dns-vip-failing node-1 kube-system/kube-dns:dns/udp',
    ],
    says: ['UDP', 'TCP'].map(
      (protocol) =>
        `critical: node-1 gets no answer from cluster DNS at 10.96.0.10 by ${protocol}, while 10.244.1.4:53 and 10.244.2.4:53 answer when asked directly.`,
    ),
    traced: [
      inside,
      'L4 broke first: 10.96.0.10 gives node-1 no answer (EPERM: something on node-1 itself forbids it) for names of the cluster, though its replicas 10.244.1.4 and 10.244.2.4 answer when asked directly: the way through the Service is broken.',
    ],
  },
  {
    // What is lost between two nodes is L2's affair, and no replica's fault.
    what: 'the pods of node-2 are out of the reach of node-1',
    fault: ({ nodes: [one, two] }) => dropped(two.namespace, 'forward', `ip saddr ${one.address}`),
    told: [],
    says: [],
  },
];

const ofServersAbove: readonly Situation[] = [
  {
    what: 'both servers above refuse',
    plan: { above: [refuses, refuses] },
    told: outsideFails,
    says: [`high: ${outside} (SERVFAIL), while names of the cluster do: ${bothAbove} (REFUSED).`],
    traced: [
      externalName,
      'L4 broke first: 10.96.0.10 gives node-1 SERVFAIL for names outside of the cluster, and the servers above 192.168.100.53 and 192.168.100.54 fail (REFUSED) too when asked directly.',
    ],
  },
  {
    what: 'both servers above have ended',
    fault: async (_, running) => void (await Promise.all(running.above.map((each) => each.end()))),
    told: outsideFails,
    says: [`high: ${outside} (no answer), while names of the cluster do: ${bothAbove} (no answer (ECONNREFUSED)).`],
  },
  {
    what: 'one server above refuses',
    plan: { above: [refuses, {}] },
    told: ['dns-upstream-failing cluster 192.168.100.53'],
    says: [
      'medium: The DNS server 192.168.100.53:53 above the cluster fails (REFUSED) to 2 nodes; the others are asked in its place, so names still resolve.',
    ],
  },
  {
    what: 'the servers above answer the nodes, and not the pods',
    fault: ({ replicas }) => {
      const match = `ip daddr { ${above.join(', ')} }`;
      const undos = replicas.map(({ networkNamespace }) => dropped(networkNamespace, 'output', match));
      return () => {
        for (const undo of undos) undo();
      };
    },
    told: outsideFails,
    says: [
      `high: ${outside} (SERVFAIL), while names of the cluster do: the servers above answer the nodes, so it is the way from the pods of cluster DNS to them.`,
    ],
    traced: [
      externalName,
      'L4 broke first: 10.96.0.10 gives node-1 SERVFAIL for names outside of the cluster, though the servers above, 192.168.100.53 and 192.168.100.54, answer the node itself: look at the way from the pods of cluster DNS to them.',
    ],
  },
];

const ofSettings: readonly Situation[] = [
  {
    what: "the kubelet gives the replicas systemd-resolved's address, which is their own",
    plan: { nodeResolvers: ['127.0.0.53'] },
    told: ['dns-forward-loop cluster cluster DNS', 'dns-upstream-failing cluster cluster DNS <- dns-forward-loop'],
    says: [
      'critical: CoreDNS forwards to itself (Corefile line 13): kube-system/coredns-1: the resolv.conf that node-1 gives it names 127.0.0.53; and 1 more.',
    ],
    traced: [
      externalName,
      'L4 broke first: 10.96.0.10 gives node-1 no answer for names outside of the cluster: CoreDNS forwards to itself (Corefile line 13): kube-system/coredns-1: the resolv.conf that node-1 gives it names 127.0.0.53; and 1 more.',
    ],
  },
  {
    what: 'the kubelet of node-1 gives pods a server that is not there',
    plan: { given: '10.96.0.99' },
    told: ['dns-config-mismatch node-1 node-1'],
    says: [
      'high: On node-1 the kubelet gives pods the nameserver 10.96.0.99, which no Service has; cluster DNS is 10.96.0.10.',
    ],
    traced: [
      inside,
      "L4 broke first: shop/web-1a asks 10.96.0.99 for names (its resolv.conf), which is not the cluster's DNS: kubernetes.default is not known there.",
    ],
  },
  { what: 'pods of node-1 ask the cache on it, which answers', plan: { nodeLocal: true }, told: [], says: [] },
  {
    what: 'the cache on node-1 has ended',
    plan: { nodeLocal: true },
    fault: (_, { nodeLocal }) => nodeLocal?.end() ?? nothing,
    told: ['node-local-dns-down node-1 node-1'],
    says: [
      'critical: The DNS cache of node-1, which its pods ask at 169.254.20.10, does not answer: nobody listens at its port.',
    ],
    traced: [
      inside,
      'L4 broke first: 169.254.20.10, the DNS cache on node-1, gives it no answer (ECONNREFUSED: nobody listens there) for names of the cluster.',
    ],
  },
  {
    what: 'the cache on node-1 hangs',
    plan: { nodeLocal: true },
    fault: (_, { nodeLocal }) => {
      nodeLocal?.freeze();
      return nothing;
    },
    told: ['node-local-dns-down node-1 node-1'],
    says: [
      'critical: The DNS cache of node-1, which its pods ask at 169.254.20.10, does not answer: lookups there are lost.',
    ],
  },
];

function withoutReplicas(state: ClusterSnapshot): ClusterSnapshot {
  return {
    ...state,
    endpointSlices: state.endpointSlices.map((slice) =>
      slice.serviceName === 'kube-dns'
        ? { ...slice, endpoints: slice.endpoints.map((each) => ({ ...each, ready: false, serving: false })) }
        : slice,
    ),
    pods: state.pods?.map((pod) => (pod.namespace === 'kube-system' ? { ...pod, ready: false } : pod)) ?? null,
  };
}

function programBoth(lab: DnsLab, state: ClusterSnapshot): Undo {
  for (const node of lab.nodes) lab.program(node, state);
  return () => {
    for (const node of lab.nodes) lab.program(node);
  };
}

function programWithout(lab: DnsLab, lost: string): Undo {
  const [one] = lab.nodes;
  lab.program(one, lab.state, (line) => line.includes(lost));
  return () => lab.program(one);
}

describe('cluster DNS', () => {
  let lab: DnsLab;
  beforeAll(async () => {
    removeAbandoned();
    lab = await DnsLab.open();
  });
  afterAll(() => lab?.close());

  /** What comes of a situation, in the form in which it says what should come of it. */
  async function judged({ what, plan = {}, fault, api, traced }: Situation) {
    const running = await lab.start(plan);
    const undo = await fault?.(lab, running);
    const { findings, sentence } = await lab.look(api?.(lab));
    undo?.();
    const first = findings.filter(({ parent }) => parent === null);
    const says = first.map(({ severity, summary }) => `${severity}: ${summary}`);
    const shown = { what, told: outline(findings), says };
    return traced === undefined ? shown : { ...shown, traced: [traced[0], sentence('pod/shop/web-1a', traced[0])] };
  }

  /** What it should come to. */
  function wanted({ what, told, says, traced }: Situation) {
    return traced === undefined ? { what, told, says } : { what, told, says, traced };
  }

  it.each([well])('is well at first', async (one) => {
    expect(await judged(one)).toEqual(wanted(one));
  });

  it.each(ofReplicas)('$what', async (one) => {
    expect(await judged(one)).toEqual(wanted(one));
  });

  it.each(ofTheService)('$what', async (one) => {
    expect(await judged(one)).toEqual(wanted(one));
  });

  it.each(ofServersAbove)('$what', async (one) => {
    expect(await judged(one)).toEqual(wanted(one));
  });

  it.each(ofSettings)('$what', async (one) => {
    expect(await judged(one)).toEqual(wanted(one));
  });

  it.each([well])('is well again at last', async (one) => {
    expect(await judged(one)).toEqual(wanted(one));
  });
});
