import { describe, expect, it } from 'vitest';
import type { NodeLink, NodeParts } from '../../proto/parts.ts';
import { address } from '../../test/builders.ts';
import { flannelNode, flannelParts, linksWith } from '../../test/flannel-node.ts';
import {
  anyNode,
  calicoFiles,
  ciliumFiles,
  flannelDevice,
  link,
  listed,
  nodeAddress,
  probe,
  probes,
  reportOf,
  routes,
  unanswered,
} from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { mtuLadder } from './mtu-ladder.ts';

const { evaluate } = mtuLadder;
type View = Parameters<typeof evaluate>[0];
const told = (view: View) => evaluate(view).map(({ severity, summary }) => [severity ?? 'high', summary]);
const small = linksWith({ eth0: { mtu: 1400 } });
const full = (answered: boolean, packetBytes = 1450) => ({
  probes: reported(
    probes({ results: [probe(), probe({ size: 'full', packetBytes, ...(answered ? {} : unanswered) })] }),
  ),
});

/** What node-b reports with other links. */
function peerWith(changes: Readonly<Record<string, Partial<NodeLink>>>): Partial<NodeParts> {
  const parts = flannelParts(2);
  const links = reportOf(parts, 'links').links.first.map((one) => ({ ...one, ...changes[one.name] }));
  return { ...parts, links: reported({ links: listed(links) }) };
}

