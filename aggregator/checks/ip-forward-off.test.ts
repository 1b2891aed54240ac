import { describe, expect, it } from 'vitest';
import { address, pod, prefix } from '../../test/builders.ts';
import { flannelNode, linksWith, routesBut } from '../../test/flannel-node.ts';
import { anyNode, linkSettings, listed, numberedNode, settings } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { ipForwardOff } from './ip-forward-off.ts';

const { evaluate } = ipForwardOff;
const of = (changes: Parameters<typeof settings>[0]) => ({ networkSettings: reported(settings(changes)) });
const off = linkSettings;
/** As the kernel has them after `sysctl -w net.ipv4.ip_forward=0`. */
const allOff = {
  ipv4Forwarding: false,
  links: listed(['eth0', 'cni0', 'flannel.1'].map((name) => off(name, { forwarding: false }))),
};
const named = (parts: ReturnType<typeof of>) => evaluate(flannelNode({ parts })).flatMap(({ evidence }) => evidence);

describe('ip-forward-off', () => {
  it('a node of an overlay forwards nothing', () => {
    expect(evaluate(flannelNode({ parts: of(allOff) }))).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary: 'node-a does not forward packets of its pods: net.ipv4.ip_forward is 0.',
        evidence: [{ kind: 'fact', name: 'net.ipv4.ip_forward', value: '0' }],
        remediation: [
          {
            command: 'sysctl -w net.ipv4.ip_forward=1',
            effect: 'Run on node-a: forwards again at once, until something sets it back or the node boots.',
          },
          {
            command: `grep -rn -E '(ip_)?forward' /etc/sysctl.conf /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d`,
            effect: 'Run on node-a: shows who sets it. The last file in the order of names counts.',
          },
        ],
        frontends: [],
        topics: ['node'],
        explainsTopics: 'all',
      },
    ]);
  });

  it('everything forwards, or nothing is known: nothing is said', () => {
    expect(evaluate(flannelNode())).toEqual([]);
    const unknown = of({
      ipv4Forwarding: null,
      ipv6Forwarding: null,
      links: listed([off('eth0', { forwarding: null })]),
    });
    expect(evaluate(flannelNode({ parts: unknown }))).toEqual([]);
    expect(evaluate(flannelNode({ parts: { networkSettings: { state: 'failed', reason: 'EIO' } } }))).toEqual([]);
  });

  it.each(['eth0', 'cni0', 'flannel.1'])('%s alone does not forward', (name) => {
    const links = ['eth0', 'cni0', 'flannel.1'].map((one) => off(one, { forwarding: one !== name }));
    expect(named(of({ links: listed(links) }))).toEqual([
      { kind: 'fact', name: `net.ipv4.conf.${name.replace('.', '/')}.forwarding`, value: '0' },
    ]);
  });

  it('links of administrators need not forward: a second uplink with a worse metric, a VPN, a bridge of containers', () => {
    const names = ['eth1', 'wg0', 'docker0'];
    const parts = {
      ...linksWith({ eth1: {}, wg0: { kind: 'wireguard', mtu: 1420 }, docker0: { kind: 'bridge' } }),
      ...routesBut('nothing', 'default via 10.9.0.1 dev eth1 metric 500', '10.8.0.0/24 dev wg0 scope link'),
      ...of({ links: listed([off('eth0'), ...names.map((name) => off(name, { forwarding: false }))]) }),
    };
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it('all links forward though the setting of the whole node is 0: IPv4 asks the links', () => {
    expect(named(of({ ipv4Forwarding: false }))).toEqual([]);
  });

  it('IPv6 counts where pods have it', () => {
    expect(named(of({ ipv6Forwarding: false }))).toEqual([]);
    const nodes = [numberedNode(1, { podCIDRs: [prefix('fd00:1::/64')] })];
    const six = evaluate(anyNode({ nodes, parts: of({ ...allOff, ipv6Forwarding: false }) }));
    expect(six.map(({ evidence }) => evidence)).toEqual([
      [{ kind: 'fact', name: 'net.ipv6.conf.all.forwarding', value: '0' }],
    ]);
  });

  it('a node without pods has nothing to forward; one whose Node shows no range has, with a running pod', () => {
    const nodes = [numberedNode(1, { podCIDRs: [] })];
    const parts = of(allOff);
    const own = pod('shop/web-0', 'node-a', '10.64.1.7');
    expect(evaluate(anyNode({ nodes, parts }))).toEqual([]);
    expect(evaluate(anyNode({ nodes, parts, pods: [{ ...own, hostNetwork: true }] }))).toEqual([]);
    expect(evaluate(anyNode({ nodes, parts, pods: [{ ...own, addresses: [address('10.64.1.7')] }] }))).toHaveLength(1);
  });
});
