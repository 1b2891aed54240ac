/**
 * The agent has exactly what it needs: with the chart's rights it reads all, with one of them less the aggregator calls
 * `unknown: not permitted` what cannot be read then, and nothing healthy, missing or stale.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NodeJson } from '../../aggregator/http/schemas/node.ts';
import { type Cluster, type NodeName, nodeNames, openCluster } from '../e2e/cluster.ts';
import type { KernelNode } from '../e2e/kernel-node.ts';
import type { Program } from '../e2e/programs.ts';
import { until } from '../e2e/until.ts';
import { recordingFolder } from '../recordings.ts';
import { chartRights, type ContainerRights, containerOf, rightsOf } from './chart-container.ts';
import { trackFlow } from './loaded-rules.ts';
import { mustRunIn, removeAbandoned, whyNotHere } from './namespaces.ts';
import { type NftablesNode, openNftablesNode } from './nftables-node.ts';

const checkout = join(import.meta.dirname, '../..');
const chart = chartRights();
const api = join(recordingFolder('s1-healthy'), 'api');

function without(...names: readonly string[]): ContainerRights {
  return { ...chart, capabilities: chart.capabilities.filter((name) => !names.includes(name)) };
}

/** node-a has its rules in iptables-nft, node-b in iptables-legacy. */
interface Situation {
  readonly name: string;
  readonly rights: ContainerRights;
  /** What the agent has of them where that is less: added capabilities count for root only. */
  readonly has?: ContainerRights;
  /** Why a node is unknown, past `not permitted: `; null = it is healthy. */
  readonly expected: { readonly [node in NodeName]: string | null };
}

const wanted = 'reading a node takes user 0 with the capabilities NET_ADMIN and NET_RAW';
const nftRefused = 'nft was refused';
const legacyRefused = 'iptables-legacy-save was refused';
const noAdmin = `${nftRefused}; ${wanted}: NET_ADMIN is lacking`;
const noRaw = `${legacyRefused}; ${wanted}: NET_RAW is lacking`;
const nothing = `${nftRefused}; ${wanted}: NET_ADMIN is lacking, NET_RAW is lacking`;
const nobody = `${nftRefused}; ${wanted}: it is user 65534, NET_ADMIN is lacking, NET_RAW is lacking`;
const withChart = { name: 'as the chart has it', rights: chart, expected: { 'node-a': null, 'node-b': null } };

const situations: readonly Situation[] = [
  withChart,
  { name: 'without NET_ADMIN', rights: without('NET_ADMIN'), expected: { 'node-a': noAdmin, 'node-b': noAdmin } },
  { name: 'without NET_RAW', rights: without('NET_RAW'), expected: { 'node-a': null, 'node-b': noRaw } },
  {
    name: 'as the chart has it with agent.privileges: none',
    rights: chartRights({ 'agent.privileges': 'none' }),
    expected: { 'node-a': nothing, 'node-b': nothing },
  },
  {
    name: 'as another user',
    rights: { ...chart, user: 65534 },
    has: { user: 65534, capabilities: [] },
    expected: { 'node-a': nobody, 'node-b': nobody },
  },
];

let cluster: Cluster<KernelNode>;
let shown = '';
let agents: readonly Program[] = [];

beforeAll(async () => {
  const obstacle = whyNotHere([
    ...['iptables-nft-restore', 'iptables-legacy-restore', 'nft', 'nfacct', 'ipset', 'conntrack'],
    ...['setpriv', 'mount'],
  ]);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  cluster = await openCluster({ name: 'rights', nodes: 'kernel' });
  shown = join(cluster.folder, 'checkout');
  mkdirSync(shown);
  chmodSync(cluster.folder, 0o755);
  for (const { companions, folder } of Object.values(cluster.nodes)) {
    for (const { name, command } of companions) cluster.start(name, command, folder);
  }
  nftablesNode = openNftablesNode(cluster, 'rights');
  // A UDP flow, and a set of somebody else.
  trackFlow(nftablesNode.namespace);
  mustRunIn(nftablesNode.namespace, 'ipset', ['create', 'others', 'hash:ip']);
});

