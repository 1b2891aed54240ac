/** What the engine makes of checks that hold the words of several nodes together, in a cluster whose rules are all right. */
import { describe, expect, it } from 'vitest';
import { checks } from '../../aggregator/checks/index.ts';
import { Engine } from '../../aggregator/engine/engine.ts';
import type { Check, ClusterCheck, NodeView } from '../../aggregator/model/check.ts';
import type { DnsReport, Lookup } from '../../proto/parts.ts';
import { address, slice } from '../builders.ts';
import { dnsReport, dnsSnapshot, failed, lookup, replicas } from '../dns-node.ts';
import { memoryJournal } from '../memory-journal.ts';
import { reported } from '../view-builders.ts';
import { FakeAgents, FakeCluster } from './fake-feeds.ts';
import { SimulatedNode } from './simulated-node.ts';
import { VirtualTime } from './virtual-time.ts';

const [first, second] = replicas;
const at = (server: Lookup['server'], changes: Partial<Lookup> = {}) => lookup({ by: 'backend', server, ...changes });

/** Two nodes in sync, cluster DNS with two replicas, and agents that tell this of names. */
function world(report: Partial<DnsReport> = {}, made: readonly Check[] = checks) {
  const time = new VirtualTime('2026-11-22T08:00:00Z');
  const [cluster, agents, journal] = [new FakeCluster(time.now), new FakeAgents(), memoryJournal()];
  const errors: string[] = [];
  const log = { info: () => undefined, error: (_: object, text: string) => void errors.push(text) };
  const engine = new Engine({ cluster, journal, checks: made, log, now: time.now, later: time.later });
  const { services = [], endpointSlices = [], pods } = dnsSnapshot();
  for (const service of services) cluster.setService(service);
  cluster.setSlices('kube-system/kube-dns', endpointSlices);
  for (const pod of pods ?? []) cluster.setPod(pod);
  engine.start(agents);
  const options = { time, cluster, agents, random: () => 0.5, mode: 'iptables' } as const;
  const nodes = ['a', 'b'].map((letter, index) => {
    const node = new SimulatedNode(`node-${letter}`, `192.168.100.${index + 11}`, options);
    node.tells = { dns: reported(dnsReport(report)) };
    return node;
  });
  cluster.relisted('services');
  cluster.relisted('endpointslices');
  const tell = (changes: Partial<DnsReport>) => {
    for (const node of nodes) node.tells = { dns: reported(dnsReport(changes)) };
  };
  const findings = () => engine.findings().map(({ check, state, subject }) => `${check} ${subject.name} ${state}`);
  const ended = () => journal.ended({ limit: 10 }).map(({ check, state }) => `${check} ${state}`);
  return { time, cluster, nodes, engine, journal, errors, tell, findings, ended };
}

const wellAtBoth = { lookups: [at(first), at(second)] };
const firstFails = { lookups: [at(first, failed), at(second)] };

