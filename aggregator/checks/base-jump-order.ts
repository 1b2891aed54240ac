/*
 * kube-proxy inserts its jumps at the head of the built-in chains, once; whoever inserts a rule later stands before them.
 * Calico does so by design (kubernetes#61005 shows such a node), Docker and firewalls do as it comes. That is harmless
 * until such a rule takes packets to a service address: a DNAT or ACCEPT on a range that holds the service range, an
 * ACCEPT for all pods in FORWARD (flannel's) before kube-proxy can reject what has no endpoints.
 * Within nat KUBE-SERVICES kube-proxy keeps the jump to KUBE-NODEPORTS last ("this must be the last rule in this chain"):
 * external addresses that are the node's own would else be taken for node ports.
 */
import { type FrontendKey, origins } from '../../proto/forwarding.ts';
import type { BaseJump, IptablesStructure, RuleAhead } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Drift } from '../model/drift.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { fact, ruleEvidence } from './shared/evidence.ts';
import { driftClock, unique } from './shared/findings.ts';
import { keepRules, moveJump, program, restartKubeProxy } from './shared/remedies.ts';
import { serviceStructures } from './shared/rules.ts';
import { counted, packetsFrom } from './shared/words.ts';

export const baseJumpOrder: NodeCheck = {
  id: 'base-jump-order',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: "A foreign rule takes service packets before kube-proxy's rules see them",
  explanation: `kube-proxy inserts its jumps at the head of PREROUTING, OUTPUT, FORWARD and INPUT when it starts, and never moves them. A rule that somebody inserts later stands before them: where it accepts, drops or translates packets to a service address, kube-proxy's rules are never asked. In the nat table Services then go elsewhere or nowhere (\`high\`); in the filter table they are translated, but what should be rejected or dropped is let through.

The Services that differ by it are children of this finding. A rule behind the jump to KUBE-NODEPORTS in KUBE-SERVICES, which must be the last, is told likewise.`,
  falsePositives: `Rules of others before kube-proxy's are the rule, not the exception: Calico inserts its own first by design, Docker, portmap and Istio as it comes. It fires only where the agent has walked packets to a frontend into such a rule *and* the same frontend really differs from what the API asks for. Rules that depend on an interface or cannot be decided are left out: their frontends are unknown.`,
  remediation: `Move kube-proxy's jump before the foreign rule, with the command of the finding; that helps until the other program inserts its rule again, so make it append instead (Calico: chainInsertMode: Append) or narrow its rule. Restarting kube-proxy does not help: it finds its jump and leaves it where it is.`,
  needs: ['drift', 'iptables'],
  ...driftClock,
  evaluate,
};

/** What stands before one jump, or behind the last one, and the drifts that come of it. */
interface Misplaced {
  readonly structure: IptablesStructure;
  readonly jump: BaseJump;
  readonly text: string;
  readonly evidence: readonly Evidence[];
  readonly remedies: readonly Remedy[];
  readonly explains: readonly FrontendKey[];
}

function evaluate(view: NodeView): readonly Violation[] {
  return serviceStructures(view)
    .flatMap((structure) => [...rulesAhead(view, structure), ...nodePortsNotLast(view, structure)])
    .map(({ structure: { backend, family }, jump, text, evidence, remedies, explains }) => {
      const isMissed = jump.table === 'nat';
      return {
        subject: { kind: 'Rule', name: `${jump.table} ${jump.from} -> ${jump.to} (${program(backend, family)})` },
        summary: `${text} on ${view.name}: ${counted(explains.length, 'frontend')} ${isMissed ? 'served otherwise than asked for' : 'not refused as asked for'}.`,
        ...(isMissed ? { severity: 'high' as const } : {}),
        evidence: [...evidence, fact('frontends touched', String(explains.length))],
        remediation: [keepRules(view), ...remedies],
        frontends: explains,
        explains,
      };
    });
}

function rulesAhead(view: NodeView, structure: IptablesStructure): readonly Misplaced[] {
  const { backend, family } = structure;
  const byJump = Map.groupBy(structure.rulesAhead.first, ({ ahead }) => `${ahead.table} ${ahead.from} ${ahead.to}`);
  return [...byJump.values()].flatMap((rules): readonly Misplaced[] => {
    const taking = rules
      .map((rule) => ({ rule, keys: driftsBy(view, structure, rule) }))
      .filter(({ keys }) => keys.length > 0);
    const [first] = taking;
    if (first === undefined) return [];
    const jump = first.rule.ahead;
    return [
      {
        structure,
        jump,
        text: `${counted(taking.length, 'foreign rule')} before the jump ${jump.table} ${jump.from} -> ${jump.to} (${family})`,
        evidence: ruleEvidence(
          taking.map(({ rule }) => rule),
          taking.length,
          ({ origins }) => `takes ${packetsFrom(new Set(origins))}`,
        ),
        remedies: [
          moveJump(backend, family, jump),
          ...(taking.some(({ rule: { chain } }) => chain.startsWith('cali-')) ? [appendCalico] : []),
        ],
        explains: unique(taking.flatMap(({ keys }) => keys)),
      },
    ];
  });
}

const appendCalico: Remedy = {
  command: `kubectl patch felixconfiguration default --type merge -p '{"spec":{"chainInsertMode":"Append"}}'`,
  effect: 'Makes Calico append its jumps on every node, so that kube-proxy comes first.',
};

/** The drifts of frontends that a rule takes packets of, from an origin of these. */
function driftsBy(view: NodeView, { family }: IptablesStructure, rule: RuleAhead): readonly FrontendKey[] {
  const { total, first } = rule.frontends;
  const taken = new Set(first);
  // Of a rule that takes more than a report lists, all of that kind.
  const isAny = total > first.length;
  return view.drift
    .filter((drift) => drift.frontend.family === family && (isAny || taken.has(drift.key)) && differs(drift, rule))
    .map(({ key }) => key);
}

const touched = new Set(['action', 'backends', 'sources', 'masquerade', 'affinity']);

function differs(drift: Drift, { origins: taken }: Pick<RuleAhead, 'origins'>): boolean {
  switch (drift.kind) {
    case 'missing':
      return true;
    case 'different':
      return drift.differences.some(({ aspect, origin }) => touched.has(aspect) && taken.includes(origin));
    case 'stale':
    case 'unknown':
      return false;
  }
}

/** External addresses that are the node's own, on a port that is a node port too. */
function nodePortsNotLast(view: NodeView, structure: IptablesStructure): readonly Misplaced[] {
  const { total, first } = structure.rulesAfterNodePorts;
  if (total === 0) return [];
  const { family } = structure;
  const nodePorts = new Set(
    [...(view.desired?.values() ?? [])].flatMap(({ frontend: { address, protocol, port } }) =>
      address === 'node' ? [`${protocol} ${port}`] : [],
    ),
  );
  const explains = view.drift
    .filter(({ frontend: one }) => one.family === family && one.address !== 'node')
    .filter((drift) => nodePorts.has(`${drift.frontend.protocol} ${drift.frontend.port}`))
    .filter((drift) => differs(drift, { origins }))
    .map(({ key }) => key);
  if (explains.length === 0) return [];
  const jump = { table: 'nat', from: 'KUBE-SERVICES', to: 'KUBE-NODEPORTS' };
  return [
    {
      structure,
      jump,
      text: `${counted(total, 'rule')} behind the jump to KUBE-NODEPORTS, which must be the last (${family})`,
      evidence: ruleEvidence(first, total, () => 'stands behind the jump to KUBE-NODEPORTS'),
      remedies: [restartKubeProxy(view.name)],
      explains,
    },
  ];
}
