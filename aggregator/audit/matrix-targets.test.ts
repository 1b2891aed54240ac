import { describe, expect, it } from 'vitest';
import { node, pod, prefix, service, slice } from '../../test/builders.ts';
import type { ClusterSnapshot, Pod, Service } from '../model/cluster.ts';
import { MatrixTargets, openTargets, probeAnnotation } from './matrix-targets.ts';
import { objectsOf } from './objects.ts';

const web = service('shop/web').clusterIP('10.96.0.5').port(80, 'http').built;
const [one, two] = [pod('shop/web-0', 'node-a', '10.244.1.2'), pod('shop/web-1', 'node-b', '10.244.2.2')];
const endpoints = slice('shop/web').port(8080, 'http').ready('10.244.1.2').ready('10.244.2.2').built;

/** A namespace that asks for probes, and one Service with a pod on each of two nodes. */
function cluster(changes: Partial<ClusterSnapshot> = {}): ClusterSnapshot {
  return {
    services: [web],
    endpointSlices: [endpoints],
    nodes: ['1', '2'].map((number) => ({
      ...node(number === '1' ? 'node-a' : 'node-b', `192.168.100.1${number}`),
      podCIDRs: [prefix(`10.244.${number}.0/24`)],
    })),
    pods: [one, two],
    namespaces: [{ name: 'shop', labels: {}, annotations: { [probeAnnotation]: 'true' } }],
    ...{ podEvents: null, networkPolicies: null, foreignPolicies: [], dnsConfigurations: null },
    ...changes,
  };
}

/** `service 10.96.0.5:80`, `endpoint 10.244.1.2:8080 on node-a`. */
function open(changes: Partial<ClusterSnapshot> = {}): readonly string[] {
  return openTargets(objectsOf(cluster(changes))).map(
    ({ by, address, port, on }) => `${by} ${address}:${port}${on === null ? '' : ` on ${on}`}`,
  );
}

const withPods = (...changes: readonly Partial<Pod>[]) => ({
  pods: [one, two].map((each, at) => ({ ...each, ...changes[at] })),
});
const withService = (changes: Partial<Service>) => ({ services: [{ ...web, ...changes }] });
const withSlice = (...addresses: readonly string[]) => ({
  endpointSlices: [
    addresses.reduce((made, address) => made.ready(address), slice('shop/web').port(8080, 'http')).built,
  ],
});

describe('what agents may connect to', () => {
  it('is a Service of a namespace that asks for it, and its pods at their own ports', () => {
    expect(open()).toEqual([
      'endpoint 10.244.1.2:8080 on node-a',
      'endpoint 10.244.2.2:8080 on node-b',
      'service 10.96.0.5:80',
    ]);
  });

  it.each<readonly [string, Partial<ClusterSnapshot>]>([
    ['the namespace does not ask', { namespaces: [{ name: 'shop', labels: {}, annotations: {} }] }],
    ['it asks otherwise', { namespaces: [{ name: 'shop', labels: {}, annotations: { [probeAnnotation]: 'yes' } }] }],
    [
      'another namespace asks',
      { namespaces: [{ name: 'other', labels: {}, annotations: { [probeAnnotation]: 'true' } }] },
    ],
    ['the Service is a name outside', withService({ type: 'ExternalName' })],
    ['it has UDP alone', { services: [service('shop/web').clusterIP('10.96.0.5').port(80, 'http', 'udp').built] }],
    ['it has no endpoint', { endpointSlices: [] }],
    ['one endpoint is no pod', withSlice('10.244.1.2', '10.244.1.77')],
    ['one endpoint is a node', withSlice('10.244.1.2', '192.168.100.11')],
    [
      'one endpoint is outside of the ranges',
      { ...withSlice('10.0.0.7'), pods: [pod('shop/web-0', 'node-a', '10.0.0.7')] },
    ],
    ['one endpoint is on a link', withSlice('169.254.169.254')],
    ['one pod is of another namespace', withPods({ namespace: 'other' })],
    ['one pod is in the network of its node', withPods({ hostNetwork: true })],
    ['one pod is being deleted', withPods({ terminating: true })],
    ['one pod is not ready', withPods({ ready: false })],
    ['one pod has ended', withPods({ phase: 'Failed' })],
    ['two pods have one address', { pods: [one, two, { ...two, name: 'twin', uid: 'uid-of-twin' }] }],
    ['no pod is known', { pods: null }],
  ])('is nothing where %s', (_, changes) => {
    expect(open(changes)).toEqual([]);
  });

  it('is the API server never, whoever asks', () => {
    const api = service('default/kubernetes').clusterIP('10.96.0.1').port(443, 'https').built;
    const apiSlice = slice('default/kubernetes').port(6443, 'https').ready('10.244.1.2').built;
    const asks = { [probeAnnotation]: 'true' };
    const namespaces = ['default', 'shop'].map((name) => ({ name, labels: {}, annotations: asks }));
    expect(open({ services: [api, web], endpointSlices: [apiSlice, endpoints], namespaces })).toEqual([]);
  });
});

describe('who connects', () => {
  const targets = openTargets(objectsOf(cluster()));
  const told = (nodes: readonly string[], rotation: number) => {
    const of = new MatrixTargets(targets, nodes, rotation);
    return Object.fromEntries(nodes.map((name) => [name, of.of(name).map(({ by, address }) => `${by} ${address}`)]));
  };

  it('is one node for each target, another in the next rotation, and never the node that a pod is on', () => {
    expect([0, 1].map((rotation) => told(['node-a', 'node-b'], rotation))).toEqual([
      { 'node-a': ['endpoint 10.244.2.2', 'service 10.96.0.5'], 'node-b': ['endpoint 10.244.1.2'] },
      { 'node-a': ['endpoint 10.244.2.2'], 'node-b': ['endpoint 10.244.1.2', 'service 10.96.0.5'] },
    ]);
  });

  it('is nobody where nobody probes', () => {
    expect(new MatrixTargets(targets, [], 0).of('node-a')).toEqual([]);
  });

  it('has 32 targets at a time, and all of them in turn', () => {
    const [first] = targets;
    if (first === undefined) throw new Error('there are targets');
    const many = Array.from({ length: 100 }, (_, port) => ({ ...first, on: null, port: port + 1 }));
    const ports = (rotation: number) =>
      new MatrixTargets(many, ['node-a'], rotation).of('node-a').map(({ port }) => port);
    expect(ports(0)).toHaveLength(32);
    expect(new Set([0, 1, 2, 3].flatMap(ports)).size).toBe(100);
  });
});
