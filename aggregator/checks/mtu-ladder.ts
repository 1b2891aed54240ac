/*
 * A pod's packet is wrapped by the overlay and must still fit the wire: pod <= tunnel, tunnel + overhead <= NIC, here and
 * at every peer. A rung that is too high lets small packets pass and loses large ones: ping answers, TLS hangs
 * (calico#8953, #7651, #3895, #12432). Linux tells the sender where it knows; what a switch or the peer's NIC drops,
 * nobody tells.
 *
 *     eth0 in the pod 1450 -> veth, cni0 1450 -> flannel.1 1450 -> + 50 -> eth0 1500 -> ... -> the peer's eth0
 */
import { familyOf } from '../../proto/address.ts';
import type { NodeLink, NodeParts } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { ClusterNode } from '../model/cluster.ts';
import type { Evidence, Remedy, Severity, Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { tunnelsOfPods } from './shared/peer-ways.ts';
import { peersOf } from './shared/peers.ts';
import { overlayProbes } from './shared/probe-results.ts';
import { shellWord } from './shared/remedies.ts';
import { largeTopic, linkTopic } from './shared/topics.ts';
import { joined } from './shared/words.ts';

export const mtuLadder: NodeCheck = {
  id: 'mtu-ladder',
  layer: 'L2',
  scope: 'node',
  severity: 'high',
  title: "Pods' large packets do not fit the way to other nodes",
  explanation: `Each packet of a pod is wrapped by the overlay (VXLAN adds 50 bytes, over IPv6 70; IPIP 20; WireGuard 60, over IPv6 80) and must fit the node's interface, and that of the other node. Here a rung of this ladder is too high: the tunnel's MTU and its overhead exceed the interface's, pods' MTU exceeds the tunnel's, or another node's interface takes less than this node sends. Small packets pass, so connections are made; large ones leave cut in pieces, which many networks drop, or are lost at the other end: transfers and TLS handshakes hang, or are slow. It comes about when an interface's MTU changes below a CNI plugin that measured it at its start, or with nodes of different networks.`,
  falsePositives: `Only tunnels that carry pods to other nodes and are switched on are asked; Cilium's device is larger on purpose. Larger interfaces (jumbo frames) do no harm. The severity is medium where probes of full size get there all the same, where pods' MTU exceeds the tunnel's (the node itself tells senders, which mostly works), and where only another node's interface is smaller (TCP agrees on the smaller) and no probe is lost.`,
  remediation: `Give the CNI plugin an MTU that fits the smallest interface (flannel and Calico measure it when they start: restart them after the interface is right), and make pods anew, which keep the MTU they were made with.`,
  needs: ['links', 'routes', 'addresses'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

/** One rung that is too high. */
interface Rung {
  readonly link: string;
  readonly text: string;
  readonly evidence: readonly Evidence[];
  readonly remedies: readonly Remedy[];
  readonly severity?: Severity;
  /** What becomes of large packets, where they are not lost for sure. */
  readonly outcome?: string;
  /** Those to which large packets do not fit. */
  readonly peers: readonly string[];
}

function evaluate(view: NodeView): readonly Violation[] {
  return tunnelsOfPods(view).flatMap((tunnel) => {
    const below = linkBelow(view.parts, tunnel, view.node);
    const own = below === null ? [] : ownRung(view, tunnel, below);
    return [...own, ...podRung(view, tunnel), ...(own.length > 0 ? [] : peerRung(view, tunnel))].map((rung) =>
      violation(view, rung),
    );
  });
}

/** What the tunnel adds to each packet, in bytes; null where that is not known. */
function overheadOf({ kind, vxlan, tunnel }: NodeLink): number | null {
  const local = vxlan?.local ?? tunnel?.local ?? null;
  const isOverIpv6 = local !== null && familyOf(local) === 'ipv6';
  switch (kind) {
    case 'vxlan':
      return isOverIpv6 ? 70 : 50;
    case 'ipip':
      return 20;
    case 'wireguard':
      // Which family carries it is not told: what fits the smaller fits.
      return 60;
    default:
      return null;
  }
}

/** The interface by which wrapped packets leave: the device below, or that of the tunnel's or the node's own address. */
function linkBelow(
  { links, addresses }: NodeParts,
  { vxlan, tunnel }: NodeLink,
  node: ClusterNode | null,
): NodeLink | null {
  if (links.state !== 'ok') return null;
  const local = vxlan?.local ?? tunnel?.local ?? null;
  const outer = local === null ? [...(node?.cni.calico?.addresses ?? []), ...(node?.addresses ?? [])] : [local];
  const held = addresses.state === 'ok' ? addresses.value.addresses : [];
  const holders = outer.flatMap((address) => held.find((one) => one.address === address)?.link ?? []);
  const name = vxlan?.link ?? holders[0] ?? null;
  return links.value.links.first.find((link) => link.name === name) ?? null;
}

function ownRung({ name, parts, objects }: NodeView, tunnel: NodeLink, below: NodeLink): readonly Rung[] {
  const overhead = overheadOf(tunnel);
  if (overhead === null || tunnel.mtu + overhead <= below.mtu) return [];
  const fitting = below.mtu - overhead;
  const pass = overlayProbes(parts, ({ packetBytes }) => packetBytes > fitting) === 'pass';
  return [
    {
      link: tunnel.name,
      text: `${tunnel.name} takes packets of ${tunnel.mtu} bytes and adds ${overhead}, and ${below.name} carries ${below.mtu}: they leave cut in pieces, which ${pass ? 'this network lets pass so far' : 'many networks drop'}`,
      evidence: [
        fact(`MTU of ${tunnel.name}`, String(tunnel.mtu)),
        fact('overhead', `${overhead} bytes`),
        fact(`MTU of ${below.name}`, String(below.mtu)),
      ],
      remedies: [
        {
          command: `ip link set ${shellWord(tunnel.name)} mtu ${fitting}`,
          effect: `Run on ${name}: what fits is sent, and pods are told of the rest, until the CNI plugin starts again. If it is ${below.name} that should carry more, mend that instead: ip link set ${shellWord(below.name)} mtu ${tunnel.mtu + overhead}.`,
        },
      ],
      ...(pass ? { severity: 'medium', outcome: 'are cut' } : {}),
      peers: [...objects.nodes()].map((node) => node.name),
    },
  ];
}

/** Of the links to pods: a pod's end has the same MTU as the node's. */
function podRung(view: NodeView, tunnel: NodeLink): readonly Rung[] {
  const pods = podLinks(view);
  const [largest] = pods.toSorted((one, other) => other.mtu - one.mtu);
  if (largest === undefined || largest.mtu <= tunnel.mtu) return [];
  return [
    {
      link: tunnel.name,
      text: `pods send packets of up to ${largest.mtu} bytes, and ${tunnel.name} takes ${tunnel.mtu}; the node tells them so, which fails where a firewall drops ICMP`,
      evidence: [
        fact(`MTU of pods (${largest.name})`, String(largest.mtu)),
        fact(`MTU of ${tunnel.name}`, String(tunnel.mtu)),
      ],
      remedies: [
        {
          command: `ip link set ${shellWord(tunnel.name)} mtu ${largest.mtu}`,
          effect: `Run on ${view.name}, if the interface below carries that and the overhead: pods' packets fit again.`,
        },
      ],
      severity: 'medium',
      outcome: 'may be lost',
      peers: [],
    },
  ];
}

function podLinks(view: NodeView): readonly NodeLink[] {
  const { links, cni } = view.parts;
  if (links.state !== 'ok') return [];
  const here = cniHere(view);
  const made = new Set(cni.state === 'ok' ? cni.value.results.first.flatMap(({ nodeLinks }) => nodeLinks) : []);
  return links.value.links.first.filter(
    ({ name, kind, master }) =>
      kind === 'veth' &&
      (made.has(name) || name.startsWith('cali') || (here?.bridge != null && master === here.bridge)),
  );
}

/**
 * Peers whose interface takes less than this node sends, though they keep to it themselves. TCP agrees on what the smaller
 * end takes, so what is lost are large datagrams, unless probes say more.
 */
function peerRung(view: NodeView, tunnel: NodeLink): readonly Rung[] {
  const overhead = overheadOf(tunnel);
  if (overhead === null) return [];
  const small = peersOf(view, view.parts.links).flatMap((peer) => {
    const parts = view.peers.parts(peer.name);
    const theirs = parts?.links.state === 'ok' ? parts.links.value.links.first.find(isSame(tunnel)) : undefined;
    const below = parts === null || theirs === undefined ? null : linkBelow(parts, theirs, peer);
    if (theirs === undefined || below === null || tunnel.mtu + overhead <= below.mtu) return [];
    return theirs.mtu + overhead > below.mtu ? [] : [{ name: peer.name, mtu: below.mtu, link: below.name }];
  });
  const [first] = small;
  if (first === undefined) return [];
  const names = new Set(small.map(({ name }) => name));
  const isLost = overlayProbes(view.parts, ({ node, size }) => size === 'full' && names.has(node)) === 'lost';
  return [
    {
      link: tunnel.name,
      text: `${tunnel.name} sends up to ${tunnel.mtu + overhead} bytes, and ${first.link} of ${joined(small.map(({ name }) => name))} takes ${first.mtu}${isLost ? '' : '; TCP agrees on the smaller, large datagrams do not'}`,
      evidence: [
        fact(`MTU of ${tunnel.name} and overhead`, `${tunnel.mtu} + ${overhead}`),
        ...small.slice(0, 10).map(({ name, link, mtu }) => fact(`MTU of ${link} on ${name}`, String(mtu))),
      ],
      remedies: [
        {
          command: `ip link set ${shellWord(tunnel.name)} mtu ${first.mtu - overhead}`,
          effect: `Run on ${view.name}: packets fit these nodes as well, until the CNI plugin starts again.`,
        },
      ],
      ...(isLost ? {} : { severity: 'medium', outcome: 'may be lost' }),
      peers: small.map(({ name }) => name),
    },
  ];
}

/** An overlay has devices of one name on all of its nodes. */
function isSame(tunnel: NodeLink): (theirs: NodeLink) => boolean {
  return ({ name, kind, isUp }) => name === tunnel.name && kind === tunnel.kind && isUp;
}

function violation(view: NodeView, { link, text, evidence, remedies, severity, outcome, peers }: Rung): Violation {
  return {
    subject: { kind: 'Link', name: link },
    summary: `Large packets between pods of ${view.name} and other nodes ${outcome ?? 'are lost'}: ${text}.`,
    evidence,
    remediation: remedies,
    frontends: [],
    topics: [linkTopic(link)],
    explainsTopics: peers.map(largeTopic),
    ...(severity === undefined ? {} : { severity }),
  };
}
