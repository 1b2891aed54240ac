/*
 * A reader that is older than the writer prints `[unsupported revision]` in place of a match or target, and a newer match
 * may simply not be known here (kubernetes#95409). A rule that cannot be read could do anything with the packets that
 * reach it, so the frontends it can meet are unknown, never missing.
 */
import type { UnknownReason } from '../../proto/forwarding.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact, ruleEvidence } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { structuresOf } from './shared/rules.ts';
import { counted } from './shared/words.ts';

const unreadable: ReadonlySet<UnknownReason> = new Set<UnknownReason>([
  'unreadable-match',
  'unreadable-rule',
  'unreadable-target',
]);

export const unreadableRules: NodeCheck = {
  id: 'unreadable-rules',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: 'The node has rules that this agent cannot read',
  explanation: `Some rules on the node use a match or a target that the agent's tools do not know, or print only in part. What they do is not guessed: the service addresses whose packets can come to such a rule are unknown on this node, and all others are judged as usual.

It is \`low\` while no service address is touched by it.`,
  falsePositives: `A rule whose readable matches leave out all service packets touches none of them and does not make anything unknown.`,
  remediation: `Give the agent an iptables at least as new as the one that writes the rules, usually by a newer agent image. If the rule is of a common component, report it, so that it can be read.`,
  needs: ['drift', 'iptables'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const structures = structuresOf(view);
  const total = structures.reduce((sum, structure) => sum + structure.unreadableRules.total, 0);
  const touched = view.drift.filter((drift) => drift.kind === 'unknown').filter(({ reason }) => unreadable.has(reason));
  if (total === 0 && touched.length === 0) return [];
  const rules = structures.flatMap((where) => where.unreadableRules.first.map((line) => ({ ...line, where })));
  const effect =
    touched.length === 0 ? 'no service address is touched' : `${counted(touched.length, 'frontend')} cannot be judged`;
  const count = total === 0 ? 'some rules' : counted(total, 'rule');
  return [
    {
      subject: nodeSubject(view),
      summary: `On ${view.name} ${count} could not be read: ${effect}.`,
      ...(touched.length === 0 ? { severity: 'low' as const } : {}),
      evidence: [
        ...ruleEvidence(rules, total, ({ where }) => `not readable (iptables-${where.backend}, ${where.family})`),
        ...touched.slice(0, 10).map(({ key, reason }) => fact(`unknown: ${reason}`, key)),
      ],
      remediation: [
        {
          command: 'iptables --version',
          effect: `Run on ${view.name} and in the agent's image: the agent's must not be the older one.`,
        },
      ],
      frontends: touched.map(({ key }) => key),
    },
  ];
}
