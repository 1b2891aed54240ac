/**
 * What others published of nodes' routes, tunnels and BGP sessions, and what the checks of L2 say of it: nothing of what
 * Calico, Cilium, flannel and the AWS plugin do on purpose. The dumps are the work of others and stay where they are.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readProtocols } from '../../agent/collectors/bird.ts';
import { checks } from '../../aggregator/checks/index.ts';
import type { NodeView } from '../../aggregator/model/check.ts';
import { subjectText } from '../../aggregator/model/finding.ts';
import type { ClusterNode } from '../../aggregator/model/cluster.ts';
import type { CniReport, NodeParts } from '../../proto/parts.ts';
import { address, node, pod, prefix } from '../builders.ts';
import {
  anyNode,
  calicoFiles,
  ciliumFiles,
  cniFiles,
  entry,
  flannelWord,
  link,
  listed,
  neighbour,
  route,
  settings,
} from '../network-builders.ts';
import { reported } from '../view-builders.ts';

const published = join(import.meta.dirname, '../../../shared/fixtures/published');
const cases = 19;
const isThere = existsSync(published);
if (!isThere) console.log(`published networks of nodes: ${cases} cases were not run, since ${published} is not there`);

const read = (file: string): string => readFileSync(join(published, file), 'utf8');

/** The routes in a text, whatever stands around them. */
function routesIn(text: string): Partial<NodeParts> {
  const isRoute =
    /^(?:default|blackhole|unreachable|prohibit|local|broadcast|\d+\.\d+\.\d+\.\d+(?:\/\d+)?) (?:.* )?(?:dev|proto) /;
  const lines = text.split('\n').filter((line) => isRoute.test(line));
  return { routes: reported({ routes: listed(lines.map((line) => route(line))), rules: null }) };
}

/** The node that was dumped, and others with these ranges: `10.42.0.0/24 10.0.0.13`. */
function nodesOf(own: string, ...others: readonly string[]): readonly ClusterNode[] {
  const one = (name: string, text: string): ClusterNode => {
    const [range = '', ...addresses] = text.split(' ');
    return { ...node(name, ...addresses), podCIDRs: [prefix(range)], createdAt: '2020-01-01T00:00:00Z' };
  };
  return [one('node-a', own), ...others.map((text, i) => one(`other-${i + 1}`, text))];
}

/** All that the checks of L2 say of a node: `check subject`. */
function toldOf(view: NodeView): readonly string[] {
  return checks.flatMap((check) =>
    check.layer === 'L2' && check.scope === 'node'
      ? check.evaluate(view).map(({ subject }) => `${check.id} ${subjectText(subject)}`)
      : [],
  );
}

const files = (cni: CniReport, parts: Partial<NodeParts>) => ({
  addresses: reported({ addresses: [], links: [] }),
  ...parts,
  cni: reported(cni),
});

describe.runIf(isThere)('Calico', () => {
  it('VXLAN: the blackhole of its own block is lawful, also where the range of another Node begins alike', () => {
    const nodes = nodesOf('10.233.64.0/24', '10.233.114.128/26 172.31.13.8');
    const pods = [pod('shop/centos-1', 'node-a', '10.233.114.178')];
    const parts = files(calicoFiles, routesIn(read('calico-vxlan-ipvs/node-ip-route.txt')));
    expect(toldOf(anyNode({ nodes, pods, parts }))).toEqual([]);
  });

  it('VXLAN: the same blackhole takes a pod that lives elsewhere and has no route', () => {
    const pods = [pod('shop/moved', 'other-1', '10.233.114.150')];
    const nodes = nodesOf('10.233.64.0/24', '10.233.65.0/24 172.31.13.8');
    const parts = files(calicoFiles, routesIn(read('calico-vxlan-ipvs/node-ip-route.txt')));
    expect(toldOf(anyNode({ nodes, pods, parts }))).toEqual(['blackhole-route blackhole 10.233.114.128/26']);
  });

  it('IPIP in kind', () => {
    const nodes = nodesOf('192.168.0.0/24 172.18.0.3', '192.168.71.0/24 172.18.0.2');
    const parts = files(calicoFiles, routesIn(read('calico-ipip-kind/node-ip-route.txt')));
    expect(toldOf(anyNode({ nodes, parts }))).toEqual([]);
  });

  it('IPIP with BGP, before and after BIRD has told the routes: no Node shows these ranges', () => {
    const nodes = nodesOf('192.168.0.0/24 10.39.20.38', '192.168.1.0/24 10.39.20.44', '192.168.2.0/24 10.39.1.36');
    const texts = read('calico-ipip-bgp/ip-route-before-and-after-sync.txt').split('$ ip route').slice(1);
    const told = texts.map((text) => toldOf(anyNode({ nodes, parts: files(calicoFiles, routesIn(text)) })));
    expect(told).toEqual([[], []]);
  });

  it('VXLAN across subnets: routes by the addresses of nodes', () => {
    const nodes = nodesOf('10.244.0.0/24 10.0.0.10', '10.244.1.0/24 10.0.0.11', '10.244.2.0/24 10.0.0.12');
    const parts = files(calicoFiles, routesIn(read('calico-docs-commands/commands.txt')));
    expect(toldOf(anyNode({ nodes, parts }))).toEqual([]);
  });

  it('sessions that birdcl shows as established; one of them is not', () => {
    const text = read('calico-ipip-bgp/birdcl.txt');
    const bird = (shown: string) => ({ bird: reported({ protocols: listed(readProtocols('bird', shown)) }) });
    const broken = text.replace(/(Mesh_10_39_0_108 BGP +master +)up( +05:12:01 +)Established/, '$1start$2Connect');
    expect(readProtocols('bird', text).filter(({ kind }) => kind === 'BGP')).toHaveLength(6);
    const nodes = nodesOf('192.168.8.0/24 10.39.0.20', '192.168.106.0/24 10.39.0.108');
    expect([text, broken].map((shown) => toldOf(anyNode({ nodes, parts: bird(shown) })))).toEqual([
      [],
      ['bgp-down Mesh_10_39_0_108'],
    ]);
  });
});

