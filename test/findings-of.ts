/** What the checks say of one node, as findings, with nothing disputed. */
import { judgeNode } from '../aggregator/audit/evaluate.ts';
import type { Check, NodeView } from '../aggregator/model/check.ts';
import type { Finding } from '../aggregator/model/finding.ts';

export function findingsOf(view: NodeView, checks: readonly Check[]): readonly Finding[] {
  return judgeNode(view, new Set(), checks).findings.map(({ finding }) => finding);
}
