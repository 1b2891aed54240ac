/*
 * What a node should do is our own reading of kube-proxy's source, release by release. If nearly all nodes of one mode and
 * version differ from it in one and the same way, a formula that is wrong for that release is far more likely than the
 * same damage on every node. Then we say so once, and nothing about the nodes.
 */

import type { FrontendKey } from '../../proto/forwarding.ts';
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { type Agreement, agreementsOf, leastNodes, leastShare } from './shared/agreement.ts';
import { fact } from './shared/evidence.ts';
import { joined } from './shared/words.ts';

export const modelDisagreement: ClusterCheck = {
  id: 'model-disagreement',
  layer: 'L3',
  scope: 'cluster',
  severity: 'medium',
  title: 'Most nodes of one version differ from our formula in the same way',
  explanation: `At least ${leastNodes} nodes, and ${leastShare * 100} % of all that run kube-proxy in one mode and version, show exactly the same difference on the same service addresses. Either kube-proxy of that version does it otherwise than this tool expects, or all of them missed the same change. Until that is cleared up nothing is claimed: these addresses are unknown on these nodes, and there is no finding per node.`,
  falsePositives: `All kube-proxies of a cluster can really be behind in the same way, for instance when none of them reaches the API server. Nodes whose rules are visibly damaged, or of two modes, or whose kube-proxy is silent, are not counted.`,
  remediation: `Compare one of the addresses by hand on one node with the Service and its endpoints. If the node is right, report the version of kube-proxy with the evidence; if it is wrong, restart kube-proxy on all nodes.`,
  needs: ['drift'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

function evaluate({ nodes }: ClusterView): readonly Violation[] {
  return agreementsOf(nodes).map(violation);
}

function violation({ release, nodes: all, drifts }: Agreement): Violation {
  const disputes = new Map<string, Set<FrontendKey>>();
  for (const { key, nodes } of drifts) {
    for (const { name } of nodes) disputes.set(name, (disputes.get(name) ?? new Set()).add(key));
  }
  const keys = [...new Set(drifts.map(({ key }) => key))];
  return {
    subject: { kind: 'Cluster', name: release },
    summary: `${disputes.size} of ${all.length} nodes with kube-proxy ${release} differ from what is expected in the same way at ${joined(keys)}: the expectation is the suspect, and nothing is claimed there.`,
    evidence: drifts
      .slice(0, 10)
      .map(({ key, text, nodes }) => fact(key, `${text} (on ${nodes.length} of ${all.length} nodes)`)),
    remediation: [],
    frontends: keys,
    disputes,
  };
}