describe.runIf(isThere)('Cilium', () => {
  const of = (file: string, nodes: readonly ClusterNode[]) =>
    toldOf(anyNode({ nodes, parts: files(ciliumFiles, routesIn(read(`cilium-routes/${file}`))) }));

  it.each([
    ['vxlan-kind-worker.txt', nodesOf('10.10.3.0/24 172.18.0.4', '10.10.0.0/24 172.18.0.2', '10.10.1.0/24 172.18.0.3')],
    [
      'vxlan-six-nodes.txt',
      nodesOf('10.233.69.0/24 172.16.7.35', '10.233.64.0/24 172.16.7.30', '10.233.70.0/24 172.16.7.36'),
    ],
    ['native-auto-direct.txt', nodesOf('10.42.1.0/24 10.0.0.11', '10.42.0.0/24 10.0.0.13', '10.42.3.0/24 10.0.0.14')],
    ['native-bgp-no-peer-routes.txt', nodesOf('10.244.1.0/24 10.1.1.10', '10.244.0.0/24 10.1.1.11')],
    ['native-kind-worker.txt', nodesOf('10.244.1.0/24 172.18.0.2', '10.244.0.0/24 172.18.0.3')],
  ])('%s', (file, nodes) => {
    expect(of(file, nodes)).toEqual([]);
  });

  it('a pool that lies in the network of the nodes takes their addresses', () => {
    const nodes = nodesOf('10.0.2.0/24 10.0.0.124', '10.0.0.0/24 10.0.0.125', '10.0.1.0/24 10.0.0.126');
    expect(of('BROKEN-pool-overlaps-node-network.txt', nodes)).toEqual(['pod-cidr-mismatch node-a']);
  });
});

describe.runIf(isThere)("the AWS plugin's node", () => {
  it('reaches others by the network of the cloud', () => {
    const nodes = nodesOf('100.64.1.0/24 172.31.23.106', '100.64.2.0/24 172.31.23.107');
    const parts = files(cniFiles('10-aws.conflist', { type: 'aws-cni' }), routesIn(read('aws-vpc-cni/ip_route.txt')));
    expect(toldOf(anyNode({ nodes, parts }))).toEqual([]);
  });
});

