/**
 * The root of the agent's image, as Dockerfile.agent has it made: its programs and its one file read real rules there,
 * with the chart's rights, and there is nothing beside them to run.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastOf, stagesOf } from '../chart/dockerfile.ts';
import { type Cluster, nodeNames, openCluster } from '../e2e/cluster.ts';
import type { KernelNode } from '../e2e/kernel-node.ts';
import { recordingFolder } from '../recordings.ts';
import { chartRights, imageOf } from './chart-container.ts';
import { removeAbandoned, whyNotHere } from './namespaces.ts';
import { type NftablesNode, openNftablesNode } from './nftables-node.ts';

const checkout = join(import.meta.dirname, '../..');
const api = join(recordingFolder('s1-healthy'), 'api');
const rights = chartRights();
const place = mkdtempSync(join(tmpdir(), 'plumbline-test-image-'));
const root = join(place, 'root');

const dockerfile = stagesOf(readFileSync(join(checkout, 'Dockerfile.agent'), 'utf8')).at(-1);
const entry: readonly string[] = dockerfile === undefined ? [] : JSON.parse(lastOf(dockerfile, 'ENTRYPOINT'));

let cluster: Cluster<KernelNode>;
const opened: NftablesNode[] = [];

function build(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: checkout, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
}

beforeAll(async () => {
  const needed = ['iptables-nft-restore', 'iptables-legacy-restore', 'nft', 'nfacct', 'tini', 'ipvsadm', 'chroot'];
  const obstacle = whyNotHere(needed);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  build('scripts/image-root.ts', 'agent', root);
  build('scripts/build.js', join(place, 'dist'));
  for (const file of ['package.json', 'agent.js']) cpSync(join(place, 'dist', file), join(root, 'app', file));
  // No part of the image: what it asks of a node it asks with the image's programs.
  cpSync(join(place, 'dist/plumbline.js'), join(root, 'app/plumbline.js'));
  cluster = await openCluster({ name: 'image', nodes: 'kernel' });
  chmodSync(cluster.folder, 0o755);
});

afterAll(async () => {
  await cluster?.close();
  for (const node of opened) node.remove();
  rmSync(place, { recursive: true, force: true });
});

describe("the agent's image", () => {
  it('reads nodes in both backends of iptables with the rights of the chart, and they are healthy', async () => {
    for (const { companions, folder } of Object.values(cluster.nodes)) {
      for (const { name, command } of companions) cluster.start(name, command, folder);
    }
    cluster.startAggregator();
    const agents = nodeNames.map((node) => {
      const options = ['--node-name', node, '--aggregator', `unix:/run/${node}.sock`, '--dial-spread', '0'];
      const container = imageOf(rights, { root, shown: cluster.folder });
      return cluster.start(`image on ${node}`, [...cluster.nodes[node].enter, ...container, ...entry, ...options]);
    });
    await cluster.untilHealthy();
    expect(await Promise.all(agents.map((agent) => agent.end('SIGTERM')))).toEqual(agents.map(() => 0));
  });

  it('reads a node in nftables mode: protocols have their names', () => {
    const node = openNftablesNode(cluster, 'image');
    opened.push(node);
    const audit = [
      '/usr/bin/node',
      '/app/plumbline.js',
      'audit',
      '--live',
      '--api',
      '/run',
      '--node',
      'node-c',
      '-o',
      'json',
    ];
    const [program = '', ...args] = [...node.enter, ...imageOf(rights, { root, shown: api }), ...audit];
    const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { PATH: process.env.PATH } });
    expect(stderr).toBe('');
    const { nodes, findings } = JSON.parse(stdout);
    expect(nodes).toEqual([
      {
        name: 'node-c',
        mode: 'nftables',
        state: 'healthy',
        frontends: { total: 64, inSync: 64, drifted: 0, unknown: 0 },
      },
    ]);
    expect(findings.filter((finding: { readonly node: string | null }) => finding.node !== null)).toEqual([]);
  });

  it('has no shell, no package manager, no interpreter but Node', () => {
    const strangers = ['sh', 'bash', 'dash', 'env', 'perl', 'python3', 'apt-get', 'dpkg', 'busybox', 'mount', 'kmod'];
    const there = strangers.filter((name) =>
      ['bin', 'sbin'].some((folder) => existsSync(join(root, 'usr', folder, name))),
    );
    expect(there).toEqual([]);
  });
});
