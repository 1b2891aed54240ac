/** `plumbline snapshot --live` of a node whose rules are in a kernel: its audit is that of the machine itself. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditBundle } from '../../cli/audit/audit-bundle.ts';
import type { AuditReport } from '../../cli/audit/report.ts';
import { type Cluster, openCluster } from '../e2e/cluster.ts';
import type { KernelNode } from '../e2e/kernel-node.ts';
import { plumbline } from '../e2e/programs.ts';
import { until } from '../e2e/until.ts';
import { recordingFolder } from '../recordings.ts';
import { trackFlow } from './loaded-rules.ts';
import { mustRunIn, removeAbandoned, whyNotHere } from './namespaces.ts';
import { type NftablesNode, openNftablesNode } from './nftables-node.ts';

const api = join(recordingFolder('s1-healthy'), 'api');

let cluster: Cluster<KernelNode>;
let nftables: NftablesNode;

beforeAll(async () => {
  const obstacle = whyNotHere([
    ...['iptables-nft-restore', 'iptables-legacy-restore', 'nft', 'nfacct', 'conntrack'],
    ...['setpriv', 'kill'],
  ]);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  cluster = await openCluster({ name: 'raw', nodes: 'kernel' });
  for (const { companions, folder } of Object.values(cluster.nodes)) {
    for (const { name, command } of companions) cluster.start(name, command, folder);
  }
  nftables = openNftablesNode(cluster, 'raw');
  trackFlow(nftables.namespace);
  // A node that does not forward is found to be out of order.
  mustRunIn(nftables.namespace, 'sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
});
afterAll(async () => {
  await cluster?.close();
  nftables?.remove();
});

const nodes = ['node-a', 'node-b', 'node-c'] as const;

function enterOf(node: (typeof nodes)[number]): readonly string[] {
  return node === 'node-c' ? nftables.enter : cluster.nodes[node].enter;
}

/** Runs a command on a node, to its end. */
function onNode(node: (typeof nodes)[number], args: readonly string[]) {
  const [program = '', ...words] = [...enterOf(node), plumbline, ...args, '--live', '--api', api, '--node', node];
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return { status, stdout, stderr };
}

/** The audit of a bundle, as one node's. */
async function auditOf(bundle: string, node: string) {
  const outcome = await auditBundle({ bundle, api: null, over: null });
  if (!outcome.ok) throw new Error(outcome.refusal.cameBack);
  const { report } = outcome.value;
  return { ...report, nodes: report.nodes.filter(({ name }) => name === node) };
}

describe('a snapshot of this machine', () => {
  it.each(nodes)('is audited as the machine itself: %s', async (node) => {
    if (node !== 'node-c') {
      // Something to be found: a Service loses a way to an endpoint.
      const [rule = ''] = /^-A KUBE-SVC-\w+ .*$/m.exec(cluster.nodes[node].rules()) ?? [];
      cluster.nodes[node].deleteRule(rule);
    }
    const out = join(cluster.folder, `raw-${node}.tar.gz`);
    const { status, stderr } = onNode(node, ['snapshot', '--out', out]);
    expect([status, stderr]).toEqual([0, '']);
    const live = JSON.parse(onNode(node, ['audit', '-o', 'json']).stdout) as AuditReport;
    expect(await auditOf(out, node)).toEqual(live);
    const [told] = live.nodes;
    expect([told?.name, (told?.frontends.inSync ?? 0) > 50]).toEqual([node, true]);
    const ofNode = live.findings.filter((finding) => finding.node === node);
    expect(ofNode.length > 0).toBe(node !== 'node-c');
  });

  it('is for its owner alone', () => {
    expect(statSync(join(cluster.folder, 'raw-node-a.tar.gz')).mode & 0o777).toBe(0o600);
  });

  it('that is ended early leaves nothing', async () => {
    const out = join(cluster.folder, 'never');
    const staged = () => readdirSync(cluster.folder).filter((name) => name.startsWith('.plumbline-snapshot-'));
    const words = ['snapshot', '--live', '--api', api, '--node', 'node-b', '--out', out];
    const taking = cluster.start('early', [...enterOf('node-b'), plumbline, ...words]);
    await until({
      what: 'the snapshot to be begun',
      seconds: 20,
      look: async () => staged(),
      met: (seen) => seen.length > 0,
    });
    expect(await taking.end('SIGTERM')).toBe(143);
    expect([staged(), existsSync(out)]).toEqual([[], false]);
  });
});
