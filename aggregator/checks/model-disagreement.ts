/*
 * What a node should do is our own reading of kube-proxy's source, release by release. If nearly all nodes of one mode and
 * version differ from it in one and the same way, a formula that is wrong for that release is far more likely than the
 * same damage on every node. Then we say so once, and nothing about the nodes.
 */

import { routeText } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { type Forwarding, origins } from '../../proto/forwarding.ts';
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { Difference, Drift } from '../model/drift.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { joined } from './shared/words.ts';

const leastNodes = 10;
const leastShare = 0.9;

export const modelDisagreement: ClusterCheck = {
  id: 'model-disagreement',
  layer: 'L3',
  scope: 'cluster',
  severity: 'medium',
  title: 'Most nodes of one version differ from our formula in the same way',
  explanation: `At least ${leastNodes} nodes, and ${leastShare * 100} % of all that run kube-proxy in one mode and version, show exactly the same difference on the same service addresses. Either kube-proxy of that version does it otherwise than this tool expects, or all of them missed the same change. Until that is cleared up nothing is claimed: these addresses are unknown on these nodes, and there is no finding per node.`,
  falsePositives: `All kube-proxies of a cluster can really be behind in the same way, for instance when none of them reaches the API server. Nodes whose rules are visibly damaged, or whose kube-proxy is silent, are not counted.`,
  remediation: `Compare one of the addresses by hand on one node with the Service and its endpoints. If the node is right, report the version of kube-proxy with the evidence; if it is wrong, restart kube-proxy on all nodes.`,
  needs: ['drift'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

/** The same drift, as it was seen on some nodes. */
interface Shared {
  readonly key: FrontendKey;
  readonly text: string;
  readonly nodes: string[];
}

function evaluate(cluster: ClusterView): readonly Violation[] {
  const groups = Map.groupBy(cluster.nodes.filter(isWitness), release);
  return [...groups].flatMap(([name, nodes]) => {
    if (name === null || nodes.length < leastNodes) return [];
    const least = Math.max(leastNodes, Math.ceil(nodes.length * leastShare));
    const agreed = sharedDrifts(nodes).filter((drift) => drift.nodes.length >= least);
    return agreed.length === 0 ? [] : [violation(name, nodes.length, agreed)];
  });
}

/** Damage that is to be seen explains itself; it says nothing about our formula. */
function isWitness({ desired, observed, parts }: NodeView): boolean {
  if (desired === null || observed === null) return false;
  if (parts.kubeProxy.state === 'ok' && parts.kubeProxy.value.healthz === 'silent') return false;
  if (parts.iptables.state !== 'ok') return true;
  const { structures, serviceBackends } = parts.iptables.value;
  return serviceBackends.length < 2 && structures.every(({ missingBaseJumps }) => missingBaseJumps.length === 0);
}

/** Mode and version of a node's kube-proxy; null where either is unknown. */
function release({ profile: { mode, kubeProxyVersion } }: NodeView): string | null {
  if (mode.source === 'unknown' || kubeProxyVersion.source === 'unknown') return null;
  return `${mode.value} ${kubeProxyVersion.value}`;
}

function sharedDrifts(nodes: readonly NodeView[]): readonly Shared[] {
  const found = new Map<string, Shared>();
  for (const view of nodes) {
    for (const drift of view.drift) {
      if (drift.kind === 'unknown') continue;
      const text = driftText(drift);
      const shared = found.get(`${drift.key} ${text}`);
      if (shared === undefined) found.set(`${drift.key} ${text}`, { key: drift.key, text, nodes: [view.name] });
      else shared.nodes.push(view.name);
    }
  }
  return [...found.values()];
}

function violation(name: string, nodeCount: number, agreed: readonly Shared[]): Violation {
  const disputes = new Map<string, Set<FrontendKey>>();
  for (const { key, nodes } of agreed) {
    for (const node of nodes) disputes.set(node, (disputes.get(node) ?? new Set()).add(key));
  }
  const keys = [...new Set(agreed.map(({ key }) => key))];
  return {
    subject: { kind: 'Cluster', name },
    summary: `${disputes.size} of ${nodeCount} nodes with kube-proxy ${name} differ from what is expected in the same way at ${joined(keys)}: the expectation is the suspect, and nothing is claimed there.`,
    evidence: agreed
      .slice(0, 10)
      .map(({ key, text, nodes }) => fact(key, `${text} (on ${nodes.length} of ${nodeCount} nodes)`)),
    remediation: [],
    frontends: keys,
    disputes,
  };
}

/** The same text for the same drift, whatever node it is on. */
function driftText(drift: Drift): string {
  switch (drift.kind) {
    case 'missing':
      return `wanted ${routesText(drift.wanted)}, real none`;
    case 'stale':
      return `wanted none, real ${routesText(drift.real)}`;
    case 'different':
      return drift.differences.map(differenceText).join('; ');
    case 'unknown':
      return `unknown ${drift.reason}`;
  }
}

function routesText(forwarding: Forwarding): string {
  const texts = origins.map((origin) => routeText(forwarding[origin].route));
  return [...new Set(texts)].join(' / ');
}

function differenceText(difference: Difference): string {
  const { aspect, origin } = difference;
  if (aspect === 'backends') {
    return `${origin}: missing [${difference.missing.join(',')}] stale [${difference.stale.join(',')}]`;
  }
  return `${origin}: ${aspect} wanted ${JSON.stringify(difference.wanted)}, real ${JSON.stringify(difference.real)}`;
}
