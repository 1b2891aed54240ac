/*
 * A node forwards what pods send and get. The switch is `net.ipv4.ip_forward`, which kubelet and CNI plugins set once
 * and nobody watches: a hardening script, a package's sysctl.d or NetworkManager sets it back, also for single links
 * (openshift/origin#9931, kubernetes-sigs/kubespray#680). Everything on the node itself goes on working.
 */
import { type Family, familyOf } from '../../proto/address.ts';
import type { NetworkSettingsReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { tunnelsOfPods } from './shared/peer-ways.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeTopic } from './shared/topics.ts';
import { joined } from './shared/words.ts';

export const ipForwardOff: NodeCheck = {
  id: 'ip-forward-off',
  layer: 'L2',
  scope: 'node',
  severity: 'critical',
  title: 'The node does not forward packets',
  explanation: `The kernel forwards no packet from one link to another: \`net.ipv4.ip_forward\` (or its counterpart of IPv6, or \`forwarding\` of a single link) is 0. Pods of this node reach nothing but the node, and nothing reaches them; Services fail as soon as their endpoint is elsewhere. Somebody has set it back since the node was made: a file in \`/etc/sysctl.d\`, a hardening tool, a firewall's reload.`,
  falsePositives: `Only nodes with a pod range or with pods of their own are asked, IPv6 only where these have IPv6. Of single links only those count that pods' packets pass: the bridge of the CNI plugin, links to pods, tunnels to other nodes' pods, and the link of the default route (the best one, where there are several). Where all of these forward, the setting of the whole node does not count: IPv4 asks that of the link.`,
  remediation: `Set it with the command of the finding, and find the file that sets it back: \`sysctl --system\` prints them in the order in which they are read.`,
  needs: ['networkSettings'],
  holdForSeconds: 30,
  clearForSeconds: 30,
  evaluate,
};

const settings: { readonly [family in Family]: string } = {
  ipv4: 'net.ipv4.ip_forward',
  ipv6: 'net.ipv6.conf.all.forwarding',
};

function evaluate(view: NodeView): readonly Violation[] {
  const { networkSettings } = view.parts;
  if (networkSettings.state !== 'ok') return [];
  const off = switchedOff(view, networkSettings.value);
  if (off.length === 0) return [];
  return [
    {
      subject: nodeSubject(view),
      summary: `${view.name} does not forward packets of its pods: ${joined(off)} ${off.length === 1 ? 'is' : 'are'} 0.`,
      evidence: off.map((name) => fact(name, '0')),
      remediation: off.flatMap((name) => remedies(name, view.name)),
      frontends: [],
      topics: [nodeTopic],
      explainsTopics: 'all',
    },
  ];
}

/** The settings that are 0, by their names. */
function switchedOff(
  view: NodeView,
  { ipv4Forwarding, ipv6Forwarding, links }: NetworkSettingsReport,
): readonly string[] {
  const families = podFamilies(view);
  const off: string[] = [];
  if (ipv6Forwarding === false && families.has('ipv6')) off.push(settings.ipv6);
  if (!families.has('ipv4')) return off;
  // IPv4 asks the setting of the link by which a packet came; that of all sets those of all links when it is written.
  const passing = linksOfPods(view);
  const relevant = links.first.filter(({ link }) => passing.has(link));
  const isOverruled = relevant.length > 1 && relevant.every(({ forwarding }) => forwarding === true);
  if (ipv4Forwarding === false) return isOverruled ? off : [settings.ipv4, ...off];
  const ofLinks = relevant.filter(({ forwarding }) => forwarding === false);
  return [...ofLinks.map(({ link }) => `net.ipv4.conf.${link.replaceAll('.', '/')}.forwarding`), ...off];
}

/** Of the node's pod ranges, and of the pods that are here. */
function podFamilies({ node, name, objects }: NodeView): ReadonlySet<Family> {
  const families = new Set<Family>((node?.podCIDRs ?? []).map(familyOf));
  for (const { hostNetwork, phase, addresses } of objects.podsOn(name)) {
    if (!hostNetwork && phase === 'Running') for (const address of addresses) families.add(familyOf(address));
  }
  return families;
}

/** The names of the links that packets of pods pass: the CNI plugin's, tunnels to other nodes, and the uplink. */
function linksOfPods(view: NodeView): ReadonlySet<string> {
  const cni = cniHere(view);
  const { links } = view.parts;
  const ofPods =
    cni?.wiring === 'routed' && links.state === 'ok'
      ? links.value.links.first.filter(({ kind, peerNamespaceId }) => kind === 'veth' && peerNamespaceId !== null)
      : [];
  return new Set([
    ...[...ofPods, ...tunnelsOfPods(view)].map(({ name }) => name),
    ...(cni?.bridge == null ? [] : [cni.bridge]),
    ...uplinks(view),
  ]);
}

/** That of the best default route: others may be there for those who look after the node alone. */
function uplinks({ parts: { routes } }: NodeView): readonly string[] {
  if (routes.state !== 'ok') return [];
  const defaults = routes.value.routes.first.filter(
    ({ table, destination, isDead }) => table === 'main' && destination === '0.0.0.0/0' && !isDead,
  );
  const least = Math.min(...defaults.map(({ metric }) => metric));
  return defaults.flatMap(({ metric, link }) => (metric === least && link !== null ? [link] : []));
}

function remedies(setting: string, node: string): readonly Remedy[] {
  return [
    {
      command: `sysctl -w ${shellWord(setting)}=1`,
      effect: `Run on ${node}: forwards again at once, until something sets it back or the node boots.`,
    },
    {
      command: `grep -rn -E '(ip_)?forward' /etc/sysctl.conf /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d`,
      effect: `Run on ${node}: shows who sets it. The last file in the order of names counts.`,
    },
  ];
}
