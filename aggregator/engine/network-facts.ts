/** How a node and its pods are wired, in a few lines for people: what its report says, before any check is asked. */
import type {
  BirdReport,
  CniReport,
  LinksReport,
  NodeLink,
  NodeParts,
  Part,
  PodNetworksReport,
  ProbesReport,
  SandboxesReport,
} from '../../proto/parts.ts';
import type { NetworkFact } from '../model/record.ts';

const mostNames = 3;
const longestValue = 300;
const tunnelKinds: ReadonlyMap<string, string> = new Map([
  ['vxlan', 'VXLAN'],
  ['geneve', 'Geneve'],
  ['ipip', 'IPIP'],
  ['sit', 'SIT'],
  ['ip6tnl', 'IPv6 tunnel'],
  ['wireguard', 'WireGuard'],
]);

/** What is not reported has no line. */
export function networkFacts(parts: NodeParts): readonly NetworkFact[] {
  return [
    fact('L1', 'pods', parts.podNetworks, podsText),
    fact('L1', 'sandboxes', parts.sandboxes, sandboxesText),
    fact('L1', 'CNI', parts.cni, cniText),
    fact('L1', 'addresses given to pods', parts.cni, reservationsText),
    fact('L2', 'links', parts.links, linksText),
    fact('L2', 'overlay', parts.links, overlayText),
    fact('L2', 'routes', parts.routes, ({ routes }) => number(routes.total)),
    fact('L2', 'BGP', parts.bird, bgpText),
    fact('L2', 'probes', parts.probes, probesText),
  ].flat();
}

function fact<T>(
  layer: NetworkFact['layer'],
  name: string,
  part: Part<T>,
  textOf: (value: T) => string,
): readonly NetworkFact[] {
  const text = part.state === 'ok' ? textOf(part.value) : '';
  return text === '' ? [] : [{ layer, name, value: text.slice(0, longestValue) }];
}

function podsText({ pods, unread }: PodNetworksReport): string {
  const own = pods.first.filter(({ namespace }) => namespace === 'own').length;
  const ofNode = pods.first.length - own;
  const unlisted = pods.total - pods.first.length;
  return joined([
    `${number(own)} with a network of their own`,
    ofNode === 0 ? '' : `${number(ofNode)} in the network of the node`,
    unread + unlisted === 0 ? '' : `${number(unread + unlisted)} not read`,
  ]);
}

function sandboxesText({ runtime, sandboxes }: SandboxesReport): string {
  const unready = sandboxes.first.filter(({ ready }) => !ready).length;
  return joined([
    `${number(sandboxes.total)} by the word of ${runtime}`,
    unready === 0 ? '' : `${number(unready)} not ready`,
  ]);
}

/** The first file is the one that counts. */
function cniText({ configurations }: CniReport): string {
  const [first, ...others] = configurations;
  if (first === undefined) return 'no configuration';
  const what = first.problem === null ? first.plugins.join(', ') || 'no plugin' : `cannot be read (${first.problem})`;
  return joined([`${first.file}: ${what}`, others.length === 0 ? '' : `${others.length} more behind it`]);
}

function reservationsText({ reservations }: CniReport): string {
  return reservations.total === 0 ? '' : `${number(reservations.total)} by host-local`;
}

function linksText({ links }: LinksReport): string {
  const off = links.first.filter(({ isUp }) => !isUp).map(({ name }) => name);
  return joined([number(links.total), off.length === 0 ? '' : `switched off: ${someOf(off)}`]);
}

function overlayText({ links }: LinksReport): string {
  const tunnels = links.first.filter(({ kind, isUp }) => tunnelKinds.has(kind) && isUp);
  return someOf(tunnels.map(tunnelText));
}

function tunnelText({ name, kind, vxlan, mtu }: NodeLink): string {
  const of = tunnelKinds.get(kind) ?? kind;
  const details = vxlan === null ? '' : ` ${vxlan.id}${vxlan.port === 0 ? '' : `, port ${vxlan.port}`}`;
  return `${name} (${of}${details}, MTU ${mtu})`;
}

function bgpText({ protocols }: BirdReport): string {
  const sessions = protocols.first.filter(({ kind }) => kind === 'BGP');
  const isUp = ({ info }: (typeof sessions)[number]) => info === 'Established';
  const down = sessions.filter((session) => !isUp(session)).map(({ neighbour, name }) => neighbour ?? name);
  if (sessions.length === 0) return 'no session';
  return joined([
    `${number(sessions.length - down.length)} of ${number(sessions.length)} sessions established`,
    down.length === 0 ? '' : `not with ${someOf(down)}`,
  ]);
}

/** A peer answers where it answers at each of its addresses. */
function probesText({ results }: ProbesReport): string {
  const decided = results.filter(({ lastAnswered }) => lastAnswered !== null);
  const byPeer = Map.groupBy(decided, ({ node }) => node);
  if (byPeer.size === 0) return results.length === 0 ? 'nobody to probe' : 'no answer is due yet';
  const silent = [...byPeer].filter(([, of]) => of.some(({ lastAnswered }) => lastAnswered === false));
  return joined([
    `${number(byPeer.size - silent.length)} of ${number(byPeer.size)} nodes answer`,
    silent.length === 0 ? '' : `not ${someOf(silent.map(([name, of]) => `${name}${howMuch(of)}`))}`,
  ]);
}

function howMuch(of: ProbesReport['results']): string {
  const isSilent = (size: 'small' | 'full') => of.some((one) => one.size === size && one.lastAnswered === false);
  return isSilent('full') && !isSilent('small') ? ' (large packets)' : '';
}

function someOf(names: readonly string[]): string {
  const more = names.length - mostNames;
  return [...names.slice(0, mostNames), ...(more > 0 ? [`${number(more)} more`] : [])].join(', ');
}

function joined(words: readonly string[]): string {
  return words.filter((word) => word !== '').join('; ');
}

function number(value: number): string {
  return value.toLocaleString('en');
}
