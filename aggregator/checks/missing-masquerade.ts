/*
 * kube-proxy masquerades in two steps: service rules mark a packet in KUBE-MARK-MASQ (bit 14 unless configured), and
 * KUBE-POSTROUTING masquerades what carries the mark. Either step may be lost for the whole node (a flushed or edited
 * chain, another masqueradeBit than the rules have), or single rules may be lost in KUBE-EXT, KUBE-SVC or KUBE-SEP chains
 * (kubernetes#36835). Without masquerade the reply takes another way back than the request came, and is thrown away.
 */
import type { Family } from '../../proto/address.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { IptablesStructure, MasqueradePath } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Difference } from '../model/drift.ts';
import type { Violation } from '../model/finding.ts';
import { fact, forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, frontendsText, keysOf, originsOf, unique } from './shared/findings.ts';
import { resync } from './shared/remedies.ts';
import { serviceStructures } from './shared/rules.ts';
import { joined, masqueradeText, packetsFrom } from './shared/words.ts';

type Broken = Exclude<MasqueradePath, 'ok'>;

const brokenText: { readonly [path in Broken]: string } = {
  'mark-not-set': "chain KUBE-MARK-MASQ does not set kube-proxy's mark, so nothing is masqueraded",
  'not-masqueraded': "packets with kube-proxy's mark reach no MASQUERADE rule in POSTROUTING",
  'masquerades-unmarked':
    "packets without kube-proxy's mark are masqueraded too, so all backends see the node's address",
};

export const missingMasquerade: NodeCheck = {
  id: 'missing-masquerade',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'Packets are not masqueraded as they should be',
  explanation: `Some connections must carry the node's address as their source, so that replies come back through this node: node ports and external addresses with policy Cluster, clients outside the pod network, and a pod that reaches itself through its own Service. Here the rules masquerade less (those connections hang), or more (the backend sees the node in place of the client).

When the mark or the MASQUERADE rule itself is damaged there is one finding for the node, and those of single Services are its children.`,
  falsePositives: `The mark is the one that kube-proxy's own configuration names, so another \`masqueradeBit\` is no fault. Policy Local keeps the client's address on purpose.`,
  remediation: `Restart kube-proxy on the node; it writes KUBE-MARK-MASQ and KUBE-POSTROUTING at every sync, the chains of a Service only when that changes or at a restart. If other software manages the nat table, find out whether it uses the same mark bit.`,
  needs: ['drift', 'iptables'],
  ...driftClock,
  evaluate: (view) => [
    ...pathViolations(view),
    ...faultGroups(view, 'missing-masquerade').map((group) => serviceViolation(view, group)),
  ],
};

/** One per family: with two backends populated the first broken one is told. */
function pathViolations(view: NodeView): readonly Violation[] {
  const violations = new Map<Family, Violation>();
  for (const structure of serviceStructures(view)) {
    const { family, masqueradePath } = structure;
    if (masqueradePath === 'ok' || violations.has(family) || isBaseJumpLost(structure)) continue;
    violations.set(family, pathViolation(view, structure, masqueradePath));
  }
  return [...violations.values()];
}

function pathViolation(view: NodeView, { family, backend }: IptablesStructure, path: Broken): Violation {
  const chain = path === 'mark-not-set' ? 'KUBE-MARK-MASQ' : 'KUBE-POSTROUTING';
  const frontends = faultKeys(view, family);
  return {
    subject: { kind: 'Rule', name: `nat ${chain} (${family})` },
    summary: `On ${view.name} (${family}) ${brokenText[path]}.`,
    evidence: [
      fact('masquerade path', `${path} in iptables-${backend}, ${family}`),
      fact('frontends touched', String(frontends.length)),
    ],
    remediation: resync(view),
    // It speaks of the node's rules, not of frontends: so no other finding can be its cause.
    frontends: [],
    explains: frontends,
  };
}

/** Then missing-base-jump speaks of it. */
function isBaseJumpLost({ masqueradePath, missingBaseJumps }: IptablesStructure): boolean {
  return masqueradePath === 'not-masqueraded' && missingBaseJumps.some(({ to }) => to === 'KUBE-POSTROUTING');
}

function faultKeys(view: NodeView, family: Family): readonly FrontendKey[] {
  return faultGroups(view, 'missing-masquerade')
    .flatMap((group) => group.faults)
    .filter((fault) => fault.frontend.family === family)
    .map((fault) => fault.key);
}

function serviceViolation(view: NodeView, group: FaultGroup): Violation {
  const texts = unique(group.faults.flatMap(({ differences }) => differences.map(differenceText)));
  const packets = packetsFrom(originsOf(group));
  const onlyMore = group.faults.every(({ differences }) => differences.every(isSuperfluous));
  return {
    subject: group.subject,
    summary: `${view.name} masquerades ${packets} to ${group.label} at ${frontendsText(group)} otherwise than asked: ${joined(texts)}.`,
    ...(onlyMore ? { severity: 'medium' as const } : {}),
    evidence: forwardingEvidence(group.faults),
    remediation: resync(view),
    frontends: keysOf(group),
  };
}

function differenceText(difference: Difference): string {
  switch (difference.aspect) {
    case 'masquerade':
      return `${masqueradeText(difference.real)} where ${masqueradeText(difference.wanted)} is right${isSuperfluous(difference) ? " (the client's address is lost, replies still arrive)" : ''}`;
    case 'hairpin':
      return `hairpin for ${difference.real} of the backends where ${difference.wanted} is right`;
    case 'action':
    case 'backends':
    case 'affinity':
    case 'sources':
    case 'shares':
      return '';
  }
}

/** More is masqueraded than asked: connections work, only the client's address is lost. */
function isSuperfluous(difference: Difference): boolean {
  if (difference.aspect === 'masquerade') return difference.wanted === 'never' || difference.real === 'always';
  return difference.aspect === 'hairpin' && (difference.wanted === 'none' || difference.real === 'all');
}
