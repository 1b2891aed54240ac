/**
 * What CoreDNS that forwards to itself brings about, and what it does not. The Corefile is that of kubeadm in short; what
 * the replicas get for /etc/resolv.conf is what the kubelets of their nodes hand on.
 */
import { describe, expect, it } from 'vitest';
import { address, slice } from '../../test/builders.ts';
import { dnsNode, dnsObjects, dnsReport, dnsSnapshot, failed, lookup } from '../../test/dns-node.ts';
import type { Lookup } from '../../proto/parts.ts';
import { checks } from '../checks/index.ts';
import type { Pod, PodDns } from '../model/cluster.ts';
import { evaluateCluster } from './evaluate.ts';

interface Sketch {
  readonly corefile?: readonly string[];
  /** What the kubelet of each node hands on. */
  readonly handedOn?: Readonly<Record<'node-a' | 'node-b', readonly string[]>>;
  /** Of the replicas; Default unless said. */
  readonly policy?: PodDns['policy'];
  /** How they are, where none is ready. */
  readonly replicas?: Partial<Pod>;
  readonly lookups?: readonly Lookup[];
}

const kubeadm = ['kubernetes cluster.local', 'forward . /etc/resolv.conf', 'loop'];
const stub = { 'node-a': ['127.0.0.53'], 'node-b': ['127.0.0.53'] };
const dns = { nameservers: [], searches: [], ndots: null };
const crashing = { ready: false, waitingReason: 'CrashLoopBackOff' };

/** Findings about cluster DNS, each with its cause. */
function told({
  corefile = kubeadm,
  handedOn = stub,
  policy = 'Default',
  replicas,
  lookups = [],
}: Sketch): readonly string[] {
  const files = { Corefile: `.:53 {\n${corefile.map((line) => `    ${line}\n`).join('')}}\n` };
  const { endpointSlices = [], pods } = dnsSnapshot();
  const objects = dnsObjects({
    dnsConfigurations: [{ namespace: 'kube-system', name: 'coredns', files }],
    endpointSlices:
      replicas === undefined ? endpointSlices : [slice('kube-system/kube-dns').port(53, 'dns', 'udp').built],
    pods: (pods ?? []).map((pod) => ({ ...pod, dns: { ...dns, policy }, ...replicas })),
  });
  const { kubelet } = dnsReport();
  if (kubelet === null) throw new Error('the kubelet is known');
  const nodes = (['node-a', 'node-b'] as const).map((name) => {
    const upstream = { nameservers: handedOn[name].map(address), search: [], ndots: 1, options: [] };
    return dnsNode(name, { kubelet: { ...kubelet, upstream }, lookups }, objects);
  });
  const { findings } = evaluateCluster({ nodes, objects }, checks);
  return findings
    .filter(({ check, node }) => check.startsWith('dns-') && node === null)
    .map(({ check, parent }) => {
      const cause = findings.find(({ fingerprint }) => fingerprint === parent);
      return cause === undefined ? check : `${check} <- ${cause.check}`;
    });
}

describe('CoreDNS that forwards to itself', () => {
  it('with the plugin loop ends itself: no replica is left', () => {
    expect(told({ replicas: crashing })).toEqual(['dns-forward-loop', 'dns-no-endpoints <- dns-forward-loop']);
  });

  it('is the same between two crashes, when the API says that its pods run', () => {
    expect(told({ replicas: { ready: false } })).toEqual(['dns-forward-loop', 'dns-no-endpoints <- dns-forward-loop']);
  });

  it.each<readonly [string, Sketch]>([
    ['it has no plugin loop, and so goes on', { corefile: kubeadm.slice(0, 2), replicas: crashing }],
    [
      'its pods wait for a network',
      { replicas: { ready: false, phase: 'Pending', waitingReason: 'ContainerCreating' } },
    ],
    [
      'one of two replicas is handed a server above, and crashes for a reason of its own',
      { handedOn: { 'node-a': ['127.0.0.53'], 'node-b': ['192.0.2.53'] }, replicas: crashing },
    ],
    [
      'there is a server above beside it',
      { handedOn: { 'node-a': ['127.0.0.53', '192.0.2.53'], 'node-b': ['127.0.0.53'] }, replicas: crashing },
    ],
  ])('is not why no replica is left where %s', (_, sketch) => {
    expect(told(sketch)).toEqual(['dns-forward-loop', 'dns-no-endpoints']);
  });
});

describe('names outside of the cluster that do not resolve', () => {
  const broken = lookup({ name: 'external', ...failed });
  const upstream = (changes: Partial<Lookup> = {}) =>
    lookup({ by: 'upstream', name: 'external', server: address('192.0.2.53'), ...changes });
  const withoutPlugin = kubeadm.slice(0, 2);

  it('go round in CoreDNS', () => {
    expect(told({ corefile: withoutPlugin, lookups: [lookup(), broken] })).toEqual([
      'dns-forward-loop',
      'dns-upstream-failing <- dns-forward-loop',
    ]);
  });

  it.each<readonly [string, Sketch]>([
    ['only one replica loops', { handedOn: { 'node-a': ['127.0.0.53'], 'node-b': ['192.0.2.53'] } }],
    [
      'another server is asked beside it',
      {
        corefile: ['kubernetes cluster.local', 'forward . 10.96.0.10 192.0.2.53'],
        lookups: [lookup(), broken, upstream()],
      },
    ],
    [
      'the server above, which CoreDNS will ask once it is mended, fails itself',
      {
        handedOn: { 'node-a': ['192.0.2.53'], 'node-b': ['192.0.2.53'] },
        policy: 'ClusterFirst',
        lookups: [lookup(), broken, upstream(failed)],
      },
    ],
  ])('have another cause where %s', (_, sketch) => {
    expect(told({ corefile: withoutPlugin, lookups: [lookup(), broken], ...sketch })).toEqual([
      'dns-forward-loop',
      'dns-upstream-failing',
    ]);
  });
});

describe('the Service of cluster DNS without an endpoint', () => {
  it('is told once, by the name that says what comes of it', () => {
    const objects = dnsObjects({ endpointSlices: [slice('kube-system/kube-dns').port(53, 'dns', 'udp').built] });
    const { findings } = evaluateCluster({ nodes: [dnsNode('node-a', {}, objects)], objects }, checks);
    const [cause, effect] = ['dns-no-endpoints', 'service-selects-nothing'].map((id) =>
      findings.find(({ check }) => check === id),
    );
    expect([cause?.parent, effect?.parent]).toEqual([null, cause?.fingerprint]);
  });
});
