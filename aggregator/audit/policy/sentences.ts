/** The sentences that say what decides; none names a pod, so pods of one class share them. */
import type { Flow, PolicyDirection, PolicyPeer } from '../../model/policy.ts';
import type { CompiledPolicy, CompiledRule } from './compiled.ts';
import type { PeerAnswer, PeerDoubt } from './peers.ts';
import { portText } from './ports.ts';
import { selectorText, selectsAll } from './selectors.ts';

/** As many policies, peers and ports are named. */
const mostNamed = 3;

export const itself = 'A pod always reaches itself: no policy can forbid it.';
export const ownNode = "Traffic between a pod and its own node is always let through, whatever the node's address.";
export const rewritten =
  "The source's address may be rewritten to a node's on the way through a node port or load balancer, and the API leaves it to the plugin which of the two its policies see.";

export function noPod(direction: PolicyDirection): string {
  return `The ${endName(direction)} is no pod: NetworkPolicies do not speak of it.`;
}

export function hostNetwork(direction: PolicyDirection): string {
  return `The ${endName(direction)} is in its node's network: most plugins apply no NetworkPolicy to it, and the API leaves it to them.`;
}

export function finished(direction: PolicyDirection): string {
  return `The ${endName(direction)} has ended and has no network any more.`;
}

export function notIsolated(direction: PolicyDirection, namespace: string): string {
  return `No NetworkPolicy of ${namespace} selects the pod for ${direction}.`;
}

export function allowed(
  rule: CompiledRule,
  { peer, port }: { readonly peer: PeerAnswer; readonly port: number | null },
): string {
  const named = peer.fit === 'no' || peer.index === null ? undefined : peersOf(rule)[peer.index];
  const who = named === undefined ? anyone(rule.direction) : peerText(named, rule);
  const where = port === null ? undefined : rule.ports[port];
  return `${ruleName(rule)} lets it through: ${who}, ${where === undefined ? 'every port' : portText(where)}.`;
}

/** Why nothing lets it through. */
export function denied(direction: PolicyDirection, isolating: readonly CompiledPolicy[]): string {
  const rules = isolating.reduce((sum, { rules: of }) => sum + (of[direction]?.length ?? 0), 0);
  const one = isolating.length === 1;
  const what =
    rules === 0
      ? `and ${one ? 'it has' : 'they have'} no ${direction} rule, so nothing is let through`
      : `and none of ${one ? 'its' : 'their'} ${direction} rules lets this through`;
  return `${namesText(isolating.map(({ key }) => key))} ${one ? 'selects' : 'select'} the pod for ${direction}, ${what}.`;
}

/** A rule that lets the peer through, to other ports. */
export function otherPort(rule: CompiledRule, flow: Flow): string {
  const asked = `${flow.port}/${flow.protocol.toUpperCase()}${throughText(flow)}`;
  return `${ruleName(rule)} lets this peer through, to ${portsText(rule)} and not to ${asked}.`;
}

/** They are too large to be asked. */
export function tooLarge(keys: readonly string[]): string {
  return `${namesText(keys)} ${keys.length === 1 ? 'has' : 'have'} more rules, peers and ports than are evaluated for one pod (50,000).`;
}

export function doubt(rule: CompiledRule, why: PeerDoubt): string {
  return `${ruleName(rule)} may let it through: ${doubts[why]}`;
}

const doubts: Readonly<Record<PeerDoubt, string>> = {
  'host-network':
    "it selects the peer, which is in its node's network; most plugins do not know such a pod by its labels, and the API leaves it to them.",
  'host-port-name':
    "it names the port, which a pod in its node's network has by that name; most plugins do not know such a pod, and the API leaves it to them.",
  'namespace-unknown': "it asks for labels of the peer's namespace, which are not known.",
  'some-addresses':
    'it names some of the addresses that the node may show and not all of them; which one is seen depends on the network plugin.',
  'no-address': 'it names addresses, and the peer has none of this family yet.',
  'before-translation':
    "it names the Service's own address and not the one that it is translated into; the API leaves it to the plugin which of the two its policies see, and most see the second.",
  'rewritten-source':
    "it names the source, whose address may be rewritten to a node's on the way through a node port or load balancer.",
};

/** `shop/allow-web ingress rule 0`. */
function ruleName({ policy, direction, index }: CompiledRule): string {
  return `${policy.namespace}/${policy.name} ${direction} rule ${index}`;
}

function endName(direction: PolicyDirection): string {
  return direction === 'ingress' ? 'destination' : 'source';
}

function anyone(direction: PolicyDirection): string {
  return direction === 'ingress' ? 'from everyone' : 'to everyone';
}

function peersOf({ policy, direction, index }: CompiledRule): readonly PolicyPeer[] {
  return policy[direction][index]?.peers ?? [];
}

function peerText(peer: PolicyPeer, { policy, direction }: CompiledRule): string {
  const preposition = direction === 'ingress' ? 'from' : 'to';
  if (peer.kind === 'block') {
    return `${preposition} addresses in ${peer.cidr}${peer.except.length === 0 ? '' : ` except ${namesText(peer.except)}`}`;
  }
  const { podSelector, namespaceSelector } = peer;
  const which = podSelector === null || selectsAll(podSelector) ? 'all pods' : `pods with ${selectorText(podSelector)}`;
  if (namespaceSelector === null) return `${preposition} ${which} of ${policy.namespace}`;
  const where = selectsAll(namespaceSelector)
    ? 'every namespace'
    : `namespaces with ${selectorText(namespaceSelector)}`;
  return `${preposition} ${which} in ${where}`;
}

function portsText({ ports }: CompiledRule): string {
  return ports.length === 0 ? 'every port' : namesText(ports.map(portText));
}

/** What a Service's port has to do with it. */
function throughText({ through, port }: Flow): string {
  return through === undefined || through.port === port
    ? ''
    : `, which the Service's port ${through.port} is translated into before policies see it`;
}

/** `a`, `a and b`, `a, b, c and 4 more`. */
function namesText(names: readonly string[]): string {
  const shown = names.slice(0, mostNamed);
  const more = names.length - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
