/*
 * Two pods of one node on a bridge: the client sends to a Service, the node translates and hands the packet to the other
 * pod. The answer would go from port to port of the bridge, untranslated back, and the client does not know who speaks.
 * br_netfilter makes bridged packets meet the rules, which undoes the translation (kubernetes#21613, #38802,
 * flannel#1702). It is a module that may not be loaded, with a switch that may be off.
 */
import { type Family, familyOf } from '../../proto/address.ts';
import type { NetworkSettingsReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { linkNamed } from './shared/overlay.ts';
import { nodeTopic } from './shared/topics.ts';

export const bridgeNetfilterOff: NodeCheck = {
  id: 'bridge-netfilter-off',
  layer: 'L2',
  scope: 'node',
  severity: 'high',
  title: 'Packets between pods of a bridge bypass the rules',
  explanation: `The CNI plugin joins pods by a bridge, and what the bridge passes from port to port does not meet the rules of iptables or nftables: \`net.bridge.bridge-nf-call-iptables\` is 0, or the module br_netfilter is not loaded. A pod that uses a Service whose endpoint is on the same node gets answers that are not translated back, and waits in vain; over nodes the same Service works. NetworkPolicies between pods of the node do not hold either.`,
  falsePositives: `Only nodes where the CNI plugin that counts is a bridge, with at least two pods on it, and no proxy of eBPF in kube-proxy's place. Calico, Cilium and ptp have no bridge. A bridge whose own setting (\`nf_call_iptables\`) is on needs no other. What was not recorded says nothing.`,
  remediation: `Load the module and switch it on, now and at every boot: \`/etc/modules-load.d\` and \`/etc/sysctl.d\`.`,
  needs: ['networkSettings', 'links', 'cni'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

/** As many ports make a way between two pods. */
const leastPorts = 2;
/** These have no use for it. */
const ownModes: readonly string[] = ['cilium', 'ebpf'];

function evaluate(view: NodeView): readonly Violation[] {
  const { networkSettings, links } = view.parts;
  const { mode } = view.profile;
  const bridge = cniHere(view)?.bridge ?? null;
  const isServed = mode.source === 'unknown' || !ownModes.includes(mode.value);
  if (networkSettings.state !== 'ok' || links.state !== 'ok' || bridge === null || !isServed) return [];
  const ports = links.value.links.first.filter(({ master }) => master === bridge);
  if (ports.length < leastPorts) return [];
  const lacking = lackingFamilies(view, networkSettings.value, bridge);
  if (lacking.length === 0) return [];
  const isUnloaded = networkSettings.value.bridgeCallsIptables === 'no-module';
  const what = isUnloaded
    ? 'the module br_netfilter is not loaded'
    : `${lacking.map((family) => settings[family]).join(' and ')} ${lacking.length === 1 ? 'is' : 'are'} 0`;
  return [
    {
      subject: nodeSubject(view),
      summary: `Pods of ${view.name} do not reach each other through Services: packets between the ${ports.length} ports of ${bridge} bypass the rules, since ${what}.`,
      evidence: lacking.map((family) => fact(settings[family], isUnloaded ? 'absent' : '0')),
      remediation: remedies(lacking, isUnloaded, view.name),
      frontends: [],
      topics: [nodeTopic],
    },
  ];
}

const settings: { readonly [family in Family]: string } = {
  ipv4: 'net.bridge.bridge-nf-call-iptables',
  ipv6: 'net.bridge.bridge-nf-call-ip6tables',
};

/** Those of the pods here whose packets bypass the rules, by the kernel's setting and the bridge's own. */
function lackingFamilies(view: NodeView, kernel: NetworkSettingsReport, bridge: string): readonly Family[] {
  const own = linkNamed(view, bridge)?.callsIptables ?? null;
  const called = { ipv4: kernel.bridgeCallsIptables, ipv6: kernel.bridgeCallsIp6tables };
  const ranges = new Set((view.node?.podCIDRs ?? []).map(familyOf));
  const families: readonly Family[] = ranges.size === 0 ? ['ipv4'] : [...ranges].sort();
  // The bridge's own setting does nothing without the module.
  return families.filter(
    (family) => called[family] === 'no-module' || (called[family] === false && own?.[family] !== true),
  );
}

function remedies(families: readonly Family[], isUnloaded: boolean, node: string): readonly Remedy[] {
  const load: Remedy = {
    command: 'modprobe br_netfilter',
    effect: `Run on ${node}: loads the module, whose settings are on from the start.`,
  };
  const set = families.map(
    (family): Remedy => ({
      command: `sysctl -w ${settings[family]}=1`,
      effect: `Run on ${node}: bridged packets meet the rules at once, until the next boot.`,
    }),
  );
  return isUnloaded ? [load, ...set] : set;
}
