/**
 * A real entry of the connection table that outlives its endpoint: it is found through the whole agent and audit, and
 * the printed command, run as it is printed, deletes it and lets the client go on.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConntrackReader } from '../../agent/collectors/conntrack.ts';
import { type Host, localHost } from '../../agent/host.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { staleConntrack } from '../../aggregator/checks/stale-conntrack.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import type { Finding } from '../../aggregator/model/finding.ts';
import { auditNodes } from '../../cli/audit/audit-nodes.ts';
import { cluster, node, service, type SliceBuilder, slice } from '../builders.ts';
import { iptablesProfile } from '../property/iptables-profile.ts';
import { writeRules } from '../property/rule-writer.ts';
import { printWritten } from '../property/written-rules.ts';
import { everyone, forwardTo, nodeView, objects, table } from '../view-builders.ts';
import { type Lab, localAddresses, nodeAddress, openLab } from './lab.ts';
import { labNode } from './lab-cluster.ts';
import { podRange } from './lab-rules.ts';
import { makeCounters } from './loaded-rules.ts';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, runIn, whyNotHere } from './namespaces.ts';
import { startSender, type SteadySender } from './steady-sender.ts';

const oldPod = '10.244.2.10';
const newPod = '10.244.2.11';

beforeAll(() => {
  const obstacle = whyNotHere(['iptables-nft-restore', 'nfacct', 'conntrack', 'sysctl', 'setpriv']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
});

/** Service lab/datagrams with these endpoints, at a cluster IP and a node port. */
function clusterWith(endpoints: (empty: SliceBuilder) => SliceBuilder): ClusterState {
  const datagrams = service('lab/datagrams').clusterIP('10.96.0.2').port(53, '', 'udp').nodePort(30_053);
  return cluster([datagrams], [endpoints(slice('lab/datagrams').port(5353, '', 'udp'))], [node(labNode, nodeAddress)]);
}

const before = clusterWith((empty) => empty.ready(oldPod));
const after = clusterWith((empty) => empty.ready(newPod));
const draining = clusterWith((empty) => empty.ready(newPod).terminating(oldPod));

/** Programs what kube-proxy programs for this cluster. Connections are left alone. */
function program(namespace: string, state: ClusterState): void {
  const settings = {
    nodeName: labNode,
    localAddresses,
    localDetector: { ipv4: podRange, ipv6: { kind: 'none' } },
    masqueradeAll: false,
  } as const;
  const { table: wanted, owners } = desiredState(state, {
    name: labNode,
    zone: null,
    profile: iptablesProfile(settings),
  });
  const rules = writeRules({ ...settings, table: wanted, owners, markBit: 14, localhostNodePorts: true }, 'ipv4');
  mustRunIn(namespace, 'iptables-nft-restore', [], printWritten(rules));
}

async function staleFindings(namespace: string, state: ClusterState): Promise<readonly Finding[]> {
  const get: Host['get'] = async (url) => ({ ok: false, kind: 'refused', message: `GET ${url}: connection refused` });
  const unknown = { podEvents: null, networkPolicies: null, foreignPolicies: null, dnsConfigurations: null };
  const known = { ...state, pods: null, namespaces: null, ...unknown };
  const { report } = await auditNodes([{ name: labNode, host: localHost({ netns: namespace, get }) }], known);
  return report.findings.filter(({ check }) => check === 'stale-conntrack');
}

function flowsTo(namespace: string, destination: string): string {
  return runIn(namespace, 'conntrack', ['-L', '-p', 'udp', '--orig-dst', destination]).stdout;
}

