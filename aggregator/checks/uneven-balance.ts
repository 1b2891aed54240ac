/*
 * The n balancing rules of a KUBE-SVC chain have probabilities 1/n, 1/(n-1), ... and none on the last, kept by the kernel
 * in parts of 2^31. An edited probability, a rule that stands twice, or one that is lost shifts the shares; a probability
 * on the last rule lets a part of the packets fall through, untranslated. Seen in the wild as a trace of restores that
 * were applied in part (kubernetes#121362).
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, keysOf } from './shared/findings.ts';
import { resync } from './shared/remedies.ts';
import { percent } from './shared/words.ts';

export const unevenBalance: NodeCheck = {
  id: 'uneven-balance',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: 'Backends get other shares of new connections than kube-proxy gives them',
  explanation: `kube-proxy gives every backend of a Service the same share of new connections. On this node the rules that are there add up to other shares. The shares are computed from the rules as the kernel applies them, one after the other, so it does not matter which rule was changed.

Where a part of the connections matches no balancing rule at all, it leaves the node untranslated and fails: the finding is critical then.`,
  falsePositives: `Rounding is allowed for: the kernel keeps probabilities as whole parts of 2^31. Clients held by session affinity may still load the backends unevenly; that is asked for and not seen in rules. Where backends are missing or stale, uneven shares follow from that and are told as a child.`,
  remediation: `Restart kube-proxy on the node, or change this Service: both rewrite its balancing rules. Nothing else does.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'uneven-balance').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  const spread = spreadOf(group);
  const lost = spread.lost > 0;
  const effect = lost
    ? `${percent(spread.lost)} of new connections leave untranslated`
    : `shares run from ${percent(spread.least)} to ${percent(spread.most)} where all should be equal`;
  return {
    subject: group.subject,
    summary: `${view.name} spreads ${group.label} unevenly: ${effect}.`,
    ...(lost ? { severity: 'critical' as const } : {}),
    evidence: forwardingEvidence(group.faults),
    remediation: resync(view),
    frontends: keysOf(group),
  };
}

interface Spread {
  readonly least: number;
  readonly most: number;
  readonly lost: number;
}

function spreadOf(group: FaultGroup): Spread {
  let spread: Spread = { least: Number.POSITIVE_INFINITY, most: 0, lost: 0 };
  for (const difference of group.faults.flatMap((fault) => fault.differences)) {
    if (difference.aspect !== 'shares' || difference.real === 'even') continue;
    const { parts, lost } = difference.real;
    spread = {
      least: Math.min(spread.least, ...parts),
      most: Math.max(spread.most, ...parts),
      lost: Math.max(spread.lost, lost),
    };
  }
  return spread;
}
