/** Nodes, and pods in their nodes' networks: "NetworkPolicy and hostNetwork pods" leaves most of it to the plugin. */
import { describe, expect, it } from 'vitest';
import { judged, type PolicySpec } from '../../../test/policy-world.ts';

const block = (...cidrs: readonly string[]) => cidrs.map((cidr) => ({ ipBlock: { cidr } }));
const anyNamespace = [{ namespaceSelector: {} }];
const proxies = [{ podSelector: { matchLabels: { 'k8s-app': 'proxy' } }, namespaceSelector: {} }];

type Row = readonly [sentence: string, peers: readonly object[], flow: string, told: string];

/** Peers of an ingress rule of shop. */
const sources: readonly Row[] = [
  ['a node is no pod', anyNamespace, 'node-a > shop/db 5432', '- > denied'],
  ['a node by its address', block('192.168.100.0/24'), 'node-a > shop/db 5432', '- > 0.0.*'],
  ['a node by its address, IPv6', block('fd00:100::/64'), 'node-a > shop/db 5432 v6', '- > 0.0.*'],
  ['a node by another address', block('192.168.101.0/24'), 'node-a > shop/db 5432', '- > denied'],
  ["a node's address of the other family", block('fd00:100::/64'), 'node-a > shop/db 5432', '- > denied'],
  [
    "a node behind flannel may show its tunnel's address",
    block('192.168.100.0/24'),
    'node-f > shop/db 5432',
    '- > unknown',
  ],
  ['a node behind flannel may show its own', block('10.244.3.0/24'), 'node-f > shop/db 5432', '- > unknown'],
  [
    'a node behind flannel, both addresses',
    block('192.168.100.0/24', '10.244.3.0/32'),
    'node-f > shop/db 5432',
    '- > 0.0.*',
  ],
  ['a node behind flannel, neither', block('172.16.0.0/12'), 'node-f > shop/db 5432', '- > denied'],
  [
    "a pod in its node's network, selected: left to the plugin",
    proxies,
    'kube-system/proxy-a > shop/db 5432',
    '- > unknown',
  ],
  [
    "a pod in its node's network, its namespace selected: left to the plugin",
    anyNamespace,
    'kube-system/proxy-a > shop/db 5432',
    '- > unknown',
  ],
  [
    "a pod in its node's network, not selected",
    [{ podSelector: {} }],
    'kube-system/proxy-a > shop/db 5432',
    '- > denied',
  ],
  [
    "a pod in its node's network can be let in by the node's address",
    block('192.168.100.0/24'),
    'kube-system/proxy-a > shop/db 5432',
    '- > 0.0.*',
  ],
  [
    'selected and by address: the address is certain',
    [...proxies, ...block('192.168.100.11/32')],
    'kube-system/proxy-a > shop/db 5432',
    '- > 0.1.*',
  ],
  ["selected, on the pod's own node: always", proxies, 'kube-system/proxy-b > shop/db 5432', '- > always'],
];

/** Peers of an egress rule of shop. */
const destinations: readonly Row[] = [
  ['a node by its address', block('192.168.100.0/24'), 'shop/db > node-a 10250', '0.0.* > -'],
  ['a node by another address', block('192.168.101.0/24'), 'shop/db > node-a 10250', 'denied > -'],
  [
    'a node behind flannel has the address that is asked for',
    block('192.168.100.0/24'),
    'shop/db > node-f 10250',
    '0.0.* > -',
  ],
  [
    "a pod in its node's network, selected: left to the plugin",
    proxies,
    'shop/db > kube-system/proxy-a 10249',
    'unknown > -',
  ],
  [
    "a pod in its node's network by the node's address",
    block('192.168.100.11/32'),
    'shop/db > kube-system/proxy-a 10249',
    '0.0.* > -',
  ],
  [
    "a pod in its node's network, not selected",
    [{ podSelector: {} }],
    'shop/db > kube-system/proxy-a 10249',
    'denied > -',
  ],
];

const everything: PolicySpec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };
const ingress = (peers: readonly object[]) => [{ podSelector: {}, ingress: [{ from: peers }] }];
const egress = (peers: readonly object[]) => [{ podSelector: {}, policyTypes: ['Egress'], egress: [{ to: peers }] }];

/** Ports of an egress rule of shop to everyone: the proxies name theirs `metrics`. */
const ports: readonly (readonly [sentence: string, ports: readonly object[], told: string])[] = [
  ['by number', [{ port: 10249 }], '0.*.0 > -'],
  ['by another number', [{ port: 10250 }], 'denied > -'],
  ['by name: left to the plugin', [{ port: 'metrics' }], 'unknown > -'],
  ['by another name', [{ port: 'http' }], 'denied > -'],
  ['by name and by number: the number is certain', [{ port: 'metrics' }, { port: 10249 }], '0.*.1 > -'],
];

describe("ports of a pod in its node's network", () => {
  it.each(ports)('%s', (_sentence, given, told) =>
    expect(
      judged(
        [{ podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: given }] }],
        'shop/db > kube-system/proxy-a 10249',
      ),
    ).toBe(told),
  );
});

describe('sources on nodes', () => {
  it.each(sources)('%s', (_sentence, peers, flow, told) => expect(judged(ingress(peers), flow)).toBe(told));
});
describe('destinations on nodes', () => {
  it.each(destinations)('%s', (_sentence, peers, flow, told) => expect(judged(egress(peers), flow)).toBe(told));
});
describe('ends that policies do not speak of', () => {
  it.each([
    ["a pod in its node's network reaches what is not isolated", 'kube-system/proxy-a > test/web 8080', '- > open'],
    ["a pod in its node's network is reached", 'test/web > kube-system/proxy-a 10249', 'open > -'],
    ['two nodes', 'node-a > node-b 22', '- > -'],
    ['two addresses outside', '203.0.113.9 > 198.51.100.1 443', '- > -'],
    ['a pod that has ended', 'shop/done > test/web 8080', '- > open'],
  ])('%s', (_sentence, flow, told) => expect(judged([everything], flow)).toBe(told));
});
