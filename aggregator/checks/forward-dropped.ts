/*
 * Docker sets the policy of FORWARD to DROP (from 1.13 on: kubernetes#45022, kube-router#757), ufw and hardened images do
 * likewise. kube-proxy's KUBE-FORWARD accepts what it has marked and what is answered already, not new packets from pod
 * to pod: those are for the CNI plugin's rules to accept. Where these are lacking, or name another range, pods of other
 * nodes cannot be reached, while everything on the node itself works.
 */
import { type Address, type Family, familyOf, type Prefix } from '../../proto/address.ts';
import type { IptablesStructure, PodForwarding } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { program } from './shared/remedies.ts';
import { joined } from './shared/words.ts';

export const forwardDropped: NodeCheck = {
  id: 'forward-dropped',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'The node drops packets among pods that it should forward',
  explanation: `New connections from pod to pod pass chain FORWARD of the node. On this node nothing accepts them: the chain's policy is DROP, as Docker and ufw set it, or a rule drops them, and no rule of the CNI plugin comes before. Services still work as far as kube-proxy masquerades the packets (its mark is accepted) and to endpoints that are reached without forwarding; connections to pods of other nodes time out.`,
  falsePositives: `The rules are walked, not searched for words: an ACCEPT of the CNI plugin for the pods' range (flannel, k3s) is found. Where the answer depends on the interface (\`-i cni0\`, Calico's cali*, Weave) or cannot be decided, it is unknown and no finding. Rules for single pods are network policies and are left out. Nodes whose pods' packets do not pass FORWARD at all (Cilium, Calico's and Antrea's own dataplanes) are not judged, nor nodes without pods of the family.`,
  remediation: `Accept the pods' range in FORWARD with the command of the finding, and have it done at every boot: by the CNI plugin (flannel: \`--iptables-forward-rules\`), Docker (\`"ip-forward-no-drop": true\`), or ufw (\`DEFAULT_FORWARD_POLICY="ACCEPT"\`).`,
  needs: ['iptables'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

type Dropped = Extract<PodForwarding, { readonly fate: 'dropped' }>;

function evaluate(view: NodeView): readonly Violation[] {
  const { iptables, ebpfProxy } = view.parts;
  if (iptables.state !== 'ok' || (ebpfProxy.state === 'ok' && ebpfProxy.value.proxy !== null)) return [];
  const dropping = iptables.value.structures.flatMap((structure) => {
    const { podForwarding: fate } = structure;
    return fate.fate === 'dropped' && hasPods(view, structure.family, fate) ? [{ structure, fate }] : [];
  });
  if (dropping.length === 0) return [];
  const how = dropping.map(({ structure, fate }) => howText(structure, fate));
  return [
    {
      subject: nodeSubject(view),
      summary: `${view.name} drops new connections among pods instead of forwarding them: ${joined(how)}.`,
      evidence: dropping.map(({ structure, fate }): Evidence => evidenceOf(structure, fate)),
      remediation: dropping.flatMap(({ structure, fate }) => remedies(structure, fate)),
      frontends: [],
    },
  ];
}

/** Whether pods of this family are on the node; where pods are not known, whether it may have any. */
function hasPods(view: NodeView, family: Family, { pods }: Dropped): boolean {
  const isOfFamily = (text: Address | Prefix) => familyOf(text) === family;
  if (view.objects.knowsPods) {
    return [...view.objects.podsOn(view.name)].some(
      ({ hostNetwork, phase, addresses }) => !hostNetwork && phase === 'Running' && addresses.some(isOfFamily),
    );
  }
  const ranges = view.node?.podCIDRs ?? [];
  return ranges.length > 0 ? ranges.some(isOfFamily) : pods !== 'any';
}

function howText({ family }: IptablesStructure, { by }: Dropped): string {
  return by === null ? `the policy of FORWARD is DROP (${family})` : `a rule of ${by.chain} drops them (${family})`;
}

function evidenceOf({ backend, family }: IptablesStructure, { by, pods }: Dropped): Evidence {
  const from = program(backend, family);
  const what = pods === 'any' ? 'packets from and to any address' : `packets from and to ${pods}`;
  if (by === null) return fact(`FORWARD (${from})`, `policy DROP, and no rule before it accepts ${what}`);
  return { kind: 'rule', table: by.table, rule: by.rule, note: `drops ${what} (${from})` };
}

function remedies({ backend, family }: IptablesStructure, { by, pods }: Dropped): readonly Remedy[] {
  const command = `${program(backend, family)} -t filter`;
  if (pods !== 'any') {
    // Behind all rules where only the policy drops: so kube-proxy's own refusals still count.
    const [place, passed] =
      by === null ? ['-A', ''] : ['-I', "; kube-proxy's own refusals in FORWARD are passed by, too"];
    return ['-s', '-d'].map((side) => ({
      command: `${command} ${place} FORWARD ${side} ${pods} -j ACCEPT`,
      effect: `Accepts what comes ${side === '-s' ? 'from' : 'to'} pods, until the next boot${passed}.`,
    }));
  }
  if (by !== null) return [];
  return [{ command: `${command} -P FORWARD ACCEPT`, effect: 'Lets the node forward again, until the next boot.' }];
}
