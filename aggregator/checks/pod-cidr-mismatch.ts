/*
 * The CNI plugin of a node works with another range than the Node has: flannel's lease was lost and it took another
 * (flannel#1428), a bridge has kept the address of a former range (the event says `"cni0" already has an IP address
 * different from`), a configuration was copied from another node. Pods get addresses for which no other node has a route.
 */
import { type Address, familyOf, type Prefix } from '../../proto/address.ts';
import { contains, isEmpty, prefixSet, subtract } from '../../proto/prefixes.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { restartFlannel } from './shared/flannel-remedies.ts';
import { overlayOf } from './shared/overlay.ts';
import { onlyRoute, tunnelsOfPods } from './shared/peer-ways.ts';
import { peersOf } from './shared/peers.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeTopic } from './shared/topics.ts';
import { joined } from './shared/words.ts';

export const podCidrMismatch: NodeCheck = {
  id: 'pod-cidr-mismatch',
  layer: 'L2',
  scope: 'node',
  severity: 'critical',
  title: "The CNI plugin's ranges do not fit the Node's, or the network of the nodes",
  explanation: `Other nodes have routes for the range that the Node shows (\`spec.podCIDRs\`). On this node flannel's lease (\`/run/flannel/subnet.env\`) or the address of the bridge lies outside of it: pods here get addresses that nobody else can reach, or none at all (\`"cni0" already has an IP address different from ...\`). It comes about when a Node is deleted and made anew with another range while the bridge of the old one lives on, or when files of one node are copied to another. A range of pods that lies in the network of the nodes is told as well, where this node sends what is for another node to pods.`,
  falsePositives: `Only flannel and bridges with host-local's ranges are asked, which work by the Node's range. Calico, Cilium and clouds give addresses away on their own. A node without \`spec.podCIDRs\` is not asked, nor a bridge that has no address.`,
  remediation: `Delete the bridge while no pod runs on it, restart the CNI plugin's daemon, and delete the pods that have addresses of the old range.`,
  needs: ['addresses'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

interface Mismatch {
  readonly kind: 'outside' | 'strange-network';
  readonly text: string;
  readonly evidence: readonly Evidence[];
  readonly remedies: readonly Remedy[];
}

function evaluate(view: NodeView): readonly Violation[] {
  return [...swallowing(view), ...mismatching(view)];
}

/** Node addresses for which the way leads to pods: a range of pods lies in the network of the nodes. */
function swallowing(view: NodeView): readonly Violation[] {
  const { routes, addresses } = view.parts;
  if (routes.state !== 'ok' || addresses.state !== 'ok') return [];
  const ofPods = new Set(['cilium_host', cniHere(view)?.bridge, ...tunnelsOfPods(view).map(({ name }) => name)]);
  // Pods and nodes may share one bridge on purpose: then the node's own address is on it.
  for (const one of addresses.value.addresses) if (view.node?.addresses.includes(one.address)) ofPods.delete(one.link);
  const swallowed = peersOf(view, routes).flatMap(({ name, addresses: all }) =>
    all.flatMap((address) => {
      const route = onlyRoute(view.parts, address);
      return route?.link != null && ofPods.has(route.link) ? [{ name, address, route }] : [];
    }),
  );
  const [first] = swallowed;
  if (first === undefined) return [];
  const texts = swallowed.map(({ name, address }) => `${address} of ${name}`);
  return [
    {
      subject: nodeSubject(view),
      summary: `${view.name} sends what is for other nodes to pods: ${joined(texts)} ${texts.length === 1 ? 'lies' : 'lie'} in the range of pods ${first.route.destination}, which goes by ${first.route.link}.`,
      evidence: swallowed
        .slice(0, 10)
        .map(({ name, address, route }) => fact(`${address} of ${name}`, `${route.destination} dev ${route.link}`)),
      remediation: [
        {
          command: `ip route get ${first.address}`,
          effect: `Run on ${view.name}: shows the way to ${first.name}. The ranges of pods must lie outside of the network of the nodes: give the CNI plugin another range, and make its pods anew.`,
        },
      ],
      frontends: [],
      topics: [nodeTopic],
    },
  ];
}

function mismatching(view: NodeView): readonly Violation[] {
  const ranges = view.node?.podCIDRs ?? [];
  if (ranges.length === 0) return [];
  const found = [...ofFlannel(view, ranges), ...ofBridge(view, ranges)];
  if (found.length === 0) return [];
  const outcome = found.some(({ kind }) => kind === 'outside')
    ? 'get addresses that other nodes have no route for'
    : 'are not of the network that flannel knows, which masks what they send to other nodes, or refuses to start';
  return [
    {
      subject: nodeSubject(view),
      summary: `Pods of ${view.name} ${outcome}: ${joined(found.map(({ text }) => text))}, and the Node has ${joined(ranges)}.`,
      evidence: [fact("the Node's ranges", ranges.join(', ')), ...found.flatMap(({ evidence }) => evidence)],
      remediation: found.flatMap(({ remedies }) => remedies),
      frontends: [],
      topics: [nodeTopic],
    },
  ];
}

function ofFlannel(view: NodeView, ranges: readonly Prefix[]): readonly Mismatch[] {
  const { parts, name, node } = view;
  const { flannel } = parts;
  // Where flannel has a store of its own, it writes no annotations, and Nodes show other ranges than it uses.
  const isAtWork = (node?.cni.flannel ?? null) !== null && !['calico', 'cilium'].includes(overlayOf(view).kind);
  if (flannel.state !== 'ok' || !isAtWork) return [];
  const { networks, subnets } = flannel.value;
  const outside = subnets.filter(({ range }) => hasFamily(ranges, range) && !isInside(range, ranges));
  const strange = subnets.filter(({ range }) => hasFamily(networks, range) && !isInside(range, networks));
  const remedies = [restartFlannel(name)];
  return [
    ...outside.map(({ range }) => ({
      kind: 'outside' as const,
      text: `flannel's range is ${range}`,
      evidence: [fact('FLANNEL_SUBNET', range)],
      remedies,
    })),
    ...strange.map(({ range }) => ({
      kind: 'strange-network' as const,
      text: `flannel's range ${range} is not in its network ${networks.join(', ')}`,
      evidence: [fact('FLANNEL_NETWORK', networks.join(', ')), fact('FLANNEL_SUBNET', range)],
      remedies,
    })),
  ];
}

/** The plugin gives the bridge one address of each range: the first that it finds there must do. */
function ofBridge(view: NodeView, ranges: readonly Prefix[]): readonly Mismatch[] {
  const { addresses } = view.parts;
  const cni = cniHere(view);
  if (addresses.state !== 'ok' || cni?.bridge == null || !worksByNodeRange(view)) return [];
  const { bridge } = cni;
  const own = addresses.value.addresses.filter(({ link, address }) => link === bridge && !address.startsWith('fe80'));
  const set = prefixSet(ranges);
  const strange = own.filter(({ address }) => hasFamily(ranges, address) && !contains(set, address));
  const isRight = (address: Address) =>
    own.some((one) => familyOf(one.address) === familyOf(address) && contains(set, one.address));
  return strange
    .filter(({ address }) => !isRight(address))
    .map(({ address, prefixLength }) => ({
      kind: 'outside' as const,
      text: `${bridge} has ${address}/${prefixLength}`,
      evidence: [fact(`address of ${bridge}`, `${address}/${prefixLength}`)],
      remedies: [
        {
          command: `ip link delete ${shellWord(bridge)}`,
          effect: `Run on ${view.name} while its pods are drained: the next pod has the bridge made anew with an address of the right range. Pods that are joined by it lose their network at once.`,
        },
      ],
    }));
}

/** flannel does, and a configuration whose own ranges are those of the Node; any other range is somebody's choice. */
function worksByNodeRange(view: NodeView): boolean {
  const configuration = cniHere(view)?.configuration;
  const [first] = configuration?.settings ?? [];
  if (first === undefined) return false;
  if (first.type === 'flannel') return true;
  const ranges = prefixSet(view.node?.podCIDRs ?? []);
  return first.ranges.length > 0 && first.ranges.every((range) => isEmpty(subtract(prefixSet([range]), ranges)));
}

function hasFamily(prefixes: readonly Prefix[], of: Prefix | Address): boolean {
  return prefixes.some((prefix) => familyOf(prefix) === familyOf(of));
}

function isInside(range: Prefix, ranges: readonly Prefix[]): boolean {
  return isEmpty(subtract(prefixSet([range]), prefixSet(ranges)));
}
