/** The places that packets pass, hop by hop, as far as the nodes' own facts name them. */
import { type Address, backendOf, type Family, familyOf } from '../../proto/address.ts';
import { parseFrontendKey } from '../../proto/canonical.ts';
import type { FrontendKey, Route } from '../../proto/forwarding.ts';
import type { RuleLine } from '../../proto/parts.ts';
import { lookUp } from '../checks/shared/route-lookup.ts';
import { linkNameOf, networkOf } from '../checks/shared/wired-pods.ts';
import { joined } from '../checks/shared/words.ts';
import type { Pod } from '../model/cluster.ts';
import type { DiagnosisHop } from '../model/diagnosis.ts';
import { type Destination, endName, flowEnd } from './destinations.ts';
import { addressesOf, type Source } from './ends.ts';
import { originOf, sidesOf } from './frontends.ts';
import type { DiagnosisInput } from './input.ts';
import { rulesMet } from './met-rules.ts';
import { ruleText } from './permission.ts';
import { routeText } from './ways.ts';

/** What the hops are of: one source, one frontend if any is met, and whom it may lead to. */
export interface Travel {
  readonly source: Source;
  readonly sourceAddress: Address | null;
  /** The node of the source; null = none here, or not known. */
  readonly ownNode: string | null;
  /** The node that translates; null = not known. */
  readonly node: string | null;
  /** The address of that node by which another one gets there. */
  readonly nodeAddress: Address | null;
  /** What packets meet on that node: a Service's frontend, or what is left of one. */
  readonly key: FrontendKey | null;
  readonly destinations: readonly Destination[];
  readonly family: Family;
  /** Policies may see another address than the source's. */
  readonly mayBeRewritten: boolean;
}

type Hop = DiagnosisHop;

/** There first, then back. A packet that is refused, dropped or not translated gets no further. */
export function hopsOf(input: DiagnosisInput, travel: Travel): readonly DiagnosisHop[] {
  const { source, sourceAddress, key, node } = travel;
  const route = routeMet(input, travel);
  const start = [
    ...(source.kind === 'pod' ? podHops(input, source.pod, { way: 'out', address: sourceAddress }) : []),
    ...approachHops(input, travel),
    ...translationHops(input, travel, route),
  ];
  if (route?.action === 'reject' || route?.action === 'drop') return start;
  const frontend = key === null ? null : parseFrontendKey(key);
  if (route?.action === 'none') {
    const address = frontend?.address ?? 'node';
    return address === 'node' || node === null
      ? start
      : [...start, ...routeHops(input, node, { address, direction: 'there' })];
  }
  const destination = reached(travel.destinations, route);
  if (destination === null) return start;
  return [...start, ...hopsOn(input, travel, destination), ...hopsBack(input, travel, destination)];
}

/** What becomes of it at the frontend; null = it meets none, or that is not known. */
function routeMet(input: DiagnosisInput, { source, sourceAddress, node, key }: Travel): Route | null {
  const facts = node === null ? null : input.node(node);
  if (facts?.isKnown !== true || key === null) return null;
  const sides = sidesOf(facts.view, key);
  if (sides === null) return null;
  return sides.real?.[originOf(source, facts.view, sourceAddress)].route ?? { action: 'none' };
}

/** The first destination that the node really sends to. */
function reached(destinations: readonly Destination[], route: Route | null): Destination | null {
  if (route?.action !== 'forward') return destinations[0] ?? null;
  const backends: readonly string[] = route.backends;
  return destinations.find(({ address, port }) => port !== null && backends.includes(backendOf(address, port))) ?? null;
}

/** To another node, whose port is asked. */
function approachHops(input: DiagnosisInput, { ownNode, node, nodeAddress: address }: Travel): readonly Hop[] {
  if (ownNode === null || node === null || ownNode === node || address === null) return [];
  return routeHops(input, ownNode, { address, direction: 'there' });
}

