/** Pods and Namespaces as they are read, and what of them is kept once. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import type { Pod } from '../model/cluster.ts';
import { readList } from './api-list.ts';
import { Names } from './names.ts';
import { namespaceKind } from './namespace.ts';
import { podKind } from './pod.ts';

function podsIn(items: readonly unknown[], names = new Names()): readonly Pod[] {
  const reading = readList({ kind: 'PodList', items }, podKind(names));
  if (!reading.ok) throw new Error(reading.problems.join('\n'));
  return reading.value;
}

const list = (kind: string) =>
  JSON.parse(readFileSync(join(recordingFolder('s1-healthy'), `api/${kind}.json`), 'utf8'));
const recorded = podsIn(list('pods').items);
const named = (name: string) => recorded.find((pod) => pod.name === name);

/** What a pod says of its sandbox, and its owner of it. */
function said(annotations: Readonly<Record<string, string>>, status: unknown) {
  const [pod] = podsIn([{ metadata: { namespace: 'shop', name: 'web-0', annotations }, spec: {}, status }]);
  if (pod === undefined) throw new Error('there is one pod');
  const { runs, startedAt, waitingReason, sandboxReady, probePort, severalNetworks } = pod;
  const all = { runs, startedAt, waitingReason, sandboxReady, probePort, severalNetworks };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

describe('a recorded pod', () => {
  it('has what the audit reads of it, and nothing else', () => {
    expect(named('worker-0')).toEqual({
      namespace: 'batch',
      name: 'worker-0',
      uid: '22f8c47a-811e-46b0-87c9-083334d6a69b',
      nodeName: 'node-a',
      phase: 'Running',
      labels: {
        app: 'worker',
        'topology.kubernetes.io/region': 'lab',
        'topology.kubernetes.io/zone': 'zone-1',
      },
      addresses: ['10.244.1.11', 'fd00:10:244:1::b'],
      hostNetwork: false,
      ready: false,
      terminating: false,
      ports: [{ name: 'http', protocol: 'tcp', port: 8080, hostPort: 0, hostAddress: null }],
      createdAt: '2026-11-22T07:29:28Z',
      startedAt: '2026-11-22T07:29:28Z',
      runs: true,
      sandboxReady: true,
    });
  });

  it('is terminating while it is being deleted, however ready', () => {
    expect([named('drain-0'), named('drain-1')].map((pod) => [pod?.ready, pod?.terminating])).toEqual([
      [true, true],
      [true, false],
    ]);
  });

  it('shows the ports of the host that it asks for', () => {
    const ports = named('hostport-0')?.ports.filter(({ hostPort }) => hostPort > 0);
    expect(ports?.length).toBeGreaterThan(0);
  });
});

describe('a pod', () => {
  it('that was only just made has no node, no address and no phase that anybody knows', () => {
    const [pod] = podsIn([{ metadata: { namespace: 'shop', name: 'web-0' }, spec: {}, status: { phase: 'Dreaming' } }]);
    expect(pod).toEqual({
      namespace: 'shop',
      name: 'web-0',
      uid: '',
      nodeName: null,
      phase: 'Unknown',
      labels: {},
      addresses: [],
      hostNetwork: false,
      ready: false,
      terminating: false,
      ports: [],
      createdAt: null,
      startedAt: null,
      runs: false,
    });
  });

  it('that waits for its sandbox says so, and why', () => {
    const status = {
      startTime: '2026-11-22T12:00:00Z',
      conditions: [{ type: 'PodReadyToStartContainers', status: 'False' }],
      initContainerStatuses: [{ state: { waiting: { reason: 'PodInitializing' } } }],
      containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }, { state: {} }],
    };
    expect(said({}, status)).toEqual({
      runs: false,
      startedAt: '2026-11-22T12:00:00Z',
      waitingReason: 'PodInitializing',
      sandboxReady: false,
    });
  });

  it('runs while any container does, whatever another one waits for', () => {
    const containerStatuses = [
      { state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } } },
      { state: { running: { startedAt: '2026-11-22T12:00:00Z' } } },
      { state: { terminated: { exitCode: 1 } } },
    ];
    const conditions = [{ type: 'PodHasNetwork', status: 'True' }];
    expect(said({}, { containerStatuses, conditions })).toEqual({
      runs: true,
      startedAt: null,
      waitingReason: 'CrashLoopBackOff',
      sandboxReady: true,
    });
  });

  it.each([
    ['8080', { probePort: 8080 }],
    ['0', {}],
    ['65536', {}],
    ['http', {}],
    ['', {}],
  ])('whose owner wants it probed at port %j is taken by its word where that is a port', (port, wishes) => {
    const nothing = { runs: false, startedAt: null };
    expect(said({ 'plumbline.dev/probe-port': port }, {})).toEqual({ ...nothing, ...wishes });
  });

  it.each([
    ['macvlan-1, macvlan-2', { severalNetworks: true }],
    ['[{"name": "sriov"}]', { severalNetworks: true }],
    [' ', {}],
  ])('that asks Multus for %j has several networks, or not', (networks, wishes) => {
    const nothing = { runs: false, startedAt: null };
    expect(said({ 'k8s.v1.cni.cncf.io/networks': networks }, {})).toEqual({ ...nothing, ...wishes });
  });

  it('has the ports of sidecars, not those of containers that end before it begins', () => {
    const port = (name: string) => [{ name, containerPort: 80, hostPort: 8080, hostIP: '0.0.0.0' }];
    const [pod] = podsIn([
      {
        metadata: { namespace: 'shop', name: 'web-0' },
        spec: {
          containers: [{ ports: port('http') }, {}],
          initContainers: [{ ports: port('once') }, { restartPolicy: 'Always', ports: port('mesh') }],
        },
      },
    ]);
    expect(pod?.ports.map(({ name, hostPort, hostAddress }) => [name, hostPort, hostAddress])).toEqual([
      ['http', 8080, null],
      ['mesh', 8080, null],
    ]);
  });
});

