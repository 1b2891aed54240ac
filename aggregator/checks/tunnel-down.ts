/*
 * The device by which pods leave their node is switched off or gone: a network manager that takes it for its own and
 * cleans up, somebody who deleted it to "start afresh", a daemon that crashed before it made it (flannel#1039). Routes by
 * it are gone with it, and so is what hangs on them.
 */
import type { NodeLink } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { restartFlannel } from './shared/flannel-remedies.ts';
import { flannelLink, linkNamed, overlayOf, pluginsHere } from './shared/overlay.ts';
import { shellWord } from './shared/remedies.ts';
import { linkTopic } from './shared/topics.ts';

export const tunnelDown: NodeCheck = {
  id: 'tunnel-down',
  layer: 'L2',
  scope: 'node',
  severity: 'critical',
  title: "The device of pods' network is down or absent",
  explanation: `The CNI plugin of this node works with a device that is switched off or not there: the overlay's (flannel.1, vxlan.calico, tunl0, cilium_host), or the bridge to which pods are joined. Nothing passes by it. NetworkManager and systemd-networkd take such devices for theirs and clean up; a daemon that cannot start after an upgrade has not made its own yet; the kernel takes all routes of a device away when it goes down.`,
  falsePositives: `What a node needs, its own annotations and CNI configuration say: a Node that flannel calls vxlan, a tunnel address of Calico, a bridge while pods run that were joined by it. Annotations of a plugin that was replaced stay on the Node, so the CNI configuration must name the same plugin. Whether the device is switched on counts, not the state: tunnels are UNKNOWN all the time, and a bridge without running pods is DOWN. Nodes where the plugin has said nothing yet are not asked.`,
  remediation: `Switch the device on, or have the daemon of the CNI plugin make it anew by restarting it; it writes its routes again. Keep network managers from it (\`unmanaged-devices\`).`,
  needs: ['links', 'addresses'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

/** A device that must be there. */
interface Needed {
  readonly name: string;
  readonly link: NodeLink | null;
  /** Who says so. */
  readonly because: string;
  readonly remedies: readonly Remedy[];
}

function evaluate(view: NodeView): readonly Violation[] {
  const { links, addresses } = view.parts;
  // A list that was cut may lack what is there.
  if (links.state !== 'ok' || addresses.state !== 'ok' || links.value.links.total > links.value.links.first.length)
    return [];
  return [...ofFlannel(view), ...ofCalico(view), ...ofCilium(view), ...ofBridge(view)].flatMap((needed) =>
    needed.link?.isUp === true ? [] : [violation(view, needed)],
  );
}

function ofFlannel(view: NodeView): readonly Needed[] {
  const flannel = view.node?.cni.flannel ?? null;
  if (flannel === null || overlayOf(view).kind !== 'flannel-vxlan') return [];
  const needed = (name: string, link: NodeLink | null): Needed => ({
    name: link?.name ?? name,
    link,
    because: 'flannel works with VXLAN on this Node',
    remedies: [restartFlannel(view.name)],
  });
  return [
    ...(flannel.vtepMac === null ? [] : [needed('flannel.1', flannelLink(view, 'ipv4'))]),
    ...(flannel.vtepMacIpv6 === null ? [] : [needed('flannel-v6.1', flannelLink(view, 'ipv6'))]),
  ];
}

/** A tunnel address is written on the Node when it is given away, and stands on the device. */
function ofCalico(view: NodeView): readonly Needed[] {
  const { addresses } = view.parts;
  if (addresses.state !== 'ok' || !pluginsHere(view).includes('calico')) return [];
  return (view.node?.cni.calico?.tunnelAddresses ?? []).map((address) => {
    const holder = addresses.value.addresses.find((one) => one.address === address)?.link ?? null;
    const present = ['vxlan.calico', 'tunl0', 'vxlan-v6.calico', 'wireguard.cali'].find(
      (one) => linkNamed(view, one) !== null,
    );
    const name = holder ?? present ?? 'tunl0 or vxlan.calico';
    return {
      name,
      link: holder === null ? null : linkNamed(view, holder),
      because: `Calico has given it the address ${address}`,
      remedies: [restartCalico(view.name)],
    };
  });
}

function ofCilium(view: NodeView): readonly Needed[] {
  if ((view.node?.cni.cilium ?? null) === null || !pluginsHere(view).includes('cilium-cni')) return [];
  const link = linkNamed(view, 'cilium_host');
  return [
    { name: 'cilium_host', link, because: 'Cilium has given it an address', remedies: [restartCilium(view.name)] },
  ];
}

/** Without a running pod the bridge plugin has not made it yet. */
function ofBridge(view: NodeView): readonly Needed[] {
  const bridge = cniHere(view)?.bridge ?? null;
  if (bridge === null || !view.objects.knowsPods) return [];
  const joined = podsJoinedBy(view, bridge);
  if (joined === 0) return [];
  return [
    {
      name: bridge,
      link: linkNamed(view, bridge),
      because: `${joined} running ${joined === 1 ? 'pod is' : 'pods are'} joined by it`,
      remedies: [],
    },
  ];
}

/**
 * By libcni's records, which name the bridge: where a second configuration has come before the one that pods were made
 * with, its bridge is not needed yet. Without records, all pods of the node where there is only one configuration.
 */
function podsJoinedBy({ name, objects, parts: { cni } }: NodeView, bridge: string): number {
  if (cni.state !== 'ok') return 0;
  const { configurations, results } = cni.value;
  const running = [...objects.podsOn(name)].filter(
    ({ hostNetwork, phase, terminating, addresses }) =>
      !hostNetwork && phase === 'Running' && !terminating && addresses.length > 0,
  );
  if (results.total === 0) {
    return configurations.filter(({ problem }) => problem === null).length === 1 ? running.length : 0;
  }
  const joined = new Set(
    results.first.flatMap(({ pod, nodeLinks }) =>
      pod !== null && nodeLinks.includes(bridge) ? [`${pod.namespace}/${pod.name}`] : [],
    ),
  );
  return running.filter((pod) => joined.has(`${pod.namespace}/${pod.name}`)).length;
}

function violation(view: NodeView, { name, link, because, remedies }: Needed): Violation {
  const state = link === null ? 'is not there' : 'is switched off';
  const up: Remedy = {
    command: `ip link set ${shellWord(name)} up`,
    effect: `Run on ${view.name}: switches it on. The kernel has taken its routes and neighbours away, and only the CNI plugin's daemon writes them again.`,
  };
  const anew: Remedy = {
    command: `kubectl get pods -A --field-selector spec.nodeName=${shellWord(view.name)} -o wide`,
    effect: `Shows the pods of ${view.name}. The bridge is made with the next pod; those that were joined by the old one must be deleted, so that their controllers make them anew.`,
  };
  const ofDaemon = remedies.length > 0 ? remedies : link === null ? [anew] : [];
  return {
    subject: { kind: 'Link', name },
    summary: `${name} of ${view.name} ${state}, and ${because}: nothing passes between its pods and others by it.`,
    evidence: [
      fact(name, link === null ? 'no such link' : `state ${link.state}, not up`),
      fact('needed because', because),
    ],
    remediation: link === null ? ofDaemon : [up, ...ofDaemon],
    frontends: [],
    topics: [linkTopic(name)],
    explainsTopics: 'all',
  };
}

function restartCalico(node: string): Remedy {
  return {
    command: `kubectl -n calico-system delete pod --field-selector spec.nodeName=${shellWord(node)} -l k8s-app=calico-node`,
    effect: `Restarts calico-node on ${node}: it makes its devices and routes anew; pods keep running. Without the operator the namespace is kube-system.`,
  };
}

function restartCilium(node: string): Remedy {
  return {
    command: `kubectl -n kube-system delete pod --field-selector spec.nodeName=${shellWord(node)} -l k8s-app=cilium`,
    effect: `Restarts Cilium's agent on ${node}: it makes its devices and routes anew; pods keep running.`,
  };
}
