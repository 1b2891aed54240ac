/**
 * Which violation is the cause of which, on one node or among those of the whole cluster.
 *
 * One damage has several faces: where the jump to all of kube-proxy is gone, every Service is missing. The lowest cause
 * is the finding and the rest are its children. `order` lists what can be a cause, the lowest first, with what it can
 * bring about; it says nothing of others, so a double rule is never laid to a stopped kube-proxy. A violation is a child
 * when a cause before it accounts for every frontend and every topic (a pod, another node) that it speaks of. Parents are
 * always roots: a child of a child hangs on the first cause. So whatever is an effect stands behind what can cause it.
 *
 *     cni-config-missing > cni-config-ambiguous > cni-plugin-missing > ipam-leak > tunnel-down > orphan-veth
 *         > pod-route-misdirected > sandbox-failing > pod-unwired > pod-address-mismatch > bgp-down > vtep-mac-drift
 *         > blackhole-route > ip-forward-off > peer-route-missing > rp-filter-strict > peer-fdb-missing > mtu-ladder
 *         > vxlan-checksum-offload
 *     mixed-backends > missing-base-jump > base-jump-order > dangling-jump > duplicate-rules > node-name-mismatch
 *         > local-detector-wrong > mark-collision > missing-masquerade (of the node) > proxy-down > proxy-sync-failing
 *         > proxy-stalled > stale-endpoint > missing-service, rejected-service > missing-endpoint
 *     stale-conntrack > dns-vip-failing
 *     dns-forward-loop > dns-no-endpoints > service-selects-nothing; dns-upstream-failing (of the cluster)
 *
 * Damage that can be seen in the rules stands before proxy-down and its like: a kube-proxy that stopped, fails or hears
 * nothing leaves rules old, but whole.
 */
import type { Violation } from '../model/finding.ts';

interface Cause {
  readonly check: string;
  readonly effects: readonly string[];
}

/** What is wrong with the rules of single Services when they are old. */
const staleRules = [
  'affinity-mismatch',
  'dns-vip-failing',
  'matrix-mismatch',
  'health-check-node-port',
  'missing-endpoint',
  'missing-masquerade',
  'missing-service',
  'rejected-service',
  'source-range-mismatch',
  'stale-endpoint',
  'stale-service',
  'uneven-balance',
  'unrejected-service',
];

/** What follows where pods of a node cannot get a network. */
const noNetwork = ['sandbox-failing', 'pod-without-ip'];

/** What is below Services: a pod's interface, then the way to other nodes. */
const below: readonly Cause[] = [
  { check: 'cni-config-missing', effects: noNetwork },
  { check: 'cni-config-ambiguous', effects: ['cni-plugin-missing', ...noNetwork] },
  { check: 'cni-plugin-missing', effects: noNetwork },
  { check: 'ipam-leak', effects: noNetwork },
  {
    check: 'tunnel-down',
    effects: [
      'mtu-ladder',
      'node-unreachable',
      'peer-fdb-missing',
      'peer-route-missing',
      'pod-cidr-mismatch',
      'pod-route-misdirected',
      'pod-unwired',
      'vtep-mac-drift',
    ],
  },
  { check: 'orphan-veth', effects: ['pod-route-misdirected', 'sandbox-failing'] },
  { check: 'pod-route-misdirected', effects: ['pod-unwired', ...noNetwork] },
  { check: 'sandbox-failing', effects: ['pod-without-ip'] },
  { check: 'pod-unwired', effects: ['matrix-mismatch', 'pod-address-mismatch', 'pod-default-route'] },
  { check: 'pod-address-mismatch', effects: ['matrix-mismatch', 'pod-default-route'] },
  { check: 'bgp-down', effects: ['node-unreachable', 'peer-route-missing'] },
  { check: 'vtep-mac-drift', effects: ['node-unreachable', 'peer-fdb-missing'] },
  { check: 'blackhole-route', effects: ['node-unreachable', 'peer-route-missing'] },
  { check: 'ip-forward-off', effects: ['node-unreachable'] },
  // A wrong route back is what makes the way asymmetric.
  { check: 'peer-route-missing', effects: ['node-unreachable', 'rp-filter-strict'] },
  { check: 'rp-filter-strict', effects: ['node-unreachable'] },
  { check: 'peer-fdb-missing', effects: ['node-unreachable'] },
  { check: 'mtu-ladder', effects: ['node-unreachable'] },
  { check: 'vxlan-checksum-offload', effects: ['node-unreachable'] },
];

