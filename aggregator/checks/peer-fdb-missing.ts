/*
 * flannel's VXLAN device learns nothing by itself. For each other node it is told which MAC address stands behind the
 * route's gateway (a permanent neighbour) and to which node packets for that MAC address go (a forwarding entry). Where
 * either is missing or old, packets for that node's pods are dropped in the device, or go to a node that is not meant
 * (flannel#636, #1474, #654, #1795).
 */
import { familyOf } from '../../proto/address.ts';
import type { NeighboursReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { ClusterNode } from '../model/cluster.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { restartFlannel } from './shared/flannel-remedies.ts';
import { flannelLinks, overlayOf } from './shared/overlay.ts';
import { onlyRoute } from './shared/peer-ways.ts';
import { firstAddress, peersOf } from './shared/peers.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeTopic, peerTopic } from './shared/topics.ts';
import { joined } from './shared/words.ts';

export const peerFdbMissing: NodeCheck = {
  id: 'peer-fdb-missing',
  layer: 'L2',
  scope: 'node',
  severity: 'critical',
  title: 'The VXLAN device does not know the way to another node',
  explanation: `flannel writes two entries for each other node: a neighbour (which MAC address is behind the gateway of its route) and a forwarding entry (to which address packets for that MAC address are sent). On this node one of them is missing or is not what the other node publishes. Packets of pods here for pods there are dropped, or wrapped for a node that is not meant. flannel did not hear of a change (an old watch), or somebody cleaned up.`,
  falsePositives: `Held against what each Node's annotations say (VtepMAC, public-ip). Other entries beside the right one, as flannel leaves them of earlier nodes, do no harm and are not told. With \`DirectRouting\` peers of the same network have none. Peers that are not ready, are younger than a minute, or about to go are not asked; nothing is said where a list was cut.`,
  remediation: `Restart flannel on this node, which writes all entries anew; or write the two with the commands of the finding.`,
  needs: ['neighbours', 'links', 'routes'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

/** What flannel writes for one peer. */
interface Wanted {
  readonly peer: string;
  readonly link: string;
  readonly gateway: string;
  readonly mac: string;
  readonly destination: string;
}

interface Lacking extends Wanted {
  readonly faults: readonly string[];
}

function evaluate(view: NodeView): readonly Violation[] {
  const { neighbours } = view.parts;
  if (neighbours.state !== 'ok' || overlayOf(view).kind !== 'flannel-vxlan') return [];
  const report = neighbours.value;
  const isCut = [report.neighbours, report.entries].some(({ total, first }) => total > first.length);
  if (isCut) return [];
  const links = flannelLinks(view);
  const wanted = peersOf(view, neighbours).flatMap((peer) => wantedOf(view, links, peer));
  const known = knownEntries(report);
  const lacking = wanted.flatMap((one): readonly Lacking[] => {
    const faults = faultsOf(one, known);
    return faults.length === 0 ? [] : [{ ...one, faults }];
  });
  const isAll = lacking.length > 2 && lacking.length === wanted.length;
  return isAll ? [ofAll(view, lacking)] : lacking.map((one) => ofOne(view, one));
}

function wantedOf(
  view: NodeView,
  links: ReturnType<typeof flannelLinks>,
  { name, podCIDRs, cni: { flannel } }: ClusterNode,
): readonly Wanted[] {
  if (flannel?.backend !== 'vxlan') return [];
  return podCIDRs.flatMap((range) => {
    const isIpv6 = familyOf(range) === 'ipv6';
    const link = links[familyOf(range)];
    const mac = isIpv6 ? flannel.vtepMacIpv6 : flannel.vtepMac;
    const destination = isIpv6 ? flannel.publicAddressIpv6 : flannel.publicAddress;
    const gateway = firstAddress(range);
    if (link === null || mac === null || destination === null || gateway === null) return [];
    // With DirectRouting flannel writes none of it for nodes of the same network.
    if (onlyRoute(view.parts, gateway)?.gateway === destination) return [];
    return [{ peer: name, link: link.name, gateway, mac, destination }];
  });
}

interface Known {
  /** MAC addresses by `link address`. */
  readonly neighbours: ReadonlyMap<string, string | null>;
  /** Destinations by `link mac`. */
  readonly entries: ReadonlyMap<string, readonly string[]>;
}

const indexes = new WeakMap<NeighboursReport, Known>();

/** Indexed once for each report. */
function knownEntries(report: NeighboursReport): Known {
  const known = indexes.get(report) ?? indexed(report);
  indexes.set(report, known);
  return known;
}

function indexed({ neighbours, entries }: NeighboursReport): Known {
  const byMac = Map.groupBy(entries.first, ({ link, mac }) => `${link} ${mac}`);
  return {
    neighbours: new Map(neighbours.first.map(({ link, address, mac }) => [`${link} ${address}`, mac])),
    entries: new Map([...byMac].map(([key, all]) => [key, all.map(({ destination }) => destination)])),
  };
}

function faultsOf({ link, gateway, mac, destination }: Wanted, known: Known): readonly string[] {
  const faults: string[] = [];
  const neighbour = known.neighbours.get(`${link} ${gateway}`) ?? null;
  if (neighbour === null) faults.push(`no neighbour ${gateway} on ${link}`);
  else if (neighbour !== mac) faults.push(`neighbour ${gateway} has ${neighbour} in place of ${mac}`);
  const destinations = known.entries.get(`${link} ${mac}`) ?? [];
  if (destinations.length === 0) faults.push(`no forwarding entry for ${mac}`);
  // With several the device sends to each of them.
  else if (!destinations.includes(destination)) {
    faults.push(`${mac} is sent to ${joined(destinations)} in place of ${destination}`);
  }
  return faults;
}

function ofOne(view: NodeView, lacking: Lacking): Violation {
  return {
    subject: { kind: 'Peer', name: lacking.peer },
    summary: `Pods of ${view.name} do not reach pods of ${lacking.peer}: ${joined(lacking.faults)}.`,
    evidence: [
      fact('wanted', `${lacking.gateway} has ${lacking.mac}, which is sent to ${lacking.destination}`),
      ...lacking.faults.map((fault) => fact('real', fault)),
    ],
    remediation: [...writeEntries(view, lacking), restartFlannel(view.name)],
    frontends: [],
    topics: [peerTopic(lacking.peer)],
    explainsTopics: [peerTopic(lacking.peer)],
  };
}

function ofAll(view: NodeView, all: readonly Lacking[]): Violation {
  return {
    subject: nodeSubject(view),
    summary: `Pods of ${view.name} reach pods of no other node: ${joined([...new Set(all.map(({ link }) => link))])} knows none of its ${all.length} peers.`,
    evidence: all.slice(0, 10).map(({ peer, faults }) => fact(peer, faults.join('; '))),
    remediation: [restartFlannel(view.name)],
    frontends: [],
    topics: [nodeTopic],
    explainsTopics: 'all',
  };
}

function writeEntries({ name }: NodeView, { link, gateway, mac, destination }: Wanted): readonly Remedy[] {
  return [
    {
      command: `ip neigh replace ${gateway} lladdr ${mac} dev ${shellWord(link)} nud permanent`,
      effect: `Run on ${name}: writes the neighbour as flannel does.`,
    },
    {
      command: `bridge fdb replace ${mac} dev ${shellWord(link)} dst ${destination} self permanent`,
      effect: `Run on ${name}: writes the forwarding entry as flannel does.`,
    },
  ];
}
