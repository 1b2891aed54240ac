/*
 * A chain of a service port or endpoint that is declared but holds nothing lets packets return and go on as they were.
 * It is left by hand, by other software that flushes chains, or by a restore that was applied in part
 * (kubernetes#121362). kube-proxy does not notice: it lists chain names only to delete unused ones, and rewrites the
 * chains of a Service only when that Service changes. An endpoint chain without DNAT is the same damage: the packet comes
 * back and meets the next rule of the Service, so the endpoint's share moves to the ones behind it, and only past the
 * last one do packets leave untranslated.
 */
import type { Family } from '../../proto/address.ts';
import { wholeShare } from '../../proto/forwarding.ts';
import type { DanglingJump, IptablesStructure } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Drift } from '../model/drift.ts';
import type { Subject, Violation } from '../model/finding.ts';
import { fact, ruleEvidence } from './shared/evidence.ts';
import { allDifferences } from './shared/faults.ts';
import { driftClock, unique } from './shared/findings.ts';
import { resync } from './shared/remedies.ts';
import { indexPorts, type PortIndex, portOfChain, portOfRule, type ServedPort, structuresOf } from './shared/rules.ts';
import { joined } from './shared/words.ts';

export const danglingJump: NodeCheck = {
  id: 'dangling-jump',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'A jump leads to an empty or absent chain',
  explanation: `A rule of kube-proxy sends the packets of a Service to a chain that holds no rule, or to an endpoint's chain that no longer translates the address. The packets come back unchanged and go on: to the other endpoints of the Service, or untranslated out of the node, where nobody answers.

It is \`high\` while no packet is lost by it, since the other endpoints take over. What the Service lacks because of it is told by children of this finding.`,
  falsePositives: `Only chains that kube-proxy never leaves empty are looked at; an empty KUBE-NODEPORTS or KUBE-EXTERNAL-SERVICES is normal. Rules are read as whole transactions, so a sync under way does not look like this.`,
  remediation: `Restart kube-proxy on the node, or change the Service or one of its endpoints: both rewrite the Service's chains. Changes of other Services do not.`,
  needs: ['drift', 'iptables'],
  ...driftClock,
  evaluate,
};

interface Jump extends DanglingJump {
  readonly where: IptablesStructure;
}

function evaluate(view: NodeView): readonly Violation[] {
  const structures = structuresOf(view).filter(({ danglingJumps }) => danglingJumps.total > 0);
  if (structures.length === 0) return [];
  const index = indexPorts(view);
  const groups = new Map<string, { readonly port: ServedPort | null; readonly jumps: Jump[] }>();
  for (const where of structures) {
    for (const jump of where.danglingJumps.first) {
      const port = portOfChain(index, jump.target) ?? portOfRule(index, jump, where.family);
      const name = port === null ? jump.target : `${port.label} ${port.protocol}`;
      const group = groups.get(name) ?? { port, jumps: [] };
      group.jumps.push({ ...jump, where });
      groups.set(name, group);
    }
  }
  const shown = [...groups.values()].reduce((sum, { jumps }) => sum + jumps.length, 0);
  const total = structures.reduce((sum, { danglingJumps }) => sum + danglingJumps.total, 0);
  return [...groups.values()].map(({ port, jumps }) => violation({ view, index, total, shown }, port, jumps));
}

interface Scene {
  readonly view: NodeView;
  readonly index: PortIndex;
  readonly total: number;
  readonly shown: number;
}

function violation(scene: Scene, port: ServedPort | null, jumps: readonly Jump[]): Violation {
  const { view, total, shown } = scene;
  const families = new Set(jumps.map(({ where }) => where.family));
  const touched = port === null ? [] : touchedDrifts(scene, port, families);
  const keys = touched.map((drift) => drift.key);
  const loses = port === null || touched.some(losesPackets);
  const isUnknown = touched.some((drift) => drift.kind === 'unknown');
  const targets = joined(unique(jumps.map(({ target }) => target)));
  const subject: Subject = port?.subject ?? { kind: 'Rule', name: `${jumps[0]?.table ?? 'nat'} ${targets}` };
  const effect = effectText(loses, isUnknown);
  return {
    subject,
    summary: `Rules${port === null ? '' : ` of ${port.label}`} on ${view.name} jump to ${targets}, which does nothing with the packets: ${effect}.`,
    ...(loses || isUnknown ? {} : { severity: 'high' as const }),
    evidence: [
      ...ruleEvidence(
        jumps,
        jumps.length,
        ({ target, where }) => `${target} holds no rule that acts (iptables-${where.backend}, ${where.family})`,
      ),
      ...(total > shown ? [fact('dangling jumps on this node', `${total}, of which ${shown} were reported`)] : []),
    ],
    remediation: resync(view),
    frontends: keys,
    explains: keys,
  };
}

function effectText(loses: boolean, isUnknown: boolean): string {
  if (loses) return 'packets pass untranslated';
  return isUnknown ? 'what becomes of its packets is not known' : 'no packet is lost while other endpoints take over';
}

function touchedDrifts({ view, index }: Scene, port: ServedPort, families: ReadonlySet<Family>): readonly Drift[] {
  return view.drift.filter((drift) => families.has(drift.frontend.family) && index.byFrontend.get(drift.key) === port);
}

/** Packets of some origin leave as they came, all or a part of them. */
function losesPackets(drift: Drift): boolean {
  return allDifferences(drift).some((difference) => {
    if (difference.aspect === 'action') return difference.wanted === 'forward';
    if (difference.aspect !== 'shares' || difference.real === 'even') return false;
    return difference.real.lost > wholeShare / 1e6;
  });
}