/** What is read of a pod's spec beside what every pod has. */
function wishesOf(spec: unknown, metadata: object = {}) {
  const items = [
    { metadata: { namespace: 'shop', name: 'web-0', ...metadata }, spec, status: { podIP: '10.244.1.2' } },
  ];
  const [{ owner, dns, kubeletProbes } = {}] = podsIn(items);
  return Object.fromEntries(Object.entries({ owner, dns, kubeletProbes }).filter(([, value]) => value !== undefined));
}

describe("a pod's owner", () => {
  const owned = (kind: string, name: string, controller = true) => ({ ownerReferences: [{ kind, name, controller }] });
  const hashed = { labels: { 'pod-template-hash': '5d4f8' } };

  it.each([
    ['its Deployment', { ...owned('ReplicaSet', 'web-5d4f8'), ...hashed }, { kind: 'Deployment', name: 'web' }],
    ['a ReplicaSet of nobody', owned('ReplicaSet', 'web-5d4f8'), { kind: 'ReplicaSet', name: 'web-5d4f8' }],
    [
      'a ReplicaSet of another name',
      { ...owned('ReplicaSet', 'web5d4f8'), ...hashed },
      { kind: 'ReplicaSet', name: 'web5d4f8' },
    ],
    ['a StatefulSet', owned('StatefulSet', 'pg'), { kind: 'StatefulSet', name: 'pg' }],
    ['the Job of a CronJob', owned('Job', 'report-29381'), { kind: 'Job', name: 'report-29381' }],
  ])('is %s', (_what, metadata, owner) => {
    expect(wishesOf({}, metadata)).toEqual({ owner });
  });

  it('is nobody where nobody controls it', () => {
    expect(wishesOf({}, owned('Node', 'node-a', false))).toEqual({});
  });
});

describe('how a pod resolves names', () => {
  const nothing = { nameservers: [], searches: [], ndots: null };
  it.each([
    [{}, {}],
    [{ dnsPolicy: 'ClusterFirst', dnsConfig: {} }, {}],
    [{ dnsPolicy: 'Default' }, { dns: { policy: 'Default', ...nothing } }],
    [{ dnsPolicy: 'ClusterFirstWithHostNet' }, { dns: { policy: 'ClusterFirstWithHostNet', ...nothing } }],
    [
      { dnsConfig: { options: [{ name: 'edns0' }, { name: 'ndots', value: '2' }] } },
      { dns: { policy: 'ClusterFirst', ...nothing, ndots: 2 } },
    ],
    [
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.53', 'x'], searches: ['corp.example'] } },
      { dns: { policy: 'None', nameservers: ['10.0.0.53'], searches: ['corp.example'], ndots: null } },
    ],
    [{ dnsConfig: { options: [{ name: 'ndots', value: 'many' }] } }, {}],
    [
      { dnsConfig: { options: [{ name: 'ndots', value: '99' }] } },
      { dns: { policy: 'ClusterFirst', ...nothing, ndots: 15 } },
    ],
  ])('%j is %j', (spec, wishes) => {
    expect(wishesOf(spec)).toEqual(wishes);
  });
});

