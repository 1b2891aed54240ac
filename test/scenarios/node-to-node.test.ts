/**
 * The way between nodes of a recorded cluster, with one change each, which the case names: a damage that no recording
 * holds, and beside it what looks alike and is right. In s1 nodes a and b have a bridge, c has routed pods, and they reach
 * each other by routes to their addresses.
 */
import { describe, expect, it } from 'vitest';
import { toldBy } from './changed.ts';

const nodeA = 's1-healthy/node-a';
const nodeC = 's1-healthy/node-c';
const routes = 'net/ip-route-all.json';
const settings = 'sysctl.txt';
const links = 'net/ip-link.json';

type Edit = (text: string) => string;
type Json = Readonly<Record<string, unknown>>;

const replaced =
  (from: string | RegExp, to: string): Edit =>
  (text) =>
    text.replaceAll(from, to);

/** Changes entries of a list as ip prints it; null takes one away. */
const each =
  (change: (entry: Json) => Json | null, ...added: readonly Json[]): Edit =>
  (text) => {
    const entries = JSON.parse(text) as readonly Json[];
    return JSON.stringify([...entries.flatMap((entry) => change(entry) ?? []), ...added]);
  };
const without = (dst: string, ...added: readonly Json[]) => each((one) => (one.dst === dst ? null : one), ...added);
const toNodeB: Json = { dst: '10.244.2.0/24', gateway: '192.168.100.12', dev: 'eth0', flags: [] };

describe('peer-route-missing', () => {
  it('the route to the pods of node-b is told when it is gone', async () => {
    expect(await toldBy('peer-route-missing', { of: nodeA, files: { [routes]: without('10.244.2.0/24') } })).toEqual([
      'critical node-b',
    ]);
  });

  it('a route to node-c in its place is told', async () => {
    const files = { [routes]: without('10.244.2.0/24', { ...toNodeB, gateway: '192.168.100.13' }) };
    expect(await toldBy('peer-route-missing', { of: nodeA, files })).toEqual(['critical node-b']);
  });

  it('a tunnel of its own for the range is right, as kube-router makes it to other networks', async () => {
    const tunnel = { dst: '10.244.2.0/24', dev: 'tun-19216810012', flags: [] };
    const files = { [routes]: without('10.244.2.0/24', tunnel) };
    expect(await toldBy('peer-route-missing', { of: nodeA, files })).toEqual([]);
  });
});

describe('blackhole-route', () => {
  const blackhole = (dst: string): Json => ({ type: 'blackhole', dst, flags: [] });

  it('that takes the range of node-b is told', async () => {
    const files = { [routes]: without('10.244.2.0/24', blackhole('10.244.2.0/24')) };
    expect(await toldBy('blackhole-route', { of: nodeA, files })).toEqual(['critical blackhole 10.244.2.0/24']);
  });

  it('with the longer routes inside takes nothing', async () => {
    const files = { [routes]: without('nothing', blackhole('10.244.0.0/16')) };
    expect(await toldBy('blackhole-route', { of: nodeA, files })).toEqual([]);
  });
});

describe('ip-forward-off', () => {
  it('is told when the node forwards nothing, of IPv4 and IPv6', async () => {
    const files = { [settings]: replaced(/(forward(?:ing)?) = 1$/gm, '$1 = 0') };
    expect(await toldBy('ip-forward-off', { of: nodeA, files })).toEqual(['critical node-a']);
  });

  it('is told of the uplink alone', async () => {
    const files = { [settings]: replaced('conf.eth0.forwarding = 1', 'conf.eth0.forwarding = 0') };
    expect(await toldBy('ip-forward-off', { of: nodeA, files })).toEqual(['critical node-a']);
  });

  it('is none where only links to come would not forward', async () => {
    const files = { [settings]: replaced('conf.default.forwarding = 1', 'conf.default.forwarding = 0') };
    expect(await toldBy('ip-forward-off', { of: nodeA, files })).toEqual([]);
  });
});

describe('bridge-netfilter-off', () => {
  const files = { [settings]: replaced('bridge-nf-call-iptables = 1', 'bridge-nf-call-iptables = 0') };

  it('is told where pods have a bridge', async () => {
    expect(await toldBy('bridge-netfilter-off', { of: nodeA, files })).toEqual(['high node-a']);
  });

  it('is none where pods are routed', async () => {
    expect(await toldBy('bridge-netfilter-off', { of: nodeC, files })).toEqual([]);
  });
});

describe('tunnel-down', () => {
  const ofBridge = (change: (entry: Json) => Json | null) =>
    each((entry) => (entry.ifname === 'cni0' ? change(entry) : entry));

  it('a bridge that is switched off, or gone, is told while its pods run', async () => {
    const flags = (entry: Json) => ({ ...entry, operstate: 'DOWN', flags: ['BROADCAST', 'MULTICAST'] });
    const told = [ofBridge(flags), ofBridge(() => null)].map((edit) =>
      toldBy('tunnel-down', { of: nodeA, files: { [links]: edit } }),
    );
    expect(await Promise.all(told)).toEqual([['critical cni0'], ['critical cni0']]);
  });

  it('a bridge that is switched on is right, though no port carries it (state DOWN)', async () => {
    const files = { [links]: ofBridge((entry) => ({ ...entry, operstate: 'DOWN' })) };
    expect(await toldBy('tunnel-down', { of: nodeA, files })).toEqual([]);
  });
});

describe('pod ranges', () => {
  const addresses = 'net/ip-addr.json';
  const ofNodeB: Edit = (text) => {
    const list = JSON.parse(text) as { items: { metadata: Json; spec: Json }[] };
    const items = list.items.map((item) =>
      item.metadata.name === 'node-c'
        ? {
            ...item,
            spec: { ...item.spec, podCIDR: '10.244.2.0/25', podCIDRs: ['10.244.2.0/25', 'fd00:10:244:3::/64'] },
          }
        : item,
    );
    return JSON.stringify({ ...list, items });
  };

  it('of two Nodes that overlap are told of the younger one (pod-cidr-overlap)', async () => {
    expect(await toldBy('pod-cidr-overlap', { of: nodeA, api: { 'nodes.json': ofNodeB } })).toEqual([
      'critical node-c',
    ]);
  });

  it('that lie side by side are right, as recorded (pod-cidr-overlap)', async () => {
    expect(await toldBy('pod-cidr-overlap', { of: nodeA })).toEqual([]);
  });

  it('that the bridge does not have are told (pod-cidr-mismatch)', async () => {
    const files = { [addresses]: replaced('"10.244.1.1"', '"10.244.7.1"') };
    expect(await toldBy('pod-cidr-mismatch', { of: nodeA, files })).toEqual(['critical node-a']);
  });

  it('are not what a configuration with ranges of its own works by (pod-cidr-mismatch)', async () => {
    const files = {
      [addresses]: replaced('"10.244.1.1"', '"10.85.1.1"'),
      'etc-cni-net.d/10-labnet.conflist': replaced('10.244.1.0/24', '10.85.1.0/24'),
    };
    expect(await toldBy('pod-cidr-mismatch', { of: nodeA, files })).toEqual([]);
  });
});