describe('a client that keeps sending from one port', () => {
  let lab: Lab;
  let sender: SteadySender | null = null;

  beforeAll(async () => {
    lab = await openLab('conntrack');
    makeCounters(lab.node);
    const pods = [oldPod, newPod].map((pod) => ({ protocol: 'udp' as const, address: pod, port: 5353 }));
    // Who gets to the service address untranslated is answered by it.
    await lab.listen('world', [...pods, { protocol: 'udp', address: '10.96.0.2', port: 53 }]);
  });

  afterEach(async () => {
    await sender?.stop();
    sender = null;
    runIn(lab.node, 'conntrack', ['-F']);
    mustRunIn(lab.node, 'iptables-nft-restore', [], '*nat\nCOMMIT\n*filter\nCOMMIT\n');
  });

  afterAll(async () => lab?.close());

  it.each([
    ['the cluster IP', '10.96.0.2', 53],
    ['a node port', nodeAddress, 30_053],
  ])('stays with an endpoint that is gone (%s), until the printed command is run', async (_, to, port) => {
    program(lab.node, before);
    sender = startSender(lab.node, to, port);
    expect(await sender.nextAnswer()).toBe(`${oldPod}:5353`);
    expect(await staleFindings(lab.node, before)).toEqual([]);

    program(lab.node, after);
    expect(await sender.nextAnswer()).toBe(`${oldPod}:5353`);
    const findings = await staleFindings(lab.node, after);
    expect(findings).toMatchObject([
      {
        severity: 'critical',
        subject: { kind: 'Service', namespace: 'lab', name: 'datagrams', port: '', protocol: 'udp' },
        summary: `${labNode} still sends 1 UDP flow of lab/datagrams/udp to ${oldPod}, where no endpoint of it serves.`,
        remediation: [
          { command: `conntrack -D -p udp --orig-dst ${to} --orig-port-dst ${port} --reply-src ${oldPod}` },
        ],
      },
    ]);
    // An endpoint that is going away and still serves keeps its flows.
    expect(await staleFindings(lab.node, draining)).toEqual([]);

    mustRunIn(lab.node, 'sh', ['-c', findings[0]?.remediation[0]?.command ?? '']);
    expect(await sender.nextAnswer()).toBe(`${newPod}:5353`);
    expect(flowsTo(lab.node, to)).not.toContain(oldPod);
    expect(await staleFindings(lab.node, after)).toEqual([]);
  });

  it('from before there were rules stays untranslated, until the printed command is run', async () => {
    sender = startSender(lab.node, '10.96.0.2', 53);
    // The first table of nat is what makes the kernel track connections.
    program(
      lab.node,
      clusterWith((empty) => empty),
    );
    mustRunIn(
      lab.node,
      'iptables-nft-restore',
      [],
      '*nat\nCOMMIT\n*filter\n-A INPUT -m conntrack --ctstate NEW\nCOMMIT\n',
    );
    expect(await sender.nextAnswer()).toBe('10.96.0.2:53');
    program(lab.node, after);
    expect(await sender.nextAnswer()).toBe('10.96.0.2:53');
    const findings = await staleFindings(lab.node, after);
    expect(findings.map(({ summary }) => summary)).toEqual([
      `${labNode} keeps 1 UDP flow of lab/datagrams/udp untranslated: begun before there were rules for it.`,
    ]);

    mustRunIn(lab.node, 'sh', ['-c', findings[0]?.remediation[0]?.command ?? '']);
    expect(await sender.nextAnswer()).toBe(`${newPod}:5353`);
    expect(await staleFindings(lab.node, after)).toEqual([]);
  });
});

describe('an entry of IPv6', () => {
  const dns = 'udp [fd00:10:96::a]:53';
  const serving = 'fd00:10:244:1::5';
  let namespace = '';

  beforeAll(() => {
    namespace = makeNamespace('conntrack6');
    for (const [backend, port] of [
      ['fd00:10:244:3::9', '41000'],
      [serving, '41001'],
    ] as const) {
      const client = ['-s', 'fd00:10:244:1::2', '-d', 'fd00:10:96::a', '--sport', port, '--dport', '53'];
      const reply = ['-r', backend, '-q', 'fd00:10:244:1::2', '--reply-port-src', '5353', '--reply-port-dst', port];
      const flow = ['-I', '-p', 'udp', ...client, ...reply, '-t', '120', '-u', 'SEEN_REPLY'];
      mustRunIn(namespace, 'conntrack', flow);
    }
  });

  afterAll(() => removeNamespace(namespace));

  async function violations() {
    const rows = [[dns, everyone(forwardTo(`[${serving}]:5353`))]] as const;
    const clock = { now: () => new Date('2026-11-22T10:00:00Z'), monotonicMs: () => 0 };
    const reader = new ConntrackReader(localHost({ netns: namespace }), clock);
    const conntrack = await reader.read({ table: table(rows), localAddresses: [] });
    const kubeDns = service('kube-system/kube-dns').clusterIP('fd00:10:96::a').port(53, 'dns', 'udp').built;
    const endpoints = slice('kube-system/kube-dns').port(5353, 'dns', 'udp').ready(serving).built;
    const view = nodeView({
      desired: rows,
      observed: rows,
      owners: { [dns]: 'kube-system/kube-dns:dns' },
      objects: objects({ services: [kubeDns], endpointSlices: [endpoints] }),
      parts: { conntrack },
    });
    return staleConntrack.evaluate(view);
  }

  it('is deleted by the printed command, and the one to a serving endpoint stays', async () => {
    const [violation, ...others] = await violations();
    expect(others).toEqual([]);
    mustRunIn(namespace, 'sh', ['-c', violation?.remediation[0]?.command ?? '']);
    expect(await violations()).toEqual([]);
    const left = mustRunIn(namespace, 'conntrack', ['-L', '-f', 'ipv6', '-p', 'udp']);
    expect([left.includes(serving), left.includes('fd00:10:244:3::9')]).toEqual([true, false]);
  });
});

describe('an agent without NET_ADMIN', () => {
  it('is told that flows are not permitted, and is not shown an empty list', () => {
    const from = (path: string) => JSON.stringify(join(import.meta.dirname, '../../agent', path));
    const script = `
      import { readUdpFlows } from ${from('collectors/conntrack-flows.ts')};
      import { localHost } from ${from('host.ts')};
      const filter = { ports: new Set([53]), wants: () => true };
      console.log(JSON.stringify(await readUdpFlows(localHost(), filter, 1)));
    `;
    const node = [process.execPath, '--input-type=module', '-e', script];
    const { stdout } = spawnSync('setpriv', ['--bounding-set=-net_admin', ...node], { encoding: 'utf8' });
    const message = expect.stringMatching(/^not permitted: conntrack ended with code 1: .*; .*: NET_ADMIN is lacking$/);
    expect(JSON.parse(stdout)).toEqual({ ok: false, message });
  });
});