describe('probes of the kubelet', () => {
  const ports = [{ name: 'http', containerPort: 8080 }];
  const ofContainer = (container: object) => wishesOf({ containers: [container] });
  const ready = (port: number) => ({ kubeletProbes: [{ kind: 'readiness', port }] });

  it.each([
    ['by HTTP', { readinessProbe: { httpGet: { path: '/', port: 80 } } }, ready(80)],
    ['by HTTP to a port by its name', { ports, readinessProbe: { httpGet: { port: 'http' } } }, ready(8080)],
    ['by TCP', { readinessProbe: { tcpSocket: { port: 5432 } } }, ready(5432)],
    ['by gRPC', { readinessProbe: { grpc: { port: 9000 } } }, ready(9000)],
    ['to the address of the pod itself', { readinessProbe: { httpGet: { host: '10.244.1.2', port: 80 } } }, ready(80)],
    ['by a program in the container', { livenessProbe: { exec: { command: ['true'] } } }, {}],
    ['to another host', { livenessProbe: { httpGet: { host: '127.0.0.1', port: 80 } } }, {}],
    ['to a port that nobody named', { ports, livenessProbe: { httpGet: { port: 'https' } } }, {}],
    ['to no port', { livenessProbe: { tcpSocket: { port: 70_000 } } }, {}],
  ])('%s', (_how, container, wishes) => {
    expect(ofContainer(container)).toEqual(wishes);
  });

  it('of all containers that run on count, equal ones once', () => {
    const probe = { httpGet: { port: 80 } };
    const spec = {
      containers: [{ livenessProbe: probe, startupProbe: probe }, { livenessProbe: probe }],
      initContainers: [
        { startupProbe: { tcpSocket: { port: 1 } } },
        { restartPolicy: 'Always', startupProbe: { tcpSocket: { port: 2 } } },
      ],
    };
    expect(wishesOf(spec)).toEqual({
      kubeletProbes: [
        { kind: 'liveness', port: 80 },
        { kind: 'startup', port: 80 },
        { kind: 'startup', port: 2 },
      ],
    });
  });
});

describe('pods that are alike', () => {
  it('share their labels, ports, owners, probes and names', () => {
    const pod = (name: string, app: string) => ({
      metadata: {
        namespace: 'shop',
        name,
        labels: { app },
        ownerReferences: [{ kind: 'Job', name: app, controller: true }],
      },
      spec: {
        dnsPolicy: 'Default',
        containers: [{ ports: [{ containerPort: 80 }], livenessProbe: { tcpSocket: { port: 80 } } }],
      },
    });
    const [one, other, third] = podsIn([pod('web-0', 'web'), pod('web-1', 'web'), pod('api-0', 'api')]);
    expect(one?.labels).toBe(other?.labels);
    expect(one?.ports).toBe(third?.ports);
    expect(one?.owner).toBe(other?.owner);
    expect(one?.dns).toBe(third?.dns);
    expect(one?.kubeletProbes).toBe(third?.kubeletProbes);
    expect([one?.labels, third?.labels]).toEqual([{ app: 'web' }, { app: 'api' }]);
  });
});

describe('a Namespace', () => {
  it('has its labels, and the annotations that speak to us', () => {
    const reading = readList(list('namespaces'), namespaceKind);
    expect(reading.ok && reading.value.find(({ name }) => name === 'batch')).toEqual({
      name: 'batch',
      labels: { 'kubernetes.io/metadata.name': 'batch', lab: 'true' },
      annotations: {},
    });
    const annotations = { 'plumbline.dev/accept': 'proxy-down', 'example.com/other': 'x' };
    const one = readList(
      { kind: 'NamespaceList', items: [{ metadata: { name: 'shop', annotations } }] },
      namespaceKind,
    );
    expect(one.ok && one.value).toEqual([
      { name: 'shop', labels: {}, annotations: { 'plumbline.dev/accept': 'proxy-down' } },
    ]);
  });
});