const order: readonly Cause[] = [
  ...below,
  { check: 'mixed-backends', effects: ['mixed-backends', 'proxy-stalled', 'unreadable-rules', ...staleRules] },
  {
    check: 'missing-base-jump',
    effects: [
      'dns-vip-failing',
      'matrix-mismatch',
      'missing-masquerade',
      'missing-service',
      // Where everything is gone, Services that are young look as before they were made.
      'proxy-stalled',
      'rejected-service',
      'source-range-mismatch',
      'unrejected-service',
    ],
  },
  {
    check: 'base-jump-order',
    effects: [
      'dns-vip-failing',
      'matrix-mismatch',
      'missing-endpoint',
      'missing-masquerade',
      'missing-service',
      'rejected-service',
      'source-range-mismatch',
      'stale-endpoint',
      'unrejected-service',
    ],
  },
  {
    check: 'dangling-jump',
    effects: [
      'dns-vip-failing',
      'matrix-mismatch',
      'affinity-mismatch',
      'missing-endpoint',
      'missing-masquerade',
      'missing-service',
      'orphaned-chains',
      'rejected-service',
      'source-range-mismatch',
      'stale-endpoint',
      'uneven-balance',
    ],
  },
  { check: 'duplicate-rules', effects: ['affinity-mismatch', 'uneven-balance'] },
  {
    check: 'ipvs-unbound-vip',
    effects: [
      'dns-vip-failing',
      'matrix-mismatch',
      'missing-masquerade',
      'missing-service',
      'rejected-service',
      'source-range-mismatch',
      'unrejected-service',
    ],
  },
  { check: 'ipvs-drained-backend', effects: ['missing-endpoint', 'rejected-service', 'uneven-balance'] },
  {
    check: 'node-name-mismatch',
    effects: [
      'dns-vip-failing',
      'matrix-mismatch',
      'health-check-node-port',
      'missing-endpoint',
      'missing-masquerade',
      'missing-service',
      'rejected-service',
      'stale-endpoint',
      'uneven-balance',
      'unrejected-service',
    ],
  },
  { check: 'local-detector-wrong', effects: ['missing-masquerade'] },
  { check: 'mark-collision', effects: ['missing-masquerade', 'unrejected-service'] },
  { check: 'missing-masquerade', effects: ['missing-masquerade'] },
  { check: 'proxy-down', effects: staleRules },
  { check: 'proxy-sync-failing', effects: staleRules },
  { check: 'proxy-stalled', effects: staleRules },
  {
    check: 'stale-endpoint',
    effects: ['dns-vip-failing', 'matrix-mismatch', 'missing-endpoint', 'missing-masquerade', 'uneven-balance'],
  },
  { check: 'missing-service', effects: ['dns-vip-failing', 'matrix-mismatch', 'orphaned-chains'] },
  { check: 'rejected-service', effects: ['dns-vip-failing', 'matrix-mismatch', 'orphaned-chains'] },
  { check: 'missing-endpoint', effects: ['missing-masquerade', 'uneven-balance'] },
  { check: 'stale-conntrack', effects: ['dns-vip-failing', 'matrix-mismatch'] },
  { check: 'dns-forward-loop', effects: ['dns-no-endpoints', 'dns-upstream-failing'] },
  { check: 'dns-no-endpoints', effects: ['service-selects-nothing'] },
];

/** A violation with the check that found it. */
export interface Found {
  readonly check: string;
  readonly violation: Violation;
}

/**
 * Finds the root cause of each violation.
 * @returns for every violation that has one, its cause; both are objects of `found`.
 */
export function rootCauses<T extends Found>(found: readonly T[]): ReadonlyMap<T, T> {
  const byCheck = Map.groupBy(found, ({ check }) => check);
  const byFrontend = Map.groupBy(found, ({ violation }) => violation.frontends[0]);
  const byTopic = Map.groupBy(found, ({ violation }) => violation.topics?.[0]);
  const roots = new Map<T, T>();
  for (const { check, effects } of order) {
    for (const cause of byCheck.get(check) ?? []) {
      const { explains = [], explainsTopics = [] } = cause.violation;
      const keys = among(explains, byFrontend, found);
      const topics = among(explainsTopics, byTopic, found);
      for (const effect of new Set([...keys.candidates, ...topics.candidates])) {
        if (roots.has(effect) || !canFollow(cause, effect) || !effects.includes(effect.check)) continue;
        const { frontends, topics: spoken = [] } = effect.violation;
        const isExplained =
          frontends.length + spoken.length > 0 && frontends.every(keys.holds) && spoken.every(topics.holds);
        if (isExplained) roots.set(effect, roots.get(cause) ?? cause);
      }
    }
  }
  return roots;
}

/** What a cause explains, and which violations that can concern: those whose first frontend or topic is among it. */
function among<Key extends string, T>(
  explained: readonly Key[] | 'all',
  byFirst: ReadonlyMap<string | undefined, readonly T[]>,
  all: readonly T[],
): { readonly candidates: readonly T[]; readonly holds: (key: Key) => boolean } {
  if (explained === 'all') return { candidates: all, holds: () => true };
  const known = new Set<Key>(explained);
  return { candidates: explained.flatMap((key) => byFirst.get(key) ?? []), holds: (key) => known.has(key) };
}

/** Within one check only what explains nothing itself follows from what does. */
function canFollow(cause: Found, effect: Found): boolean {
  const { explains, explainsTopics } = effect.violation;
  const explainsNothing = explains === undefined && explainsTopics === undefined;
  return cause !== effect && (cause.check !== effect.check || explainsNothing);
}