function hopsOn(input: DiagnosisInput, travel: Travel, destination: Destination): readonly Hop[] {
  const { node } = travel;
  return [
    ...policyHops(input, travel, destination),
    ...(node === null ? [] : routeHops(input, node, { address: destination.address, direction: 'there' })),
    ...arrivalHops(input, travel, destination),
  ];
}

/** Replies take the routes back; the connection table of the node that translated undoes it. */
function hopsBack(
  input: DiagnosisInput,
  { source, sourceAddress, ownNode, node, nodeAddress, key }: Travel,
  destination: Destination,
): readonly Hop[] {
  if (destination.node === null || sourceAddress === null) return [];
  const isByWay = ownNode !== node && nodeAddress !== null;
  const way = { address: isByWay ? nodeAddress : sourceAddress, direction: 'back' } as const;
  const crosses = destination.node !== node;
  const undone: readonly Hop[] =
    key === null || node === null
      ? []
      : [
          {
            direction: 'back',
            node,
            link: null,
            does: `conntrack: replies come from ${frontendText(key, node)} again`,
            rule: null,
          },
        ];
  return [
    ...(crosses ? routeHops(input, destination.node, way) : []),
    ...undone,
    ...(node === null || source.kind === 'address' ? [] : routeHops(input, node, { ...way, address: sourceAddress })),
  ];
}

/** A pod's own interface and the link of the node to it. */
function podHops(
  input: DiagnosisInput,
  pod: Pod,
  { way, address }: { readonly way: 'in' | 'out'; readonly address: Address | null },
): readonly Hop[] {
  const facts = pod.nodeName === null ? null : input.node(pod.nodeName);
  if (facts?.isKnown !== true || pod.hostNetwork) return [];
  const network = networkOf(facts.view, pod);
  const route = network?.defaultRoutes.find(
    (one) => !one.isDead && (address === null || one.family === familyOf(address)),
  );
  const held = network?.addresses.find((one) => one.address === address);
  const name = `${pod.namespace}/${pod.name}`;
  const does =
    way === 'in'
      ? `arrives at ${address ?? 'no address'}`
      : `leaves with source ${address ?? 'no address'}${route === undefined ? '' : `, default via ${route.gateway ?? 'its link'} dev ${route.link}`}`;
  const inside: Hop = {
    direction: 'there',
    node: pod.nodeName,
    link: `${held?.link ?? 'eth0'} of ${name}`,
    does,
    rule: null,
  };
  const link = linkNameOf(facts.view, pod);
  if (link === null) return [inside];
  const outside: Hop = {
    direction: 'there',
    node: pod.nodeName,
    link,
    does: `the node's end of the link of ${name}`,
    rule: null,
  };
  return way === 'in' ? [outside, inside] : [inside, outside];
}

const mostRules = 12;

/** What the node's own rules do with the packet; where they are not at hand, what its table says in one hop. */
function translationHops(
  input: DiagnosisInput,
  { source, sourceAddress, node, key }: Travel,
  route: Route | null,
): readonly Hop[] {
  const facts = node === null ? null : input.node(node);
  if (node === null || key === null || facts?.isKnown !== true) return [];
  const origin = originOf(source, facts.view, sourceAddress);
  const met = rulesMet(facts.explain?.(key) ?? [], { origin, source: sourceAddress });
  if (met.length > 0) return ruleHops(node, met);
  const to = frontendText(key, node);
  const acts = route === null ? 'not known' : route.action === 'none' ? 'no rule' : route.action;
  const does = route?.action === 'forward' ? `DNAT ${to} to ${joined(route.backends, 6)}` : `${to}: ${acts}`;
  return [{ direction: 'there', node, link: null, does, rule: null }];
}

/** The first rules, and those that translate: what is between them is jumps. */
function ruleHops(node: string, lines: readonly RuleLine[]): readonly Hop[] {
  const once = [...new Map(lines.map((line) => [`${line.table} ${line.rule}`, line])).values()];
  const translating = once.filter(({ rule }) => isTranslation.test(rule));
  const shown =
    once.length <= mostRules
      ? once
      : [...once.slice(0, mostRules - Math.min(4, translating.length)), ...translating.slice(0, 4)];
  return [...new Set(shown)].map(({ table, rule }) => ({
    direction: 'there',
    node,
    link: null,
    does: ruleEffect(table, rule),
    rule,
  }));
}

