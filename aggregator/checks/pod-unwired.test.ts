import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { link, listed } from '../../test/network-builders.ts';
import { networkOf, resultOf, vethOf, webPod, type WiredSketch, wiredFiles, wiredNode } from '../../test/wired-node.ts';
import { podUnwired } from './pod-unwired.ts';

const bridge = link('cni0', { kind: 'bridge' });
const told = (sketch: WiredSketch) =>
  podUnwired
    .evaluate(wiredNode(sketch))
    .map(({ subject, evidence }) => [
      'namespace' in subject ? `${subject.namespace}/${subject.name}` : '',
      ...evidence.slice(1).map((one) => ('value' in one ? one.value : '')),
    ]);

describe('pod-unwired', () => {
  it('the link on the node is gone', () => {
    const view = wiredNode({ links: [link('eth0'), bridge, vethOf(1, 'bridge')] });
    expect(podUnwired.evaluate(view)).toEqual([
      {
        subject: { kind: 'Pod', namespace: 'shop', name: 'web-0' },
        summary: 'shop/web-0 runs on node-a and cannot be reached: its link on the node is gone.',
        evidence: [
          { kind: 'fact', name: 'addresses', value: '10.244.1.2' },
          { kind: 'fact', name: 'found', value: 'its link on the node is gone' },
        ],
        remediation: [
          {
            command: 'kubectl -n shop delete pod web-0',
            effect: 'Its controller makes it anew, with a new sandbox and network. A bare pod is gone.',
          },
        ],
        frontends: [],
        topics: ['pod shop/web-0'],
        explainsTopics: ['pod shop/web-0'],
      },
    ]);
  });

  it.each<readonly [string, WiredSketch, string]>([
    [
      'is switched off',
      { links: [bridge, vethOf(0, 'bridge', { isUp: false }), vethOf(1, 'bridge')] },
      'veth0 is switched off',
    ],
    [
      'is off the bridge',
      { links: [bridge, vethOf(0, 'bridge', { master: null }), vethOf(1, 'bridge')] },
      'veth0 is no port of cni0',
    ],
    [
      'has no route (ptp)',
      { plugin: 'ptp', routes: ['default via 192.168.100.1 dev eth0', '10.244.1.3/32 dev veth1'] },
      'the node has no route to 10.244.1.2',
    ],
    [
      'is missing in the pod',
      { networks: [networkOf(0, { links: [], addresses: [], defaultRoutes: [] }), networkOf(1)] },
      'its namespace has no link',
    ],
  ])('the link %s', (_, sketch, text) => {
    expect(told(sketch)).toEqual([['shop/web-0', text]]);
  });

  it.each<readonly [string, WiredSketch]>([
    ['a sound node, with either plugin', {}],
    ['ptp', { plugin: 'ptp' }],
    [
      'a pod in its first minute',
      { pods: [webPod(0, { startedAt: '2026-11-22T07:33:50Z' }), webPod(1)], links: [bridge, vethOf(1, 'bridge')] },
    ],
    ['a pod that ends', { pods: [webPod(0, { terminating: true }), webPod(1)], links: [bridge, vethOf(1, 'bridge')] }],
    [
      "a pod in the node's network",
      { pods: [webPod(0, { hostNetwork: true }), webPod(1)], links: [bridge, vethOf(1, 'bridge')] },
    ],
    [
      'a link that no record names',
      { links: [bridge, vethOf(1, 'bridge')], cni: { results: { total: 1, first: [resultOf(1, 'bridge')] } } },
    ],
    [
      'pods of before a boot, of which nothing runs yet',
      {
        links: [link('eth0'), bridge],
        networks: [networkOf(1)],
        pods: [webPod(0), webPod(1, { sandboxReady: false })],
      },
    ],
    [
      'a pod that Multus has joined to another network in place of the usual one',
      {
        pods: [webPod(0, { addresses: [address('192.168.5.7')] }), webPod(1)],
        cni: {
          results: listed([
            resultOf(0, 'bridge', { addresses: [address('192.168.5.7')], nodeLinks: [] }),
            resultOf(1, 'bridge'),
          ]),
        },
        routes: ['default via 192.168.100.1 dev eth0', '10.244.1.0/24 dev cni0'],
      },
    ],
    [
      'a list of links that was cut',
      { parts: { links: { state: 'ok', value: { links: { total: 9, first: [bridge] } }, collectedAt: '' } } },
    ],
    [
      'a plugin that wires by programs of its own',
      {
        cni: {
          configurations: wiredFiles('bridge').configurations.map((one) => ({
            ...one,
            plugins: ['cilium-cni'],
            settings: one.settings.map((set) => ({ ...set, type: 'cilium-cni' })),
          })),
        },
        links: [],
        routes: [],
      },
    ],
    [
      'another configuration that came first since',
      {
        cni: {
          configurations: [
            ...wiredFiles('ptp').configurations.map((one) => ({ ...one, file: '00-other.conf', network: 'other' })),
            ...wiredFiles('bridge').configurations,
          ],
        },
      },
    ],
  ])('nothing of %s', (_, sketch) => {
    expect(told(sketch)).toEqual([]);
  });
});