describe.runIf(isThere)('flannel with VXLAN', () => {
  const folder = 'flannel-vxlan-charmed-sosreport/';
  const flannelFiles = cniFiles('10-flannel.conflist', { type: 'flannel' });

  /** `10.1.7.0 dev flannel.1 lladdr 46:af:62:75:ec:ee used 273/3/1002 probes 0 PERMANENT` */
  const neighboursIn = (text: string) =>
    [...text.matchAll(/^(\S+) dev (flannel\S+) lladdr (\S+) .*PERMANENT$/gm)].map(
      ([, to = '', device = '', mac = '']) => neighbour(device, to, mac),
    );
  /** `46:af:62:75:ec:ee dev flannel.1 dst 10.6.1.235 used 5/1004 self permanent` */
  const entriesIn = (text: string) =>
    [...text.matchAll(/^(\S+) dev (\S+) dst (\S+) /gm)].map(([, mac = '', device = '', to = '']) =>
      entry(device, mac, to),
    );
  /** `3: flannel.1: <...,UP,LOWER_UP> mtu 8908 ...` with `vxlan id 1 local 10.6.3.201 dev ens3 ... dstport 8472` below. */
  const linksIn = (text: string) =>
    text.split(/^\d+: /m).flatMap((part) => {
      const [, name, flags = '', mtu] = /^(\S+): <(\S*)> mtu (\d+)/.exec(part) ?? [];
      const [, mac = null] = /link\/ether (\S+)/.exec(part) ?? [];
      const [, id, local = '', device = null, port] =
        /vxlan id (\d+) local (\S+) dev (\S+) .*dstport (\d+)/.exec(part) ?? [];
      if (name === undefined) return [];
      const vxlan = { id: Number(id), port: Number(port), link: device, learning: !part.includes('nolearning') };
      return link(name, {
        mtu: Number(mtu),
        mac,
        isUp: flags.split(',').includes('UP'),
        ...(id === undefined ? {} : { kind: 'vxlan', vxlan: { ...vxlan, local: address(local) } }),
      });
    });
  /** Other Nodes as their flannel would have described them; this cluster kept that in etcd. */
  const described = (name: string, range: string, at: string, vtepMac: string): ClusterNode => ({
    ...node(name, at),
    podCIDRs: [prefix(range)],
    createdAt: '2022-02-11T19:16:49Z',
    cni: {
      ...flannelWord(1),
      flannel: { backend: 'vxlan', vtepMac, vtepMacIpv6: null, publicAddress: address(at), publicAddressIpv6: null },
    },
  });
  const nodes = [
    described('node-a', '10.1.84.0/24', '10.6.3.201', '9a:e0:6b:c3:ce:e3'),
    described('k8stest-5', '10.1.7.0/24', '10.6.1.235', '46:af:62:75:ec:ee'),
    described('k8stest-6', '10.1.12.0/24', '10.6.3.76', '92:22:3f:b6:02:6c'),
  ];
  const dumped = (edit: (text: string) => string = (text) => text) => {
    const text = (name: string) => edit(read(`${folder}networking__${name}`));
    const links = linksIn(text('ip_-d_address'));
    const parts: Partial<NodeParts> = {
      ...routesIn(text('ip_route_show_table_all')),
      links: reported({ links: listed(links) }),
      addresses: reported({
        addresses: [
          { link: 'ens3', address: address('10.6.3.201'), prefixLength: 16 },
          { link: 'flannel.1', address: address('10.1.84.0'), prefixLength: 32 },
        ],
        links: links.map(({ name }) => name),
      }),
      neighbours: reported({
        neighbours: listed(neighboursIn(text('ip_-s_-s_neigh_show'))),
        entries: listed(entriesIn(text('bridge_-s_-s_-d_-t_fdb_show'))),
      }),
      networkSettings: reported(settings({ kernel: '5.4.0-99-generic' })),
    };
    return toldOf(anyNode({ nodes, parts: files(flannelFiles, parts) }));
  };

  it('on jumbo frames, as a whole node shows it (sosreport)', () => {
    expect(dumped()).toEqual([]);
  });

  it.each([
    [
      'an entry without its node',
      '46:af:62:75:ec:ee dev flannel.1 dst 10.6.1.235',
      '46:af:62:75:ec:ee dev flannel.1 dst 10.6.9.9',
      'peer-fdb-missing k8stest-5',
    ],
    ['a route less', '10.1.12.0/24 via 10.1.12.0 dev flannel.1 onlink', '', 'peer-route-missing k8stest-6'],
    ['a smaller interface', 'mtu 8958', 'mtu 1500', 'mtu-ladder flannel.1'],
    ['another MAC address', 'link/ether 9a:e0:6b:c3:ce:e3', 'link/ether 9a:e0:6b:c3:ce:e4', 'vtep-mac-drift flannel.1'],
  ])('the same with %s', (_, from, to, told) => {
    expect(dumped((text) => text.replace(from, to))).toEqual([told]);
  });

  it('entries of former nodes are left: only the one of the node that is there is missed (flannel-vxlan-3nodes)', () => {
    const text = read('flannel-vxlan-3nodes/fdb-neigh-route.txt');
    const neighbours = neighboursIn(text);
    const flannel = link('flannel.1', {
      kind: 'vxlan',
      mac: '62:33:33:4a:27:86',
      vxlan: { id: 1, port: 8472, local: address('172.16.102.33'), link: 'eth0', learning: false },
    });
    const of = (entries: readonly ReturnType<typeof entry>[]) => {
      const parts = {
        routes: reported({ routes: listed([route('10.252.0.0/24 via 10.252.0.0 dev flannel.1 onlink')]), rules: null }),
        links: reported({ links: listed([flannel]) }),
        neighbours: reported({ neighbours: listed(neighbours), entries: listed(entries) }),
      };
      const pair = [
        described('node-a', '10.252.1.0/24', '172.16.102.33', '62:33:33:4a:27:86'),
        described('other', '10.252.0.0/24', '172.16.102.32', '0e:d8:dc:0e:7c:cb'),
      ];
      return toldOf(anyNode({ nodes: pair, parts: files(flannelFiles, parts) }));
    };
    const shown = entriesIn(text);
    expect([shown.length, of(shown), of([...shown, entry('flannel.1', '0e:d8:dc:0e:7c:cb', '172.16.102.32')])]).toEqual(
      [4, ['peer-fdb-missing other'], []],
    );
  });
});
