/*
 * A node reaches another node's pods by a route that its CNI plugin writes when it hears of the node. One is missing or
 * wrong where the plugin did not hear (an old watch), where somebody restarted the network service (which flushes
 * routes), or where the peer came back under another address (flannel#636, #1474, #654).
 */
import type { Address, Family, Prefix } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import type { NodeLink, NodeRoute, RoutesReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { ClusterNode } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { restartFlannel } from './shared/flannel-remedies.ts';
import { cniHere } from './shared/cni.ts';
import { flannelLinks, type Overlay, overlayOf } from './shared/overlay.ts';
import { onlyRoute } from './shared/peer-ways.ts';
import { addressesOf, firstAddress, nodeWithAddress, peersOf } from './shared/peers.ts';
import { shellWord } from './shared/remedies.ts';
import { type Lookup, lookUp } from './shared/route-lookup.ts';
import { nodeTopic, peerTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const peerRouteMissing: NodeCheck = {
  id: 'peer-route-missing',
  layer: 'L2',
  scope: 'node',
  severity: 'critical',
  title: "There is no right route to another node's pods",
  explanation: `Packets for the pods of another node take no route, the default route, or one by a wrong link or to a wrong address: they never get there. flannel writes one route for each other node when it hears of it (by \`flannel.1\`, or by the node's address with host-gw); static routes and cloud routes are somebody's own work. A restart of the node's network service flushes routes that it does not know.`,
  falsePositives: `What a route should look like is known for flannel, and elsewhere by the other routes: where most other nodes are reached by routes to their addresses, the rest must be too, as far as pods run there. Peers that are not ready, are younger than a minute, or about to go are not asked, nor CNI plugins that need no route for each node (Cilium, clouds) or tell ranges by BGP (Calico, see bgp-down). Where rules or a cut list leave it open, nothing is said.`,
  remediation: `Restart the CNI plugin's daemon on this node, which writes all routes anew; or write the one route with the command of the finding.`,
  needs: ['routes', 'links'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

/** How packets for a range must leave. */
interface Wanted {
  readonly peer: ClusterNode;
  readonly range: Prefix;
  readonly gateway: Address;
  /** Null: whatever link leads to the gateway. */
  readonly link: string | null;
  /** Gateways that do as well, by whatever link: the peer's own addresses. */
  readonly also: readonly Address[];
  /** Where such packets leave now; null where the range has no first address. */
  readonly found: Lookup | null;
}

interface Lacking extends Wanted {
  /** What there is instead, in words. */
  readonly real: string;
}

function evaluate(view: NodeView): readonly Violation[] {
  const { routes } = view.parts;
  if (routes.state !== 'ok') return [];
  const overlay = overlayOf(view);
  const wanted = wantedRoutes(view, overlay, routes.value);
  const lacking = wanted.flatMap((one): readonly Lacking[] => {
    const real = whatIsWrong(one);
    return real === null ? [] : [{ ...one, real }];
  });
  const peers = new Set(lacking.map(({ peer }) => peer.name));
  const isAll = peers.size > 2 && peers.size === new Set(wanted.map(({ peer }) => peer.name)).size;
  if (isAll) return [ofAll(view, overlay, lacking)];
  const byPeer = Map.groupBy(lacking, ({ peer }) => peer.name);
  return [...byPeer].map(([name, of]) => ofOne(view, overlay, { name, lacking: of }));
}

function wantedRoutes(view: NodeView, overlay: Overlay, report: RoutesReport): readonly Wanted[] {
  const peers = peersOf(view, view.parts.routes);
  switch (overlay.kind) {
    case 'flannel-vxlan': {
      const links = flannelLinks(view);
      return rangesOf(peers).flatMap((one) => wantedOfVxlan(links[familyOf(one.range)], report, one));
    }
    case 'flannel-host-gw':
      return rangesOf(peers).flatMap(({ peer, range }) => {
        const gateway = publicAddress(peer, range);
        return gateway === null ? [] : [{ peer, range, gateway, link: null, also: [], found: lookedUp(report, range) }];
      });
    case 'other':
      return byCustom(view, peers, report);
    case 'calico':
    case 'cilium':
      return [];
  }
}

function rangesOf(peers: readonly ClusterNode[]) {
  return peers.flatMap((peer) => peer.podCIDRs.map((range) => ({ peer, range })));
}

/** With DirectRouting flannel leads to nodes of the same network by their addresses, without a tunnel. */
function wantedOfVxlan(
  link: NodeLink | null,
  report: RoutesReport,
  { peer, range }: Pick<Wanted, 'peer' | 'range'>,
): readonly Wanted[] {
  const gateway = firstAddress(range);
  const direct = publicAddress(peer, range);
  // Without the device there is another finding; without the peer's own word flannel writes no route.
  if (link === null || gateway === null || peer.cni.flannel?.backend !== 'vxlan') return [];
  const also = direct === null ? [] : [direct];
  return [{ peer, range, gateway, link: link.name, also, found: lookedUp(report, range) }];
}

function lookedUp(report: RoutesReport, range: Prefix): Lookup | null {
  const address = firstAddress(range);
  return address === null ? null : lookUp(report, address);
}

function publicAddress({ cni: { flannel } }: ClusterNode, range: Prefix): Address | null {
  return (familyOf(range) === 'ipv4' ? flannel?.publicAddress : flannel?.publicAddressIpv6) ?? null;
}

/** Where most peers on the same network are reached by their addresses, all of them are to be: in each family by itself. */
function byCustom(view: NodeView, peers: readonly ClusterNode[], report: RoutesReport): readonly Wanted[] {
  const asked = peers.filter(({ name }) => hasPods(view, name));
  const all = rangesOf(asked).flatMap(({ peer, range }): readonly Wanted[] => {
    const [gateway, ...also] = addressesOf(peer, range).filter((address) => isOnLink(report, address));
    return gateway === undefined ? [] : [{ peer, range, gateway, link: null, also, found: lookedUp(report, range) }];
  });
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const ofFamily = all.filter(({ range }) => familyOf(range) === family);
    const right = ofFamily.filter(isLedTo).length;
    const isCustom =
      right * 2 > ofFamily.length || (right > 0 && ofFamily.length === 2) || (right === 0 && isLedHere(view, family));
    return isCustom ? ofFamily.filter((one) => isNoOwnWay(view, one)) : [];
  });
}

/** Nobody minds that there is no route to where nobody is. */
function hasPods({ objects }: NodeView, node: string): boolean {
  if (!objects.knowsPods) return true;
  for (const { hostNetwork, phase } of objects.podsOn(node)) if (!hostNetwork && phase === 'Running') return true;
  return false;
}

function isOnLink(report: RoutesReport, address: Address): boolean {
  const found = lookUp(report, address);
  return found.kind === 'route' && found.routes[0].kind === 'unicast' && found.routes[0].gateway === null;
}

/** By a route of its own, not by a default route whose router happens to be a node. */
function isLedTo(wanted: Wanted): boolean {
  const { found, range } = wanted;
  return found?.kind === 'route' && found.routes[0].destination === range && isRight(found.routes, wanted);
}

const mostAsked = 8;

/** Whether other nodes lead to this one's pods by its address: so this one should, too, though it has no such route left. */
function isLedHere(view: NodeView, family: Family): boolean {
  const { node } = view;
  const range = node?.podCIDRs.find((one) => familyOf(one) === family);
  const address = range === undefined ? null : firstAddress(range);
  if (node === null || range === undefined || address === null) return false;
  const gateways = new Set<Address>(addressesOf(node, range));
  const asked = peersOf(view, view.parts.routes)
    .flatMap(({ name }) => view.peers.parts(name) ?? [])
    .slice(0, mostAsked);
  const led = asked.filter((parts) => {
    const route = onlyRoute(parts, address);
    return route?.destination === range && route.gateway !== null && gateways.has(route.gateway);
  });
  return led.length * 2 > asked.length;
}

/** A route for exactly this range is meant, unless it leads to another node or onto this node's own bridge. */
function isNoOwnWay(view: NodeView, wanted: Wanted): boolean {
  const { found, range } = wanted;
  if (found?.kind !== 'route' || found.routes[0].destination !== range || isRight(found.routes, wanted)) return true;
  const { gateway, link } = found.routes[0];
  return gateway === null ? link === cniHere(view)?.bridge : nodeWithAddress(view, gateway) !== null;
}

/** Null where it is right, or cannot be told, or is refused, which is another check's. */
function whatIsWrong(wanted: Wanted): string | null {
  const { found } = wanted;
  switch (found?.kind) {
    case undefined:
    case 'unknown':
    case 'refused':
      return null;
    case 'none':
      return 'no route';
    case 'route':
      return isRight(found.routes, wanted) ? null : routeText(found.routes[0]);
  }
}

function isRight(routes: readonly NodeRoute[], { gateway, link, also }: Wanted): boolean {
  return routes.some((route) => {
    const isWanted = route.gateway === gateway && (link === null || route.link === link);
    return isWanted || (route.gateway !== null && also.includes(route.gateway));
  });
}

function routeText({ destination, gateway, link }: NodeRoute): string {
  const name = destination === '0.0.0.0/0' || destination === '::/0' ? 'the default route' : `the route ${destination}`;
  return `${name}${gateway === null ? '' : ` via ${gateway}`}${link === null ? '' : ` dev ${link}`}`;
}

function wantedText({ range, gateway, link }: Wanted): string {
  return `${range} via ${gateway}${link === null ? '' : ` dev ${link} onlink`}`;
}

function ofOne(
  view: NodeView,
  overlay: Overlay,
  { name, lacking }: { readonly name: string; readonly lacking: readonly Lacking[] },
): Violation {
  return {
    subject: { kind: 'Peer', name },
    summary: `Pods of ${view.name} do not reach pods of ${name}: packets for ${joined(lacking.map(({ range, real }) => `${range} take ${real}`))}.`,
    evidence: lacking.flatMap((one) => [fact('wanted', wantedText(one)), fact('real', one.real)]),
    remediation: [...lacking.map((one) => writeRoute(view, one)), ...restarts(view, overlay)],
    frontends: [],
    topics: [peerTopic(name)],
    explainsTopics: [peerTopic(name)],
  };
}

function ofAll(view: NodeView, overlay: Overlay, lacking: readonly Lacking[]): Violation {
  const peers = [...new Set(lacking.map(({ peer }) => peer.name))];
  return {
    subject: nodeSubject(view),
    summary: `Pods of ${view.name} reach pods of no other node: the routes to all ${counted(peers.length, 'peer')} are missing or wrong.`,
    evidence: lacking.slice(0, 10).flatMap((one) => [fact('wanted', wantedText(one)), fact('real', one.real)]),
    remediation: [...restarts(view, overlay), ...lacking.slice(0, 3).map((one) => writeRoute(view, one))],
    frontends: [],
    topics: [nodeTopic],
    explainsTopics: 'all',
  };
}

function writeRoute({ name }: NodeView, { range, gateway, link }: Wanted) {
  const six = familyOf(range) === 'ipv6' ? '-6 ' : '';
  const by = link === null ? '' : ` dev ${shellWord(link)} onlink`;
  return {
    command: `ip ${six}route replace ${range} via ${gateway}${by}`,
    effect: `Run on ${name}: writes the route as it should be, until the next boot or whoever flushes it.`,
  };
}

function restarts({ name }: NodeView, { kind }: Overlay) {
  return kind === 'flannel-vxlan' || kind === 'flannel-host-gw' ? [restartFlannel(name)] : [];
}
