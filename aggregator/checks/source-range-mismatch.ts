/*
 * loadBalancerSourceRanges become one `-s range` rule each in the Service's KUBE-FW chain, and a DROP for everybody else
 * in filter KUBE-PROXY-FIREWALL. Ranges of another family are left out, and a /0 range means
 * no firewall at all. Old ranges stay like any other rule that kube-proxy did not rewrite.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Difference, SourceRule } from '../model/drift.ts';
import type { Violation } from '../model/finding.ts';
import { forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, frontendsText, keysOf, originsOf } from './shared/findings.ts';
import { resync } from './shared/remedies.ts';
import { joined, packetsFrom } from './shared/words.ts';

export const sourceRangeMismatch: NodeCheck = {
  id: 'source-range-mismatch',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: "Load-balancer source ranges differ from the Service's",
  explanation: `The Service limits who may use its load-balancer address, and the node lets in other sources than the Service names, or does something else with those it should keep out. Either strangers get in, or clients that were allowed lately are shut out.`,
  falsePositives: `Ranges are compared as sets of addresses of one family, so another order or splitting is no difference. kube-proxy lets in the load-balancer address itself when a range contains the node's address; that is expected.`,
  remediation: `Restart kube-proxy on the node, or change this Service. Until then treat the address as open to the sources in the evidence.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'source-range-mismatch').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  const packets = packetsFrom(originsOf(group));
  const difference = group.faults.flatMap((fault) => fault.differences).find(isSources);
  const texts = difference === undefined ? null : [rangesText(difference.real), rangesText(difference.wanted)];
  const detail = texts === null ? '' : `: it forwards those of ${texts[0]} where the Service asks for ${texts[1]}`;
  return {
    subject: group.subject,
    summary: `${view.name} does not limit ${packets} to ${group.label} at ${frontendsText(group)} as asked${detail}.`,
    evidence: forwardingEvidence(group.faults),
    remediation: resync(view),
    frontends: keysOf(group),
  };
}

function isSources(difference: Difference): difference is Extract<Difference, { readonly aspect: 'sources' }> {
  return difference.aspect === 'sources';
}

function rangesText({ sources, otherwise }: SourceRule): string {
  if (sources === 'any') return 'every source';
  return `${sources.length === 0 ? 'no source' : joined(sources)} (others: ${otherwise})`;
}
