import { describe, expect, it } from 'vitest';
import type { CniReport, HostPort, IptablesReport } from '../../proto/parts.ts';
import { address, pod } from '../../test/builders.ts';
import { backend, excerpt, nodeView, objects, reported, structure, type ViewSketch } from '../../test/view-builders.ts';
import { hostportMissing } from './hostport-missing.ts';
import type { Pod } from '../model/cluster.ts';

/** As recorded in s1: media/hostport-0 on node-a, and the rule that portmap made for it. */
const recorded: Pod = {
  ...pod('media/hostport-0', 'node-a', '10.244.1.8'),
  ports: [{ name: 'http', protocol: 'tcp', port: 8080, hostPort: 8088, hostAddress: null }],
};
const itsRule: HostPort = { protocol: 'tcp', port: 8088, address: null, backend: backend('10.244.1.8:8080') };
const portmap: CniReport = {
  configurations: [
    { file: '10-labnet.conflist', network: 'labnet', plugins: ['bridge', 'portmap'], settings: [], problem: null },
  ],
  reservations: excerpt(),
  results: excerpt(),
  pluginFolders: [],
};

function evaluate(rules: readonly HostPort[], pods: readonly Pod[], sketch: ViewSketch = {}) {
  return hostportMissing.evaluate(
    nodeView({
      structures: [structure({ hostPorts: excerpt(...rules) })],
      objects: objects({ pods }),
      parts: { cni: reported(portmap) },
      ...sketch,
    }),
  );
}

describe('hostport-missing', () => {
  it("portmap's rules are gone, as a flush of nat leaves them (s1, node-a, without its CNI chains)", () => {
    expect(evaluate([], [recorded])).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary: '1 pod on node-a cannot be reached by host port: no rule leads to tcp 8088 -> 10.244.1.8:8080.',
        evidence: [{ kind: 'fact', name: 'media/hostport-0', value: 'no DNAT for tcp 8088 -> 10.244.1.8:8080' }],
        remediation: [
          {
            command: 'kubectl -n media delete pod hostport-0',
            effect:
              'Its controller makes it anew, and the CNI plugin the rules for its host ports. A bare pod is gone.',
          },
        ],
        frontends: [],
      },
    ]);
  });

  it('the recorded rules lead to it: nothing is said (s1, node-a)', () => {
    expect(evaluate([itsRule], [recorded])).toEqual([]);
  });

  it('a rule leads to the pod that was there before', () => {
    expect(evaluate([{ ...itsRule, backend: backend('10.244.1.7:8080') }], [recorded])).toHaveLength(1);
  });

  it('another host port has its rule, so this one should have: also where no CNI configuration was read', () => {
    const other = { ...recorded, ...pod('edge/ingress-0', 'node-a', '10.244.1.9'), uid: 'other' };
    const ports = [{ name: '', protocol: 'tcp', port: 443, hostPort: 443, hostAddress: null }] as const;
    const noCni = { parts: { cni: { state: 'absent' } } } as const;
    expect(evaluate([itsRule], [recorded, { ...other, ports }], noCni).map(({ evidence }) => evidence.length)).toEqual([
      1,
    ]);
    expect(evaluate([], [recorded], noCni)).toEqual([]);
  });

  it.each([
    ['waits for its network', { phase: 'Pending' }],
    ['is going', { terminating: true }],
    ["has the node's own network", { hostNetwork: true }],
    ['is on another node', { nodeName: 'node-b' }],
    ['has no host port', { ports: [{ name: '', protocol: 'tcp', port: 80, hostPort: 0, hostAddress: null }] }],
    [
      'has its port on an address of the other family',
      { ports: [{ ...recorded.ports[0], hostAddress: address('fd00:100::11') }] },
    ],
  ] as [string, Partial<Pod>][])('a pod that %s is not asked about', (_, other) => {
    expect(evaluate([], [{ ...recorded, ...other }])).toEqual([]);
  });

  it('each address of a pod needs its rule, in families that the node has tables of', () => {
    const dual = { ...recorded, addresses: [address('10.244.1.8'), address('fd00:10:244:1::8')] };
    const both = [structure({ hostPorts: excerpt(itsRule) }), structure({ family: 'ipv6' })];
    expect(evaluate([itsRule], [dual])).toEqual([]);
    expect(evaluate([], [dual], { structures: both }).map(({ evidence }) => evidence)).toEqual([
      [{ kind: 'fact', name: 'media/hostport-0', value: 'no DNAT for tcp 8088 -> [fd00:10:244:1::8]:8080' }],
    ]);
  });

  it('somebody else may serve it: portmap in nf_tables, Cilium, a list that is cut', () => {
    const report: IptablesReport = {
      structures: [structure()],
      serviceBackends: ['nft'],
      proxyChains: [],
      hostPortTables: ['ip cni_hostport'],
    };
    const cni = reported(portmap);
    const ebpfProxy = reported({ proxy: 'cilium', replacesKubeProxy: true, signs: [], unreadBecause: null } as const);
    const cut = [structure({ hostPorts: { total: 3000, first: [itsRule] } })];
    expect(evaluate([], [recorded], { parts: { cni, iptables: reported(report) } })).toEqual([]);
    expect(evaluate([], [recorded], { parts: { cni, ebpfProxy } })).toEqual([]);
    expect(evaluate([], [{ ...recorded, addresses: [address('10.244.1.5')] }], { structures: cut })).toEqual([]);
  });
});