/** Of iptables-save, and of nft. */
const isTranslation = /--to-destination |\bdnat /;

function ruleEffect(table: string, rule: string): string {
  const to = /--to-destination (\S+)/.exec(rule)?.[1] ?? /\bdnat .*?\bto (.{1,200})/.exec(rule)?.[1];
  if (to !== undefined) return `DNAT to ${to}`;
  if (/\bmark set /.test(rule)) return 'marks for masquerading';
  const probability = /--probability (\d\.\d+)/.exec(rule)?.[1];
  const share = probability === undefined ? '' : `, with probability ${Number(probability).toFixed(2)}`;
  const jump = /-[jg] (\S+)/.exec(rule)?.[1] ?? /\b(?:goto|jump) (\S+)/.exec(rule)?.[1];
  if (jump === 'REJECT' || jump === 'DROP') return `${table}: ${jump === 'DROP' ? 'drops' : 'refuses'} it`;
  if (jump === 'MARK') return `${table}: sets the mark`;
  if (jump === 'KUBE-MARK-MASQ') return `marks for masquerading${share}`;
  return jump === undefined ? `a rule of ${table}` : `${table}: jumps to ${jump}${share}`;
}

function policyHops(
  input: DiagnosisInput,
  { source, family, mayBeRewritten }: Travel,
  destination: Destination,
): readonly Hop[] {
  const { policy } = input.objects;
  if (policy === null || destination.port === null) return [];
  const { end, port, protocol } = destination;
  const { egress, ingress } = policy.flow({
    ...{ from: flowEnd(source), to: end, family, protocol, port },
    ...(mayBeRewritten ? { sourceMayBeRewritten: true } : {}),
  });
  return [egress, ingress].flatMap((side): readonly Hop[] => {
    const whose = side.direction === 'egress' ? endName(flowEnd(source)) : endName(end);
    const hop = { direction: 'there', node: null, link: null } as const;
    if (side.state === 'allowed') {
      const rule = side.by === null ? null : ruleText(side.by);
      return [{ ...hop, does: `policy, ${side.direction} of ${whose}: allowed`, rule }];
    }
    return side.state === 'denied'
      ? [{ ...hop, does: `policy, ${side.direction} of ${whose}: denied`, rule: joined(side.isolating) }]
      : [];
  });
}

function routeHops(
  input: DiagnosisInput,
  node: string,
  { address, direction }: { readonly address: Address; readonly direction: 'there' | 'back' },
): readonly Hop[] {
  const facts = input.node(node);
  if (!facts.isKnown || facts.view.parts.routes.state !== 'ok') return [];
  const found = lookUp(facts.view.parts.routes.value, address);
  if (found.kind === 'unknown') return [];
  if (found.kind !== 'route') return [{ direction, node, link: null, does: `no way to ${address}`, rule: null }];
  const [route] = found.routes;
  if (route.kind === 'local') return [{ direction, node, link: route.link, does: `${address} is its own`, rule: null }];
  return [{ direction, node, link: route.link, does: routeText(route), rule: null }];
}

function arrivalHops(input: DiagnosisInput, { node }: Travel, destination: Destination): readonly Hop[] {
  const { address, node: there, end } = destination;
  const crossed = there !== null && there !== node ? routeHops(input, there, { address, direction: 'there' }) : [];
  return [...crossed, ...(end.kind === 'pod' ? podHops(input, end.pod, { way: 'in', address }) : [])];
}

/** `10.96.0.1:80`; of a node port the node's own name stands for its addresses. */
function frontendText(key: FrontendKey, node: string): string {
  return key.slice(key.indexOf(' ') + 1).replace(/^node[46]:/, `${node}:`);
}

/** The source's address of a family. */
export function addressOf(source: Source, family: Family): Address | null {
  return addressesOf(source).find((one) => familyOf(one) === family) ?? null;
}