describe('mtu-ladder, tunnel and interface', () => {
  it('the interface has become too small for what flannel.1 wraps', () => {
    expect(evaluate(flannelNode({ parts: small }))).toEqual([
      {
        subject: { kind: 'Link', name: 'flannel.1' },
        summary:
          'Large packets between pods of node-a and other nodes are lost: flannel.1 takes packets of 1450 bytes and adds 50, and eth0 carries 1400: they leave cut in pieces, which many networks drop.',
        evidence: [
          { kind: 'fact', name: 'MTU of flannel.1', value: '1450' },
          { kind: 'fact', name: 'overhead', value: '50 bytes' },
          { kind: 'fact', name: 'MTU of eth0', value: '1400' },
        ],
        remediation: [
          {
            command: 'ip link set flannel.1 mtu 1350',
            effect:
              'Run on node-a: what fits is sent, and pods are told of the rest, until the CNI plugin starts again. If it is eth0 that should carry more, mend that instead: ip link set eth0 mtu 1500.',
          },
        ],
        frontends: [],
        topics: ['link flannel.1'],
        explainsTopics: ['large packets to node-a', 'large packets to node-b', 'large packets to node-c'],
      },
    ]);
  });

  it('probes that do not fit get there all the same: medium; that they fit proves nothing', () => {
    const severities = [full(true), full(true, 1350), full(false)].map((parts) =>
      evaluate(flannelNode({ parts: { ...small, ...parts } })).map(({ severity }) => severity ?? 'high'),
    );
    expect(severities).toEqual([['medium'], ['high'], ['high']]);
  });

  it('IPv6 outside adds 70 bytes, IPIP 20, WireGuard 60', () => {
    const overIpv6 = linksWith({
      'flannel.1': { vxlan: { id: 1, port: 8472, local: address('fd00:100::11'), link: 'eth0', learning: false } },
    });
    expect(told(flannelNode({ parts: overIpv6 }))).toHaveLength(1);
    const calico = (name: string, kind: string, mtu: number) =>
      anyNode({
        parts: {
          cni: reported(calicoFiles),
          routes: reported(routes([])),
          links: reported({ links: listed([link('eth0'), link('eth1', { mtu: 9000 }), link(name, { kind, mtu })]) }),
          addresses: reported({ addresses: [{ link: 'eth0', address: nodeAddress(1), prefixLength: 24 }], links: [] }),
        },
      });
    const views = [
      calico('tunl0', 'ipip', 1480),
      calico('tunl0', 'ipip', 1481),
      calico('wireguard.cali', 'wireguard', 1440),
      calico('wireguard.cali', 'wireguard', 1441),
    ];
    expect(views.map((view) => evaluate(view).length)).toEqual([0, 1, 0, 1]);
  });

  it.each([
    ['everything fits', {}],
    ['the interface takes more (jumbo frames)', linksWith({ eth0: { mtu: 9001 } })],
    [
      'the tunnel is switched off, which is another finding',
      { ...linksWith({ eth0: { mtu: 1400 }, 'flannel.1': { isUp: false } }) },
    ],
    [
      "an administrator's tunnel does not fit: pods do not use it",
      { ...linksWith({ wg0: { kind: 'wireguard', mtu: 1500 }, gre1: { kind: 'gre', mtu: 1400 } }) },
    ],
    [
      'the interface below is not known',
      linksWith({
        'flannel.1': { ...flannelDevice(1), vxlan: { id: 1, port: 8472, local: null, link: 'eth7', learning: false } },
      }),
    ],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it('devices of programs that take anything are left alone: Cilium, Open vSwitch', () => {
    const device = (name: string, mtu: number) => link(name, { kind: 'vxlan', mtu });
    const parts: Partial<NodeParts> = {
      routes: reported(
        routes([
          'default via 192.168.100.1 dev eth0 mtu 1450',
          'fe80::/64 dev cilium_vxlan proto kernel metric 256 pref medium',
          'fe80::/64 dev vxlan_sys_4789 proto kernel metric 256 pref medium',
        ]),
      ),
      links: reported({
        links: listed([link('eth0'), device('cilium_vxlan', 1500), device('vxlan_sys_4789', 65_000)]),
      }),
      addresses: reported({ addresses: [{ link: 'eth0', address: nodeAddress(1), prefixLength: 24 }], links: [] }),
    };
    const views = [{ cni: reported(ciliumFiles) }, {}].map((more) => anyNode({ parts: { ...parts, ...more } }));
    expect(views.flatMap(evaluate)).toEqual([]);
  });
});

describe('mtu-ladder, pods and other nodes', () => {
  it('pods send more than flannel.1 takes: medium, since the node tells them', () => {
    expect(told(flannelNode({ parts: linksWith({ veth2: { mtu: 1500 } }) }))).toEqual([
      [
        'medium',
        'Large packets between pods of node-a and other nodes may be lost: pods send packets of up to 1500 bytes, and flannel.1 takes 1450; the node tells them so, which fails where a firewall drops ICMP.',
      ],
    ]);
  });

  it("links that are no pods' may be larger", () => {
    expect(
      evaluate(flannelNode({ parts: linksWith({ veth9: { kind: 'veth', mtu: 9000 }, cni0: { mtu: 1500 } }) })),
    ).toEqual([]);
  });

  it("another node's interface takes less, and its own tunnel keeps to it: medium, and high where probes are lost", () => {
    const jumbo = linksWith({ eth0: { mtu: 9001 }, 'flannel.1': { mtu: 8951 } });
    const peers = {
      'node-b': flannelParts(2),
      'node-c': peerWith({ eth0: { mtu: 9001 }, 'flannel.1': { mtu: 8951 } }),
    };
    const text = (outcome: string, more: string) =>
      `Large packets between pods of node-a and other nodes ${outcome}: flannel.1 sends up to 9001 bytes, and eth0 of node-b takes 1500${more}.`;
    expect(told(flannelNode({ parts: jumbo, peers }))).toEqual([
      ['medium', text('may be lost', '; TCP agrees on the smaller, large datagrams do not')],
    ]);
    const [one] = evaluate(flannelNode({ parts: { ...jumbo, ...full(false, 8951) }, peers }));
    expect([one?.severity, one?.summary, one?.explainsTopics]).toEqual([
      undefined,
      text('are lost', ''),
      ['large packets to node-b'],
    ]);
    // The node whose interface is small sends what fits everywhere.
    expect(
      evaluate(flannelNode({ peers: { 'node-b': peerWith({ eth0: { mtu: 9001 }, 'flannel.1': { mtu: 8951 } }) } })),
    ).toEqual([]);
  });

  it('a peer whose own ladder is wrong is told there', () => {
    const jumbo = linksWith({ eth0: { mtu: 9001 }, 'flannel.1': { mtu: 8951 } });
    const peers = { 'node-b': peerWith({ 'flannel.1': { mtu: 8951 } }), 'node-c': {} };
    expect(evaluate(flannelNode({ parts: jumbo, peers }))).toEqual([]);
  });

  it('any tunnel that leads to pods counts where the CNI plugin is not known', () => {
    const parts = {
      routes: reported(routes(['10.244.2.0/24 dev wg0 scope link'])),
      links: reported({ links: listed([link('eth0'), link('wg0', { kind: 'wireguard', mtu: 1480 })]) }),
      addresses: reported({ addresses: [{ link: 'eth0', address: nodeAddress(1), prefixLength: 24 }], links: [] }),
    };
    expect(evaluate(anyNode({ parts }))).toHaveLength(1);
  });
});
