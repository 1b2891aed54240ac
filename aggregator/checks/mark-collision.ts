/*
 * kube-proxy marks packets that must be masqueraded with one bit, 1 << masqueradeBit (bit 14, 0x4000), and reads it in
 * nat POSTROUTING. Marks have 32 bits and no registry: VPNs, policy routing, service meshes and CNI plugins use them too.
 * Whoever sets the bit has packets masqueraded that should not be, and past FORWARD; whoever clears it after kube-proxy
 * has set it makes replies of node ports and load balancers go astray.
 */
import type { FrontendKey } from '../../proto/forwarding.ts';
import { valueOr } from '../../proto/profile.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Difference } from '../model/drift.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { fact, ruleEvidence } from './shared/evidence.ts';
import { nodeSubject, unique } from './shared/findings.ts';
import { program, restartKubeProxy } from './shared/remedies.ts';
import { counted, joined } from './shared/words.ts';

export const markCollision: NodeCheck = {
  id: 'mark-collision',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: "Another component changes kube-proxy's packet mark",
  explanation: `kube-proxy marks the packets that it wants masqueraded with one bit (\`masqueradeBit\`, 14 unless told otherwise: 0x4000). A rule of somebody else sets that bit, so that foreign packets are masqueraded and pass FORWARD; or clears it between the rule that sets it and POSTROUTING that reads it, so that packets leave with an address to which no answer comes back. A mark written without a mask (\`--set-mark 0x1\`) clears every other bit.

Frontends whose masquerading differs by it, or that are no longer refused in FORWARD, are children of this finding.`,
  falsePositives: `Marks with other bits do not collide: Calico's (0xffff0000), portmap's (0x2000), AWS's (0x80), Cilium's (0xf00). Nor do rules that only match on the bit, that restore the mark of a connection on which nobody sets it, or that clear it before kube-proxy has set it (raw and mangle PREROUTING, as policy routing does). Rules of the nft program's own tables are not read.`,
  remediation: `Give the other component bits of its own, with a mask (\`--set-xmark VALUE/MASK\`), or move kube-proxy's with \`masqueradeBit\`.`,
  needs: ['iptables'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

/** Modes in which kube-proxy marks packets. */
const marking: ReadonlySet<string | null> = new Set(['iptables', 'nftables', 'ipvs']);

function evaluate(view: NodeView): readonly Violation[] {
  const part = view.parts.iptables;
  const mode = valueOr<string | null>(view.profile.mode, null);
  if (part.state !== 'ok' || !marking.has(mode)) return [];
  const found = part.value.structures.flatMap(({ backend, family, markRules }) =>
    markRules.first.map((rule) => ({ ...rule, program: program(backend, family) })),
  );
  if (found.length === 0) return [];
  const bit = valueOr(view.profile.markBit, 14);
  const mark = `0x${((1 << bit) >>> 0).toString(16)}`;
  const effects = unique(found.map(({ effect }) => `${effect} ${mark}`));
  const explains = markDrifts(view);
  return [
    {
      subject: nodeSubject(view),
      summary: `${counted(found.length, 'foreign rule')} on ${view.name} ${joined(effects)}, kube-proxy's mark for packets to be masqueraded.`,
      evidence: [
        fact("kube-proxy's mark", `${mark} (masqueradeBit ${bit})`),
        ...ruleEvidence(found, found.length, ({ effect, program: from }) => `${effect} the mark (${from})`),
      ],
      remediation: remediesFor(
        view,
        found.map(({ chain }) => chain),
      ),
      frontends: explains,
      explains,
    },
  ];
}

/** Marked packets are masqueraded, and pass FORWARD before kube-proxy can refuse them. */
function markDrifts({ drift }: NodeView): readonly FrontendKey[] {
  return drift
    .filter((one) => one.kind === 'different')
    .filter(({ differences }) => differences.every(isOfMark))
    .map(({ key }) => key);
}

function isOfMark(difference: Difference): boolean {
  switch (difference.aspect) {
    case 'masquerade':
    case 'hairpin':
      return true;
    case 'action':
      return difference.origin !== 'node' && difference.wanted !== 'forward' && difference.real === 'none';
    default:
      return false;
  }
}

function remediesFor(view: NodeView, chains: readonly string[]): readonly Remedy[] {
  const isCalico = chains.some((chain) => chain.startsWith('cali-'));
  return [
    ...(isCalico
      ? [
          {
            command: `kubectl patch felixconfiguration default --type merge -p '{"spec":{"iptablesMarkMask":4294901760}}'`,
            effect: 'Gives Calico the bits 0xffff0000, its default, on every node.',
          },
        ]
      : []),
    {
      command: 'kubectl -n kube-system edit configmap kube-proxy',
      effect:
        "Set masqueradeBit (under iptables, nftables or ipvs' iptables, by the mode) to a bit that nobody uses; it counts when kube-proxy starts anew. The name is kubeadm's.",
    },
    restartKubeProxy(view.name),
  ];
}
