/**
 * NetworkPolicies, whole. Fields and defaults: the API reference of NetworkPolicy networking.k8s.io/v1.
 *
 *     "spec": {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"],
 *       "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "api"}}}],
 *         "ports": [{"protocol": "TCP", "port": 5432, "endPort": 5440}]}]}
 *
 * What is absent and what is empty mean different things in some places: an absent selector is null, an empty one
 * selects all; absent and empty lists of peers or ports both mean everyone and everything.
 */
import type { Prefix } from '../../proto/address.ts';
import type { LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule } from '../model/policy.ts';
import type { Kind } from './api-list.ts';
import { readName } from './api-list.ts';
import {
  apiPrefix,
  elements,
  type Field,
  member,
  oneOf,
  protocolOf,
  refuse,
  requiredText,
  text,
  textList,
  textMap,
} from './api-object.ts';

export const networkPolicyKind: Kind<NetworkPolicy> = { kind: 'NetworkPolicy', read: readNetworkPolicy };

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

function readNetworkPolicy(item: Field): NetworkPolicy {
  const spec = member(item, 'spec');
  const egress = member(spec, 'egress');
  return {
    ...readName(item),
    createdAt: text(member(member(item, 'metadata'), 'creationTimestamp')),
    podSelector: readSelector(member(spec, 'podSelector')),
    types: readTypes(member(spec, 'policyTypes'), elements(egress).length > 0),
    ingress: elements(member(spec, 'ingress')).map((rule) => readRule(rule, 'from')),
    egress: elements(egress).map((rule) => readRule(rule, 'to')),
  };
}

/** Where it says nothing: ingress always, and egress where there is any rule for it. */
function readTypes(field: Field, hasEgress: boolean): NetworkPolicy['types'] {
  const said = elements(field).map((one) => oneOf(one, ['Ingress', 'Egress'], 'Ingress'));
  if (said.length === 0) return hasEgress ? ['ingress', 'egress'] : ['ingress'];
  return [
    ...(said.includes('Ingress') ? (['ingress'] as const) : []),
    ...(said.includes('Egress') ? (['egress'] as const) : []),
  ];
}

function readRule(rule: Field, peers: 'from' | 'to'): PolicyRule {
  return {
    peers: elements(member(rule, peers)).flatMap((peer) => readPeer(peer) ?? []),
    ports: elements(member(rule, 'ports')).map(readPort),
  };
}

/** Null after a problem. */
function readPeer(peer: Field): PolicyPeer | null {
  const block = member(peer, 'ipBlock');
  const [pods, namespaces] = [member(peer, 'podSelector'), member(peer, 'namespaceSelector')];
  const hasSelector = isThere(pods) || isThere(namespaces);
  if (isThere(block) === hasSelector) {
    refuse(peer, hasSelector ? 'no selector beside an ipBlock' : 'a podSelector, a namespaceSelector or an ipBlock');
    return null;
  }
  if (hasSelector) return { kind: 'pods', podSelector: selectorOf(pods), namespaceSelector: selectorOf(namespaces) };
  const cidr = readPrefix(member(block, 'cidr'));
  const except = elements(member(block, 'except')).flatMap((one) => readPrefix(one) ?? []);
  return cidr === null ? null : { kind: 'block', cidr, except };
}

/** Null after a problem. */
function readPrefix(field: Field): Prefix | null {
  const prefix = apiPrefix(requiredText(field));
  if (prefix === null) refuse(field, 'a prefix like 10.0.0.0/8');
  return prefix;
}

function readPort(port: Field): PolicyPort {
  const at = member(port, 'port');
  const last = member(port, 'endPort');
  const first = readPortName(at);
  const endPort = isThere(last) ? portNumber(last) : null;
  if (endPort !== null && typeof first !== 'number') refuse(last, 'no endPort without a port that is a number');
  if (endPort !== null && typeof first === 'number' && endPort < first) refuse(last, `a port from ${first} on`);
  return { protocol: protocolOf(member(port, 'protocol')), port: first, endPort };
}

/** A number, or the name of a container port. */
function readPortName(field: Field): PolicyPort['port'] {
  if (!isThere(field)) return null;
  return typeof field.value === 'string' ? field.value : portNumber(field);
}

function portNumber(field: Field): number | null {
  const { value } = field;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
  refuse(field, 'a port from 1 to 65535');
  return null;
}

function selectorOf(field: Field): LabelSelector | null {
  return isThere(field) ? readSelector(field) : null;
}

/** An absent one is as an empty one where a selector must be. */
function readSelector(field: Field): LabelSelector {
  return {
    matchLabels: textMap(member(field, 'matchLabels')) ?? {},
    matchExpressions: elements(member(field, 'matchExpressions')).map(readExpression),
  };
}

function readExpression(expression: Field): LabelSelector['matchExpressions'][number] {
  const listed = member(expression, 'values');
  const values = textList(listed);
  const named = member(expression, 'operator');
  if (!isThere(named)) refuse(named, `one of ${operators.join(', ')}`);
  // What stands there after a problem is dropped with the policy, and shall not be a second one.
  const operator = oneOf(named, operators, values.length > 0 ? 'In' : 'Exists');
  const needsValues = operator === 'In' || operator === 'NotIn';
  if (needsValues !== values.length > 0) refuse(listed, needsValues ? 'values to compare with' : 'no values');
  return { key: requiredText(member(expression, 'key')), operator, values };
}

function isThere({ value }: Field): boolean {
  return value !== undefined && value !== null;
}