let nftablesNode: NftablesNode;

/** A new one each time: it knows of no reading but those that are coming, and counts the streams of a node. */
async function startAggregator(): Promise<void> {
  cluster.startAggregator();
  await until({ what: 'the aggregator', seconds: 40, look: () => cluster.client.nodes(), met: () => true });
  for (const name of nodeNames) chmodSync(socketOf(name), 0o777);
}

afterEach(async () => {
  await Promise.all([...agents.map((agent) => agent.end('SIGKILL')), cluster.endAggregator('SIGKILL')]);
  agents = [];
});

afterAll(async () => {
  await cluster?.close();
  nftablesNode?.remove();
});

function socketOf(node: NodeName): string {
  return join(cluster.folder, `${node}.sock`);
}

/** What stands before a command of a node. */
function enterOf(node: NodeName | 'node-c'): readonly string[] {
  return node === 'node-c' ? nftablesNode.enter : cluster.nodes[node].enter;
}

/** A command of a node, in a container with these rights. */
function contained(node: NodeName | 'node-c', rights: ContainerRights, words: readonly string[]): readonly string[] {
  return [...enterOf(node), ...containerOf(rights, { from: checkout, as: shown }), ...words];
}

function plumblineOf(node: NodeName | 'node-c', rights: ContainerRights, args: readonly string[]): readonly string[] {
  return contained(node, rights, [join(shown, 'bin/plumbline'), ...args]);
}

async function expectFound({ name, rights, has = rights, expected }: Situation): Promise<void> {
  await startAggregator();
  agents = nodeNames.map((node) => {
    const args = ['agent', '--node-name', node, '--aggregator', `unix:${socketOf(node)}`, '--dial-spread', '0'];
    return cluster.start(`agent of ${node} ${name}`, plumblineOf(node, rights, args));
  });
  const told = Object.fromEntries(nodeNames.map((node) => [node, reasonsOf(expected[node])]));
  try {
    await until({
      what: `the nodes to be read ${name}`,
      seconds: 20,
      look: () => cluster.client.nodes(),
      met: (nodes) =>
        nodes.every(
          ({ name: node, lastReadingAt, unknownBecause }) =>
            lastReadingAt !== null && `${unknownBecause.map(inOurWords)}` === `${told[node]}`,
        ),
    });
  } catch (cause) {
    throw new Error(cluster.logs(), { cause });
  }
  expect(agents.map(({ pid }) => rightsOf(pid))).toEqual([has, has]);
  const nodes = await cluster.client.nodes();
  const states = nodeNames.map((node) => (expected[node] === null ? 'healthy' : 'unknown'));
  expect(nodes.map(({ state }) => state)).toEqual(states);
  expect(nodes.map(({ frontends }) => frontends.total > 0)).toEqual(states.map((state) => state === 'healthy'));
  expect(nodes.map(({ frontends }) => frontends.drifted)).toEqual([0, 0]);
  expect(nodes.flatMap(({ layers }) => refusedBelow(layers))).toEqual([]);
  const ofNodes = (await cluster.client.findings()).filter(({ node }) => node !== null);
  expect(ofNodes).toEqual([]);
}

/**
 * What could not be read of pods' interfaces and of the ways between nodes. None of it takes a capability; CNI files there
 * are none on these nodes.
 */
function refusedBelow(layers: NodeJson['layers']): readonly string[] {
  const below = layers.filter(({ layer }) => layer === 'L1' || layer === 'L2');
  if (below.length !== 2) throw new Error(`a node tells of ${below.length} layers below Services`);
  return below.flatMap(({ state, because }) =>
    state === 'unknown' ? because : because.filter((why) => /links|routes|neighbours|networkSettings/.test(why)),
  );
}

/** Without what a program of some version says when it is refused. */
function inOurWords(text: string): string {
  return text.replace(/ended with code \d+: [^;]*(Permission denied|Operation not permitted)[^;]*/, 'was refused');
}

