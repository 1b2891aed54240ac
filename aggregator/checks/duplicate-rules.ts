/*
 * kube-proxy adds a base jump after asking iptables whether it is there; with an iptables whose check is broken (1.8.10:
 * cloudnativelabs/kube-router#1676, #1789) or in competition with other software (kubernetes/dns#568, kubernetes#71305)
 * the rule is added again at every start or sync. Rules in kube-proxy's own chains are written as a whole, so a double
 * one there was put in by somebody else. Every copy is walked for every packet.
 */
import type { DuplicateRule, IptablesStructure } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Subject, Violation } from '../model/finding.ts';
import { fact, ruleEvidence } from './shared/evidence.ts';
import { unique } from './shared/findings.ts';
import { deleteRule, restartKubeProxy } from './shared/remedies.ts';
import { indexPorts, portOfRule, type ServedPort, structuresOf } from './shared/rules.ts';

export const duplicateRules: NodeCheck = {
  id: 'duplicate-rules',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'The same rule stands more than once in a chain',
  explanation: `A rule in one of kube-proxy's chains, or a jump to one, is there more than once. A copy of a plain jump changes nothing at once, but copies that keep growing slow down every packet of the node for weeks until somebody looks; a copy of a balancing rule changes the shares of the backends.`,
  falsePositives: `Rules that only look alike are not counted: the whole rule, with comment and all matches, must be the same and stand in the same chain.`,
  remediation: `Delete the copies. If they come back, find out who adds them: often the iptables in a container image is one of the releases whose \`-C\` does not find existing rules; upgrade that image.`,
  needs: ['drift', 'iptables'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

interface Copy extends DuplicateRule {
  readonly where: IptablesStructure;
}

function evaluate(view: NodeView): readonly Violation[] {
  const structures = structuresOf(view).filter((structure) => structure.duplicateRules.total > 0);
  if (structures.length === 0) return [];
  const index = indexPorts(view);
  const groups = new Map<string, { readonly port: ServedPort | null; readonly copies: Copy[] }>();
  for (const where of structures) {
    for (const rule of where.duplicateRules.first) {
      const port = portOfRule(index, rule, where.family);
      const name = port === null ? `${rule.table} ${rule.rule}` : `${port.label} ${port.protocol}`;
      const group = groups.get(name) ?? { port, copies: [] };
      group.copies.push({ ...rule, where });
      groups.set(name, group);
    }
  }
  const total = structures.reduce((sum, { duplicateRules }) => sum + duplicateRules.total, 0);
  return [...groups.values()].map(({ port, copies }) => violation(view, port, copies, total));
}

function violation(view: NodeView, port: ServedPort | null, copies: readonly Copy[], total: number): Violation {
  const most = Math.max(...copies.map(({ count }) => count));
  const chains = unique(copies.map(({ chain }) => chain)).join(', ');
  const subject: Subject = port?.subject ?? {
    kind: 'Rule',
    name: `${copies[0]?.table ?? ''} ${copies[0]?.rule ?? ''}`,
  };
  const families = new Set(copies.map(({ where }) => where.family));
  const drifting = view.drift.filter((drift) => families.has(drift.frontend.family)).map((drift) => drift.key);
  const keys = port === null ? [] : drifting.filter((key) => port.frontends.includes(key));
  return {
    subject,
    summary: `A rule${port === null ? '' : ` of ${port.label}`} stands ${most} times in chain ${chains} on ${view.name}.`,
    evidence: [
      ...ruleEvidence(
        copies,
        copies.length,
        ({ count, where }) => `${count} times (iptables-${where.backend}, ${where.family})`,
      ),
      fact('rules with copies on this node', String(total)),
    ],
    remediation: [
      ...copies.slice(0, 3).flatMap((copy) => deleteRule(copy.where.backend, copy.where.family, copy)),
      restartKubeProxy(view.name),
    ],
    frontends: keys,
    explains: keys,
  };
}
