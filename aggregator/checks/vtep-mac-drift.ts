/*
 * flannel's VXLAN peers do not learn where a MAC address is, they are told: each node publishes that of its flannel.1 in
 * an annotation, and all others write it down. A node whose device is made anew with another MAC address (after a boot,
 * or by systemd-networkd's MACAddressPolicy) and does not publish it is not reached by pods of any other node
 * (flannel#1795, #1788, #1036, #533).
 */
import type { Family } from '../../proto/address.ts';
import type { NodeLink } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { restartFlannel } from './shared/flannel-remedies.ts';
import { flannelLink, overlayOf } from './shared/overlay.ts';
import { linkTopic } from './shared/topics.ts';

export const vtepMacDrift: NodeCheck = {
  id: 'vtep-mac-drift',
  layer: 'L2',
  scope: 'node',
  severity: 'critical',
  title: "The VXLAN device has another MAC address than the node's peers are told",
  explanation: `Other nodes wrap packets for this node's pods into VXLAN with the MAC address that flannel published for it (annotation \`flannel.alpha.coreos.com/backend-data\`). The device here has another one, so it takes none of these packets: they arrive at the node and are dropped there, without a trace. Pods of this node are reached from their own node alone. It happens when the device was made anew and flannel's update of the Node failed, or when systemd-networkd gave it an address of its own (\`MACAddressPolicy=persistent\`).`,
  falsePositives: `flannel publishes within a second of making the device; a finding needs two readings a minute apart. Nodes with another backend than vxlan, without the annotation, or where another CNI plugin has taken flannel's place (the annotation stays) are not asked; of several devices that which has the published address counts.`,
  remediation: `Restart flannel on the node: it publishes the address that the device has. Where it drifts again after each boot, keep systemd-networkd from it: a .link file for \`flannel*\` with \`MACAddressPolicy=none\`.`,
  needs: ['links'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const flannel = view.node?.cni.flannel ?? null;
  if (flannel === null || overlayOf(view).kind !== 'flannel-vxlan') return [];
  const published: readonly (readonly [Family, string | null])[] = [
    ['ipv4', flannel.vtepMac],
    ['ipv6', flannel.vtepMacIpv6],
  ];
  return published.flatMap(([family, mac]) => {
    const link = flannelLink(view, family);
    return mac === null || link === null || link.mac === null || link.mac === mac ? [] : [violation(view, link, mac)];
  });
}

function violation(view: NodeView, link: NodeLink, published: string): Violation {
  return {
    subject: { kind: 'Link', name: link.name },
    summary: `Pods of ${view.name} cannot be reached from other nodes: these send to MAC address ${published}, and ${link.name} has ${link.mac}.`,
    evidence: [fact('published on the Node', published), fact(`MAC address of ${link.name}`, String(link.mac))],
    remediation: [restartFlannel(view.name)],
    frontends: [],
    topics: [linkTopic(link.name)],
    explainsTopics: 'all',
  };
}
