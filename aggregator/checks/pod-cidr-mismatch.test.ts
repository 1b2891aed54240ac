import { describe, expect, it } from 'vitest';
import { address, prefix } from '../../test/builders.ts';
import { flannelNode, routesBut } from '../../test/flannel-node.ts';
import { calicoFiles, cniFiles, numberedNode } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { podCidrMismatch } from './pod-cidr-mismatch.ts';

const { evaluate } = podCidrMismatch;
const lease = (range: string, network = '10.244.0.0/16') => ({
  flannel: reported({
    networks: [prefix(network)],
    subnets: [{ range: prefix(range), gateway: address(range.replace(/0\/\d+$/, '1')) }],
    mtu: 1450,
    masquerade: true,
  }),
});
const bridged = (...texts: readonly string[]) => ({
  addresses: reported({
    addresses: texts.map((text) => ({ link: 'cni0', address: address(text), prefixLength: 24 })),
    links: ['cni0'],
  }),
});

describe('pod-cidr-mismatch', () => {
  it('the bridge has kept the address of a former range', () => {
    expect(evaluate(flannelNode({ parts: bridged('10.244.7.1') }))).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'Pods of node-a get addresses that other nodes have no route for: cni0 has 10.244.7.1/24, and the Node has 10.244.1.0/24.',
        evidence: [
          { kind: 'fact', name: "the Node's ranges", value: '10.244.1.0/24' },
          { kind: 'fact', name: 'address of cni0', value: '10.244.7.1/24' },
        ],
        remediation: [
          {
            command: 'ip link delete cni0',
            effect:
              'Run on node-a while its pods are drained: the next pod has the bridge made anew with an address of the right range. Pods that are joined by it lose their network at once.',
          },
        ],
        frontends: [],
        topics: ['node'],
      },
    ]);
  });

  it("flannel's lease is that of another range", () => {
    const [one] = evaluate(flannelNode({ parts: lease('10.244.7.0/24') }));
    expect([one?.summary, one?.evidence[1]]).toEqual([
      "Pods of node-a get addresses that other nodes have no route for: flannel's range is 10.244.7.0/24, and the Node has 10.244.1.0/24.",
      { kind: 'fact', name: 'FLANNEL_SUBNET', value: '10.244.7.0/24' },
    ]);
  });

  it("flannel's network does not hold the range of the Node", () => {
    const [one, ...more] = evaluate(flannelNode({ parts: lease('10.244.1.0/24', '10.42.0.0/16') }));
    expect([one?.summary, more]).toEqual([
      "Pods of node-a are not of the network that flannel knows, which masks what they send to other nodes, or refuses to start: flannel's range 10.244.1.0/24 is not in its network 10.42.0.0/16, and the Node has 10.244.1.0/24.",
      [],
    ]);
  });

  it('a range of pods takes the addresses of nodes', () => {
    const routes = routesBut('nothing', '192.168.100.0/28 via 192.168.100.1 dev flannel.1 onlink');
    const [one, ...more] = evaluate(flannelNode({ parts: routes }));
    expect([one?.summary, one?.evidence, more]).toEqual([
      'node-a sends what is for other nodes to pods: 192.168.100.12 of node-b and 192.168.100.13 of node-c lie in the range of pods 192.168.100.0/28, which goes by flannel.1.',
      [
        { kind: 'fact', name: '192.168.100.12 of node-b', value: '192.168.100.0/28 dev flannel.1' },
        { kind: 'fact', name: '192.168.100.13 of node-c', value: '192.168.100.0/28 dev flannel.1' },
      ],
      [],
    ]);
    const shared = {
      ...routesBut('192.168.100.0/24', '192.168.100.0/24 dev cni0'),
      addresses: reported({
        addresses: [{ link: 'cni0', address: address('192.168.100.11'), prefixLength: 24 }],
        links: [],
      }),
      cni: reported(cniFiles('10-flat.conflist', { type: 'bridge', bridge: 'cni0' })),
    };
    expect(evaluate(flannelNode({ parts: shared }))).toEqual([]);
    const vpn = routesBut('192.168.100.0/24', '192.168.100.0/24 dev tailscale0');
    expect(evaluate(flannelNode({ parts: vpn }))).toEqual([]);
  });

  it.each([
    ['all is as it should be', {}],
    ['the bridge has an address of each, new and old', bridged('10.244.7.1', '10.244.1.1')],
    ['the bridge has none yet', bridged()],
    ['the bridge has only one of link-local IPv6', bridged('fe80::1')],
    [
      "the node went over to Calico, and flannel's file is left until the next boot",
      { ...lease('10.244.7.0/24'), cni: reported(calicoFiles) },
    ],
    [
      'the configuration gives away other ranges by choice',
      {
        ...bridged('10.85.0.1'),
        cni: reported(
          cniFiles('10-own.conflist', {
            type: 'bridge',
            bridge: 'cni0',
            ipam: 'host-local',
            ranges: [prefix('10.85.0.0/16')],
          }),
        ),
      },
    ],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it('a Node without ranges, or where flannel has a store of its own and no annotations, says nothing', () => {
    const parts = lease('10.244.7.0/24');
    const nodes = [[numberedNode(1, { podCIDRs: [] })], [numberedNode(1)]];
    expect(nodes.flatMap((all) => evaluate(flannelNode({ nodes: all, parts })))).toEqual([]);
  });
});