/** The rules could not be read, nor could traces of proxies be looked for, for the same reason; all else was. */
function reasonsOf(refused: string | null): readonly string[] {
  return refused === null ? [] : [`iptables: not permitted: ${refused}`];
}

describe('the agent', () => {
  it.each(situations)('$name', async (situation) => expectFound(situation));

  describe('on a node with rules in iptables-nft, and a firewall of somebody else in iptables-legacy', () => {
    beforeAll(() => {
      const { enter } = cluster.nodes['node-a'];
      const rule = ['-A', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'DROP'];
      mustRunIn(enter.at(-1) ?? '', 'iptables-legacy', rule);
    });

    it('as the chart has it', async () => expectFound(withChart));

    it('without NET_RAW: half of the rules are not taken for all of them', async () =>
      expectFound({
        name: 'without NET_RAW, both backends',
        rights: without('NET_RAW'),
        expected: { 'node-a': noRaw, 'node-b': noRaw },
      }));
  });
});

describe('a program that is refused fails, instead of printing nothing', () => {
  const nft = ['nft list flowtables', 'iptables-nft-save', 'ip6tables-nft-save'];
  const legacy = ['iptables-legacy-save', 'ip6tables-legacy-save'];
  const others = ['nft -s list table ip kube-proxy', 'conntrack -L -f ipv4 -p udp -o extended', 'ipset save'];

  it.each([
    ...nft.map((line) => ({ node: 'node-a', line, lacking: 'NET_ADMIN' }) as const),
    ...legacy.map((line) => ({ node: 'node-b', line, lacking: 'NET_ADMIN' }) as const),
    ...legacy.map((line) => ({ node: 'node-b', line, lacking: 'NET_RAW' }) as const),
    ...others.map((line) => ({ node: 'node-c', line, lacking: 'NET_ADMIN' }) as const),
  ])('$line without $lacking', ({ node, line, lacking }) => {
    const run = (rights: ContainerRights) => {
      const [program = '', ...args] = contained(node, rights, line.split(' '));
      const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
      return { succeeds: status === 0, prints: stdout !== '' };
    };
    expect(run(chart)).toEqual({ succeeds: true, prints: true });
    expect(run(without(lacking))).toEqual({ succeeds: false, prints: false });
  });
});

describe('an audit of the node it runs on', () => {
  function audit(node: 'node-b' | 'node-c', rights: ContainerRights) {
    const args = ['audit', '--live', '--api', api, '--node', node, '-o', 'json'];
    const [program = '', ...words] = plumblineOf(node, rights, args);
    const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
    return { status, stdout, stderr: inOurWords(stderr) };
  }

  it.each([
    ['node-b', 'the rights of the chart', chart],
    ['node-c', 'the rights of the chart', chart],
    // In nftables mode there is no table of iptables-legacy.
    ['node-c', 'NET_ADMIN alone', without('NET_RAW')],
  ] as const)('%s is healthy with %s', (node, _, rights) => {
    const { status, stdout, stderr } = audit(node, rights);
    // What is told of the recorded Services themselves is told on any node.
    expect([status, stderr]).toEqual([1, '']);
    const { nodes, findings } = JSON.parse(stdout);
    expect(nodes).toEqual([expect.objectContaining({ name: node, state: 'healthy' })]);
    expect(findings.filter((finding: { readonly node: string | null }) => finding.node !== null)).toEqual([]);
  });

  it('refuses without one of them, and says which', () => {
    const advice = 'It takes root, iptables and nft.';
    const refusal = (why: string) => ({
      status: 2,
      stdout: '',
      stderr: `plumbline: cannot audit this machine: not permitted: ${why}\n${advice}\n`,
    });
    expect(audit('node-b', without('NET_RAW'))).toEqual(refusal(noRaw));
    expect(audit('node-b', without('NET_ADMIN'))).toEqual(refusal(noAdmin));
    expect(audit('node-c', without('NET_ADMIN'))).toEqual(refusal(noAdmin));
  });
});