describe('a replica of cluster DNS that fails', () => {
  it('is found though no rule differs, fires after its hold, and resolves when it is mended', () => {
    const made = world(firstFails);
    made.time.pass(45);
    expect(made.findings()).toEqual(['dns-replica-failing coredns-1 pending']);
    made.time.pass(150);
    expect(made.findings()).toEqual(['dns-replica-failing coredns-1 firing']);
    made.tell(wellAtBoth);
    made.time.pass(120);
    expect([made.findings(), made.ended()]).toEqual([[], ['dns-replica-failing resolved']]);
  });

  it.each<readonly [string, Partial<DnsReport>]>([
    ['agents begin anew, and have asked it once', { lookups: [at(first, { sent: 1 }), at(second, { sent: 1 })] }],
    ['nobody asks it', { lookups: [at(second)] }],
  ])('is unknown while %s, and fires again when it is known', (_, report) => {
    const made = world(firstFails);
    made.time.pass(200);
    made.tell(report);
    made.time.pass(600);
    expect([made.findings(), made.ended()]).toEqual([['dns-replica-failing coredns-1 unknown'], []]);
    made.tell(firstFails);
    made.time.pass(60);
    expect([made.findings(), made.ended()]).toEqual([['dns-replica-failing coredns-1 firing'], []]);
  });

  it.each<readonly [string, Partial<DnsReport>, boolean]>([
    ['lookups are turned off', { lookups: [], lookupsOffBecause: 'they are turned off' }, true],
    ['its pod is not ready any more', { lookups: [at(second)] }, false],
  ])('is over where %s', (_, report, isReady) => {
    const made = world(firstFails);
    made.time.pass(200);
    made.tell(report);
    const [pod] = dnsSnapshot().pods ?? [];
    if (pod !== undefined) made.cluster.setPod({ ...pod, ready: isReady });
    made.time.pass(300);
    expect([made.findings().filter((text) => text.startsWith('dns-')), made.ended()]).toEqual([
      [],
      ['dns-replica-failing resolved'],
    ]);
  });

  it('is unknown while no agent is heard, and resolves by nothing', () => {
    const made = world(firstFails);
    made.time.pass(200);
    for (const node of made.nodes) node.killAgent();
    made.time.pass(3600);
    expect(made.findings()).toEqual(['dns-replica-failing coredns-1 unknown']);
  });
});

/** The check of the cluster of that id, changed. */
function changed(id: string, change: (check: ClusterCheck) => Partial<ClusterCheck>): ClusterCheck {
  const found = checks.find((check) => check.id === id);
  if (found?.scope !== 'cluster') throw new Error(`${id} is no check of the cluster`);
  return { ...found, ...change(found) };
}

