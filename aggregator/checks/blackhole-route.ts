/*
 * A route that drops on purpose and takes what is in use: `blackhole 10.244.2.0/24` where node-b's pods are. Calico
 * writes blackholes for its own blocks, so that packets to addresses nobody has do not go round in circles; one that is
 * left when a block moves to another node swallows that node's pods. BIRD that tells Services to routers has written the
 * blackhole of their range into the kernel (calico#2457, in contrast #4613).
 */
import { type Address, familyOf } from '../../proto/address.ts';
import type { NodeRoute, RoutesReport, RoutingRule } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { overlayOf } from './shared/overlay.ts';
import { firstAddress, peersOf } from './shared/peers.ts';
import { shellWord } from './shared/remedies.ts';
import { lookUp } from './shared/route-lookup.ts';
import { peerTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const blackholeRoute: NodeCheck = {
  id: 'blackhole-route',
  layer: 'L2',
  scope: 'node',
  severity: 'critical',
  title: 'A route drops what should go to pods of another node, or to Services',
  explanation: `The node has a route (or a rule) of kind blackhole, unreachable or prohibit, and by the longest prefix it takes packets for a range of pods that another node has, or for the range of Services. They are dropped here, at once and for good. Such routes are left when a CNI plugin is replaced, when a block of addresses moves to another node and the old one does not hear of it, or when somebody wanted to stop a loop.`,
  falsePositives: `Looked up as the kernel does, so that a blackhole with more specific routes inside, as Calico writes it for its own blocks, takes nothing. Held against the ranges of other Nodes (not with Calico and Cilium, which have ranges of their own), against the Service default/kubernetes and, where a blackhole is no larger than 1,024 addresses, against the live pods in it; nothing is said of ranges nobody has.`,
  remediation: `Delete the route with the command of the finding, and restart the daemon of the CNI plugin, which writes what it needs.`,
  needs: ['routes'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

const refusing: readonly string[] = ['blackhole', 'unreachable', 'prohibit'];
const mostAddresses = 1024;
const mostNamed = 20;

interface Swallowed {
  readonly by: NodeRoute | RoutingRule;
  /** What it takes, in words: `10.244.2.0/24 of node-b`. */
  readonly what: string;
  /** Null: no node's pods, but a Service. */
  readonly peer: string | null;
}

function evaluate(view: NodeView): readonly Violation[] {
  const { routes } = view.parts;
  if (routes.state !== 'ok') return [];
  const report = routes.value;
  const isThere =
    report.routes.first.some(({ kind }) => refusing.includes(kind)) ||
    (report.rules?.first ?? []).some(({ action }) => refusing.includes(action));
  if (!isThere) return [];
  const swallowed = [...rangesOfPeers(view, report), ...livePods(view, report), ...services(view, report)];
  const byRoute = Map.groupBy(swallowed, ({ by }) => by);
  return [...byRoute].map(([by, all]) => violation(view, by, all));
}

/** Calico and Cilium give addresses away by ranges of their own: the Nodes' ranges say nothing of who has what. */
function rangesOfPeers(view: NodeView, report: RoutesReport): readonly Swallowed[] {
  const { kind } = overlayOf(view);
  if (kind === 'calico' || kind === 'cilium') return [];
  return peersOf(view, view.parts.routes).flatMap(({ name, podCIDRs }) =>
    podCIDRs.flatMap((range) => {
      const address = firstAddress(range);
      const by = address === null ? null : refusedBy(report, address);
      return by === null || (kind === 'other' && isOfCalico(by))
        ? []
        : [{ by, what: `${range} of ${name}`, peer: name }];
    }),
  );
}

/** By BIRD or Felix, for a block of their own: perhaps at work here, though no file says so. */
function isOfCalico(by: NodeRoute | RoutingRule): boolean {
  return 'protocol' in by && (by.protocol === 'bird' || by.protocol === '80');
}

/**
 * The range of Services, told by the one that every cluster has. The node's own packets are routed before their address
 * is translated; IPVS has the address on the node itself, so it is not looked up so far.
 */
function services({ objects }: NodeView, report: RoutesReport): readonly Swallowed[] {
  const addresses = Object.values(objects.service('default', 'kubernetes')?.clusterIPs ?? {});
  return addresses.flatMap((address) => {
    const by = refusedBy(report, address);
    return by === null ? [] : [{ by, what: `the Service default/kubernetes (${address})`, peer: null }];
  });
}

/** For CNI plugins whose ranges the Nodes do not show. Own pods that lack a route are another check's. */
function livePods(view: NodeView, report: RoutesReport): readonly Swallowed[] {
  const { objects, name } = view;
  const small = report.routes.first.filter(({ kind, destination }) => refusing.includes(kind) && isSmall(destination));
  return small.flatMap((route) =>
    addressesIn(route).flatMap((address) =>
      objects.podsWithAddress(address).flatMap((pod) => {
        const isElsewhere =
          pod.nodeName !== null && pod.nodeName !== name && pod.phase === 'Running' && !pod.terminating;
        if (!isElsewhere || refusedBy(report, address) !== route) return [];
        return [{ by: route, what: `${pod.namespace}/${pod.name} (${address})`, peer: pod.nodeName }];
      }),
    ),
  );
}

function refusedBy(report: RoutesReport, address: Address): NodeRoute | RoutingRule | null {
  const found = lookUp(report, address);
  return found.kind === 'refused' ? found.by : null;
}

function isSmall(destination: NodeRoute['destination']): boolean {
  const length = Number(destination.slice(destination.lastIndexOf('/') + 1));
  return familyOf(destination) === 'ipv4' && 2 ** (32 - length) <= mostAddresses;
}

function addressesIn({ destination }: NodeRoute): readonly Address[] {
  const [base = '', length = '32'] = destination.split('/');
  const first = base.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
  return Array.from({ length: 2 ** (32 - Number(length)) }, (_none, at) => {
    const value = first + at;
    // Canonical by construction.
    return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.') as Address;
  });
}

function violation(view: NodeView, by: NodeRoute | RoutingRule, all: readonly Swallowed[]): Violation {
  const peers = [...new Set(all.flatMap(({ peer }) => peer ?? []))].sort();
  const text = textOf(by);
  const whose = peers.length === 1 ? `pods of ${peers[0]}` : `pods of ${counted(peers.length, 'node')}`;
  const lost = peers.length === 0 ? 'what it sends to Services' : `what its pods send to ${whose}`;
  return {
    subject: { kind: 'Rule', name: text },
    summary: `${view.name} drops ${lost}: ${joined(all.map(({ what }) => what))} ${all.length === 1 ? 'is' : 'are'} swallowed by \`${text}\`.`,
    evidence: [
      fact('taken by', text),
      ...all.slice(0, mostNamed).map(({ what }) => fact('swallowed', what)),
      ...(all.length > mostNamed ? [fact('not shown', `${all.length - mostNamed} more`)] : []),
    ],
    remediation: [remedy(view, by)],
    frontends: [],
    topics: peers.map(peerTopic),
    explainsTopics: peers.map(peerTopic),
  };
}

function textOf(by: NodeRoute | RoutingRule): string {
  if ('action' in by) return `rule ${by.priority}: ${by.action}${by.to === null ? '' : ` to ${by.to}`}`;
  return `${by.kind} ${by.destination}${by.table === 'main' ? '' : ` table ${by.table}`}`;
}

function remedy({ name }: NodeView, by: NodeRoute | RoutingRule) {
  const six = by.family === 'ipv6' ? '-6 ' : '';
  const command =
    'action' in by
      ? `ip ${six}rule del priority ${by.priority}`
      : `ip ${six}route del ${by.kind} ${by.destination} table ${shellWord(by.table)}`;
  return { command, effect: `Run on ${name}: such packets take the next best route again.` };
}
