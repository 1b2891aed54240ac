import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { observe } from '../../agent/observe.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { reading } from '../../test/reading-builders.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { address, prefix, profile } from '../../test/builders.ts';
import { dnsReport, lookup, resolver, silent } from '../../test/dns-node.ts';
import { backend, excerpt, reported, structure } from '../../test/view-builders.ts';
import type { NodeParts, Part, PartName } from '../../proto/parts.ts';
import { partContent } from '../../proto/wire/part.ts';
import { isPartName, partNames, readPart } from './part-schemas.ts';

const server = { protocol: 'tcp', address: address('10.96.0.7'), port: 80 } as const;
const nftLine = { table: 'ip kube-proxy', chain: 'services', rule: 'ip daddr @cluster-ips drop' };

/** The values of every part, each with something in all of its lists. */
const full: { readonly [Name in keyof NodeParts]: NodeParts[Name] } = reading(1, {
  parts: {
    iptables: reported({
      structures: [
        structure({
          presentBaseJumps: [{ table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES' }],
          duplicateRules: {
            total: 1,
            first: [{ table: 'nat', chain: 'KUBE-SERVICES', rule: '-A KUBE-SERVICES', count: 2 }],
          },
          orphanedChains: { total: 1, first: [{ table: 'nat', chain: 'KUBE-SVC-X' }] },
        }),
      ],
      serviceBackends: ['legacy', 'nft'],
      proxyChains: ['nat CILIUM_POST_nat'],
      hostPortTables: ['ip cni_hostport'],
    }),
    forwarding: reported({ mode: 'iptables', table: new Map(), owners: new Map(), unlisted: 'unreadable-rule' }),
    nftables: reported({
      structures: [
        {
          family: 'ipv4',
          chains: 60,
          rules: 90,
          elements: 70,
          missingBaseJumps: [{ table: 'ip kube-proxy', from: 'nat-prerouting', to: 'services' }],
          danglingJumps: excerpt({ ...nftLine, target: 'service-ULMVA6XW-ns1/svc1/tcp/p80' }),
          duplicateRules: excerpt({ ...nftLine, count: 2 }),
          unreadableRules: excerpt(nftLine),
          masqueradePath: 'ok',
        },
      ],
    }),
    ipvs: reported({
      virtualServers: 40,
      realServers: 80,
      drained: excerpt({
        server,
        backend: backend('10.244.1.9:80'),
        activeConnections: 1,
        inactiveConnections: 0,
        persistent: false,
        forSeconds: 120,
        sinceFallSeconds: 60,
      }),
      unboundServers: excerpt(server),
      idleAddresses: excerpt(address('10.96.0.7')),
      connReuseMode: 1,
      expireQuiescentTemplate: null,
    }),
    ebpfProxy: reported({
      proxy: 'cilium',
      replacesKubeProxy: null,
      signs: ['link cilium_host'],
      unreadBecause: 'its socket did not answer',
    }),
    conntrack: reported({
      count: 4_000,
      max: 262_144,
      drop: { total: 0, increase: 0, windowSeconds: 10.5, reset: false },
      earlyDrop: null,
      insertFailed: null,
      udp: excerpt({
        family: 'ipv4',
        destination: address('10.96.0.10'),
        port: 53,
        backend: address('10.244.1.2'),
        backendPort: 53,
        flows: 3,
        unreplied: 1,
        lasting: true,
      }),
      udpUnreadBecause: null,
    }),
    kernel: reported({
      conntrackTcpBeLiberal: false,
      xtablesLock: { pid: 4711, program: 'iptables', parent: 'bash', heldSeconds: 12, waiting: 1 },
    }),
    routes: reported({
      routes: {
        total: 1,
        first: [
          {
            family: 'ipv4',
            table: 'main',
            kind: 'unicast',
            destination: prefix('10.244.2.0/24'),
            link: 'eth0',
            gateway: address('192.168.100.12'),
            source: null,
            protocol: 'kernel',
            metric: 0,
            onlink: false,
            mtu: null,
            isDead: false,
          },
        ],
      },
      rules: {
        total: 1,
        first: [
          {
            family: 'ipv4',
            priority: 512,
            from: null,
            to: prefix('10.244.1.2/32'),
            mark: '0x200/0xf00',
            link: null,
            table: 'main',
            action: 'lookup',
            further: null,
          },
        ],
      },
    }),
    links: reported({
      links: {
        total: 2,
        first: [
          {
            index: 2,
            name: 'veth1',
            kind: 'veth',
            state: 'UP',
            isUp: true,
            mtu: 1500,
            mac: '02:00:00:00:00:01',
            master: 'cni0',
            peerIndex: 3,
            peerNamespaceId: 0,
            promiscuous: true,
            hairpin: false,
            vxlan: null,
            callsIptables: null,
            tunnel: null,
          },
          {
            index: 3,
            name: 'flannel.1',
            kind: 'vxlan',
            state: 'UNKNOWN',
            isUp: true,
            mtu: 1450,
            mac: '02:00:00:00:00:02',
            master: null,
            peerIndex: null,
            peerNamespaceId: null,
            promiscuous: false,
            hairpin: null,
            vxlan: { id: 1, port: 8472, local: address('192.168.100.11'), link: 'eth0', learning: false },
            callsIptables: { ipv4: false, ipv6: true },
            tunnel: { local: null, remote: null },
          },
        ],
      },
    }),
    neighbours: reported({
      neighbours: excerpt({
        link: 'flannel.1',
        address: address('10.244.2.0'),
        mac: '02:00:00:00:00:03',
        state: 'permanent',
      }),
      entries: excerpt({ link: 'flannel.1', mac: '02:00:00:00:00:03', destination: address('192.168.100.12') }),
    }),
    networkSettings: reported({
      kernel: '6.1.0-18-amd64',
      ipv4Forwarding: true,
      ipv6Forwarding: null,
      bridgeCallsIptables: 'no-module',
      bridgeCallsIp6tables: false,
      reversePathFilter: 2,
      links: excerpt({ link: 'eth0', forwarding: true, reversePathFilter: 0, proxyArp: null }),
    }),
    networkCounters: reported({
      reversePathDrops: { total: 7, increase: 1, windowSeconds: 60, reset: false },
      noRoute: null,
      udpChecksumErrors: null,
      fragmentationFailures: null,
      reassemblyFailures: null,
      links: [
        {
          link: 'eth0',
          receiveErrors: { total: 0, increase: 0, windowSeconds: 60, reset: false },
          receiveDrops: { total: 0, increase: 0, windowSeconds: 60, reset: false },
          transmitErrors: { total: 0, increase: 0, windowSeconds: 60, reset: false },
          transmitDrops: { total: 2, increase: 0, windowSeconds: 60, reset: false },
        },
      ],
    }),
    offloads: reported({ links: [{ link: 'flannel.1', transmitChecksum: true }] }),
    flannel: reported({
      networks: [prefix('10.244.0.0/16')],
      subnets: [{ range: prefix('10.244.1.0/24'), gateway: address('10.244.1.1') }],
      mtu: 1450,
      masquerade: true,
    }),
    bird: reported({
      protocols: excerpt({
        daemon: 'bird',
        name: 'Mesh_192_168_100_12',
        kind: 'BGP',
        state: 'up',
        info: 'Established',
        since: '2026-11-22',
        neighbour: address('192.168.100.12'),
        imported: 1,
        exported: 1,
        lastError: null,
      }),
    }),
    podNetworks: reported({
      pods: excerpt({
        uid: '0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e',
        pod: null,
        containers: ['a1b2'],
        namespace: 'own',
        links: [{ name: 'eth0', index: 2 }],
        addresses: [{ link: 'eth0', address: address('10.244.1.2'), prefixLength: 24 }],
        defaultRoutes: [{ family: 'ipv4', link: 'eth0', gateway: address('10.244.1.1'), isDead: false }],
      }),
      unread: 0,
      problem: null,
    }),
    sandboxes: reported({
      runtime: 'containerd v1.6.20',
      sandboxes: excerpt({
        id: 'a1b2',
        namespace: 'shop',
        name: 'web-0',
        uid: '0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e',
        attempt: 0,
        ready: true,
        createdAt: '2026-11-22T07:00:00.000Z',
        network: { of: 'pod', addresses: [address('10.244.1.2')], networkNamespace: 'cni-1' },
      }),
    }),
    probes: reported({
      listening: [address('10.244.1.1')],
      port: 9469,
      results: [
        {
          node: 'node-b',
          address: address('10.244.2.1'),
          port: 9469,
          by: 'overlay',
          size: 'full',
          packetBytes: 1450,
          sent: 3,
          answered: 3,
          lastAnswered: true,
          error: null,
          roundTripMs: 1,
        },
      ],
      heard: excerpt({ from: address('10.244.2.1'), to: address('10.244.1.1'), small: true, full: false }),
      refusedTargets: 1,
      refusals: ['192.0.2.1 is in no pod range'],
    }),
    dns: reported(
      dnsReport({
        pods: excerpt({ uid: 'a1b2', settings: resolver() }),
        nodeLocal: {
          addresses: [address('169.254.20.10')],
          link: 'nodelocaldns',
          linkIsUp: false,
          listens: { udp: true, tcp: true },
        },
        names: {
          cluster: 'kubernetes.default.svc.cluster.local.',
          external: null,
          absent: 'x.default.svc.cluster.local.',
        },
        lookups: [lookup(), lookup({ by: 'backend', ...silent })],
      }),
    ),
    cni: reported({
      configurations: [
        {
          file: '10-bridge.conflist',
          network: 'bridge',
          plugins: ['bridge'],
          settings: [
            {
              type: 'bridge',
              ipam: 'host-local',
              delegates: [],
              ranges: [prefix('10.244.1.0/24')],
              bridge: 'cni0',
              mtu: 1450,
              hairpin: true,
              stateFolder: null,
            },
          ],
          problem: null,
        },
      ],
      reservations: {
        total: 1,
        first: [{ network: 'bridge', address: address('10.244.1.2'), container: 'a1b2', link: 'eth0' }],
      },
      results: {
        total: 1,
        first: [
          {
            network: 'bridge',
            container: 'a1b2',
            link: 'eth0',
            pod: { namespace: 'shop', name: 'web-0', uid: null },
            addresses: [address('10.244.1.2')],
            nodeLinks: ['cni0', 'veth1'],
            networkNamespace: 'cni-1',
          },
        ],
      },
      pluginFolders: [{ path: '/opt/cni/bin', executables: ['bridge'] }],
    }),
  },
}).parts;

const jsonOf = (name: PartName, part: Part<object>) => partContent(name, part)?.json ?? '';
const profilePart = { state: 'ok', value: profile(), collectedAt: '' } as const;

describe('every part as an agent makes it', () => {
  it.each(Object.entries(full) as [keyof NodeParts, Part<object>][])(
    '%s fits its form, and stays as it is',
    (name, part) => {
      const json = jsonOf(name, part);
      const read = readPart(name, json);
      expect(read.state).toBe('ok');
      expect(JSON.stringify(read.state === 'ok' && { state: 'ok', value: read.value })).toBe(json);
    },
  );

  it('profile fits its form', () => {
    expect(readPart('profile', jsonOf('profile', profilePart))).toEqual({ state: 'ok', value: profile() });
  });

  it.each(['s1-healthy', 's5-recovered', 's4-mixed-backends', 's6-ipvs-healthy'])(
    'fits, on every node of recording %s',
    async (name) => {
      const folder = recordingFolder(name);
      const found: string[] = [];
      for (const node of readdirSync(folder).filter((one) => one.startsWith('node'))) {
        const { parts: observed, profile: itsProfile } = await observe(recordedHost(join(folder, node)));
        const all: readonly [PartName, Part<object>][] = [
          ...(Object.entries(observed) as [PartName, Part<object>][]),
          ['profile', { state: 'ok', value: itsProfile, collectedAt: '' }],
        ];
        for (const [part, content] of all) {
          const read = content.state === 'absent' ? content : readPart(part, jsonOf(part, content));
          found.push(`${node} ${part}: ${read.state === 'misfit' ? read.message : content.state === read.state}`);
        }
      }
      expect(found.length).toBeGreaterThanOrEqual(partNames.length);
      expect(found.filter((line) => !line.endsWith(': true'))).toEqual([]);
    },
  );
});

describe('a part that failed', () => {
  it('says why', () => {
    expect(readPart('links', '{"state":"failed","reason":"ip: not found"}')).toEqual({
      state: 'failed',
      reason: 'ip: not found',
    });
  });

  it('does not fit with more to say than a line or two', () => {
    const read = readPart('links', JSON.stringify({ state: 'failed', reason: 'x'.repeat(2049) }));
    expect(read.state).toBe('misfit');
  });
});

describe('what does not fit', () => {
  const links = (fields: object) => JSON.stringify({ state: 'ok', value: { links: { total: 1, first: [fields] } } });
  const [link] = full.links.state === 'ok' ? full.links.value.links.first : [];

  it.each<[string, PartName, string, RegExp]>([
    ['no JSON', 'links', '{', /^it is no JSON$/],
    ['null', 'links', 'null', /must be object/],
    ['a list', 'links', '[]', /must be object/],
    ['another state', 'links', '{"state":"absent"}', /state|value/],
    ['a member too many', 'links', links({ ...link, extra: 1 }), /extra/],
    [
      'a member named __proto__',
      'links',
      links({ ...link }).replace('"index"', '"__proto__":{"a":1},"index"'),
      /proto/,
    ],
    ['a member too few', 'links', links({ ...link, mtu: undefined }), /mtu/],
    ['a name that is too long', 'links', links({ ...link, name: 'x'.repeat(65) }), /name/],
    ['a number that is none', 'links', links({ ...link, mtu: 0 }).replace('"mtu":0', '"mtu":1e999'), /mtu/],
    ['a negative number', 'links', links({ ...link, mtu: -1 }), /mtu/],
    [
      'an address that is not canonical',
      'addresses',
      '{"state":"ok","value":{"addresses":[{"link":"lo","address":"FD00::1","prefixLength":8}],"links":[]}}',
      /\/value\/addresses\/0\/address is no canonical address/,
    ],
    [
      'a prefix with host bits',
      'profile',
      jsonOf('profile', {
        ...profilePart,
        value: { ...profile(), nodePortAddresses: { value: ['10.0.0.1/8'], source: 'configz' } },
      }),
      /nodePortAddresses/,
    ],
    [
      'a list that is too long',
      'links',
      JSON.stringify({ state: 'ok', value: { links: { total: 2001, first: Array(2001).fill(link) } } }),
      /first/,
    ],
  ])('%s', (_, name, json, message) => {
    const read = readPart(name, json);
    expect(read.state === 'misfit' && read.message).toMatch(message);
  });

  it('is told without what a terminal or a page could act on', () => {
    const read = readPart('links', links({ ...link, ['\u001b[2J<img>\u202e']: 1 }));
    expect(read.state === 'misfit' && read.message).toMatch(/^[ -~]{1,200}$/);
  });

  it('never throws and never changes what objects are, whatever the JSON', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    fc.assert(
      fc.property(fc.constantFrom(...partNames), fc.json(), (name, json) => {
        const read = readPart(name, `{"state":"ok","value":${json}}`);
        expect(read.state).toBe('misfit');
      }),
      { seed: 1, numRuns: 500 },
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });
});

describe('names of parts', () => {
  it('are those of the contract, and no member of an object', () => {
    expect([...partNames].sort()).toEqual([...Object.keys(full), 'profile'].sort());
    expect(['toString', '__proto__', 'constructor', ''].map(isPartName)).toEqual([false, false, false, false]);
  });
});