describe('a check that holds nodes together', () => {
  it('is asked no more often than every five seconds, however much is reported, while it says nothing', () => {
    const asked: number[] = [];
    const counting = changed('dns-replica-failing', ({ evaluate }) => ({
      evaluate: (view) => {
        asked.push(made.time.now());
        return evaluate(view);
      },
    }));
    const made = world(wellAtBoth, [counting]);
    made.time.pass(600);
    const gaps = asked.slice(1).map((time, index) => time - (asked[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5000);
    expect(asked.length).toBeGreaterThan(50);
  });

  it('fires by what it said twice, and not by rounds between', () => {
    const made = world(firstFails, [changed('dns-replica-failing', () => ({ holdForSeconds: 0 }))]);
    made.time.pass(60);
    const [finding] = made.engine.findings();
    const [pendingAt, firedAt] = [finding?.pendingAt, finding?.firedAt].map((at) => Date.parse(at ?? ''));
    expect((firedAt ?? 0) - (pendingAt ?? 0)).toBeGreaterThanOrEqual(5000);
  });
});

describe('a check that throws', () => {
  let throws = false;
  const fails = <T>(said: T): T => {
    if (throws) throw new Error('no such thing');
    return said;
  };
  const defect = 'could not be judged, which is a defect of Plumbline: no such thing';

  it('leaves what nodes say together unknown, says so once, and takes nothing else along', () => {
    throws = false;
    const broken = changed('dns-replica-failing', ({ evaluate }) => ({ evaluate: (view) => fails(evaluate(view)) }));
    const made = world(firstFails, [...checks.filter(({ id }) => id !== broken.id), broken]);
    made.time.pass(200);
    throws = true;
    made.cluster.setSlices('kube-system/kube-dns', [slice('kube-system/kube-dns').port(53, 'dns', 'udp').built]);
    made.time.pass(400);
    expect(made.findings()).toEqual([
      'dns-replica-failing coredns-1 unknown',
      'service-selects-nothing kube-dns firing',
    ]);
    const because = `what the nodes say taken together ${defect}`;
    expect([made.engine.findings()[0]?.unknownBecause, made.errors]).toEqual([because, [because]]);
    throws = false;
    made.cluster.setSlices('kube-system/kube-dns', dnsSnapshot().endpointSlices ?? []);
    made.time.pass(60);
    expect(made.findings()).toEqual(['dns-replica-failing coredns-1 firing']);
  });

  it('leaves the node unknown that it was asked of, and judges the others', () => {
    throws = true;
    const found = checks.find(({ id }) => id === 'ip-forward-off');
    if (found?.scope !== 'node') throw new Error('it is a check of nodes');
    const evaluate = ({ name }: NodeView) => (name === 'node-a' ? fails([]) : []);
    const made = world(wellAtBoth, [{ ...found, needs: [], evaluate }]);
    made.time.pass(120);
    const states = () => made.engine.nodes().map(({ name, state }) => `${name} ${state}`);
    expect([states(), made.errors]).toEqual([['node-a unknown', 'node-b healthy'], [`the report of node-a ${defect}`]]);
    throws = false;
    made.time.pass(60);
    expect(states()).toEqual(['node-a healthy', 'node-b healthy']);
  });

  it("leaves what the API's objects say unknown, and goes on", () => {
    throws = false;
    const broken = changed('service-selects-nothing', ({ evaluate }) => ({
      evaluate: (view) => fails(evaluate(view)),
    }));
    const made = world(wellAtBoth, [broken]);
    made.cluster.setSlices('kube-system/kube-dns', [slice('kube-system/kube-dns').port(53, 'dns', 'udp').built]);
    made.time.pass(400);
    throws = true;
    made.cluster.setSlices('kube-system/kube-dns', dnsSnapshot().endpointSlices ?? []);
    made.time.pass(400);
    expect([made.findings(), made.errors]).toEqual([
      ['service-selects-nothing kube-dns unknown'],
      [`what the API's objects say ${defect}`],
    ]);
    throws = false;
    made.time.pass(400);
    expect(made.findings()).toEqual([]);
  });
});

describe('what the API says, and what nodes do, taken together', () => {
  it('cluster DNS without a replica is found where the nodes give it to pods', () => {
    const made = world(wellAtBoth);
    made.cluster.setSlices('kube-system/kube-dns', [slice('kube-system/kube-dns').port(53, 'dns', 'udp').built]);
    made.time.pass(150);
    made.time.pass(300);
    expect(made.findings()).toEqual(['dns-no-endpoints kube-dns firing', 'service-selects-nothing kube-dns firing']);
    const [cause, effect] = made.engine.findings();
    expect(effect?.parent).toBe(cause?.fingerprint);
  });

  it('is no matter where they give pods another server', () => {
    const kubelet = {
      file: 'config.yaml',
      clusterDns: [address('169.254.169.254')],
      clusterDomain: 'cluster.local',
      resolvConf: '/etc/resolv.conf',
      upstream: null,
    };
    const made = world({ kubelet });
    made.cluster.setSlices('kube-system/kube-dns', [slice('kube-system/kube-dns').port(53, 'dns', 'udp').built]);
    made.time.pass(600);
    expect(made.findings().filter((text) => text.startsWith('dns-'))).toEqual([]);
  });

  it("CoreDNS that forwards to itself is found by the kubelet's own file", () => {
    const upstream = { nameservers: [address('127.0.0.53')], search: [], ndots: 1, options: [] };
    const kubelet = {
      file: 'config.yaml',
      clusterDns: [address('10.96.0.10')],
      clusterDomain: 'cluster.local',
      resolvConf: '/etc/resolv.conf',
      upstream,
    };
    const made = world({ kubelet });
    const files = { Corefile: '.:53 {\n    loop\n    forward . /etc/resolv.conf\n}\n' };
    made.cluster.dns = [{ namespace: 'kube-system', name: 'coredns', files }];
    made.time.pass(150);
    expect(made.findings()).toEqual(['dns-forward-loop cluster DNS firing']);
  });
});
