/**
 * Probes between real kernels' network stacks: two nodes at one switch, each an agent's prober and listener in a namespace
 * of its own. What is lost is lost by the kernel.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { ProbeResult, ProbesReport } from '../../proto/parts.ts';
import { plumbline, Program } from '../e2e/programs.ts';
import { until } from '../e2e/until.ts';
import { ipIn, joinNode, openSwitch, portOf, type Switch, uplinkAddress } from './lab-switch.ts';
import { mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';
import type { PeerAnswer } from './probe-peer.ts';
import { hasty, ProbingPeer } from './probing-peer.ts';

const port = 9469;
const ranges = '192.168.100.0/24,fd00:100::/64';

let between: Switch | null = null;
let folder = '';
const peers: ProbingPeer[] = [];
const nodes: string[] = [];

beforeEach(() => {
  const obstacle = whyNotHere(['ip', 'nft', 'ss', 'sysctl']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  folder = mkdtempSync(join(tmpdir(), 'plumbline-probes-'));
  between = openSwitch('probes');
  for (const number of [1, 2]) {
    const namespace = joinNode(between, 'probes', number);
    ipIn(namespace, [`addr add ${sixthAddress(number)}/64 dev eth0 nodad`]);
    nodes.push(namespace);
  }
});

afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.end()));
  for (const namespace of nodes.splice(0)) removeNamespace(namespace);
  between?.close();
  rmSync(folder, { recursive: true, force: true });
});

function sixthAddress(number: number): string {
  return `fd00:100::1${number}`;
}

function namespaceOf(number: number): string {
  const namespace = nodes[number - 1];
  if (namespace === undefined) throw new Error(`no node ${number}`);
  return namespace;
}

function peerAt(number: number, haste = hasty): ProbingPeer {
  const peer = new ProbingPeer(namespaceOf(number), { ranges, haste });
  peers.push(peer);
  return peer;
}

function targetAt(number: number, other: Partial<wire.Target> = {}): wire.Target {
  const target = { node: `node-${number}`, address: uplinkAddress(number), port, protocol: 'udp', by: 'node' };
  return { ...target, packetBytes: 1500, ...other };
}

/** Both nodes probe each other by IPv4. */
async function bothProbing(): Promise<readonly [ProbingPeer, ProbingPeer]> {
  const [one, two] = [peerAt(1), peerAt(2)];
  await one.do({ do: 'stand', addresses: [uplinkAddress(1)], targets: [targetAt(2)] });
  await two.do({ do: 'stand', addresses: [uplinkAddress(2)], targets: [targetAt(1)] });
  return [one, two];
}

/** `small 3/3`, `full 0/3 EMSGSIZE`. */
function inShort({ size, answered, sent, error }: ProbeResult): string {
  return `${size} ${answered}/${sent}${error === null ? '' : ` ${error}`}`;
}

/** What was heard in both sizes, one of them, or neither: `192.168.100.11 small full`. */
function heardBy({ heard }: ProbesReport): readonly string[] {
  return heard.first.map(({ from, small, full }) =>
    [from, small ? 'small' : '', full ? 'full' : ''].join(' ').trimEnd(),
  );
}

async function untilReported(peer: ProbingPeer, expected: readonly string[]): Promise<ProbesReport> {
  return await until({
    what: `probes to come to ${expected.join(', ')}`,
    seconds: 20,
    look: () => peer.report(),
    met: ({ results }) => JSON.stringify(results.map(inShort)) === JSON.stringify(expected),
  });
}

/** What was not answered is logged once a minute. */
async function untilDropped(peer: ProbingPeer): Promise<PeerAnswer> {
  return await until({
    what: 'the dropped to be logged',
    seconds: 10,
    look: () => peer.do({ do: 'report' }),
    met: ({ dropped }) => dropped !== null,
  });
}

function filter(number: number, rule: string): void {
  const lines = ['add table inet lab', 'add chain inet lab in { type filter hook prerouting priority -300; }'];
  mustRunIn(namespaceOf(number), 'nft', ['-f', '-'], `${[...lines, `add rule inet lab in ${rule}`].join('\n')}\n`);
}

describe('probes between two nodes', () => {
  it('of both sizes are answered, by IPv4 and IPv6, at the address that was asked', async () => {
    const [one, two] = [peerAt(1), peerAt(2)];
    const third = '192.168.100.62';
    ipIn(namespaceOf(2), [`addr add ${third}/24 dev eth0`]);
    const addresses = [uplinkAddress(2), third, sixthAddress(2)];
    await two.do({ do: 'stand', addresses, targets: [] });
    const targets = addresses.map((address) => targetAt(2, { address }));
    await one.do({ do: 'stand', addresses: [uplinkAddress(1), sixthAddress(1)], targets });
    const report = await untilReported(one, Array(3).fill(['full 3/3', 'small 3/3']).flat());
    expect(report.results.map(({ address, packetBytes }) => `${address} ${packetBytes}`)).toEqual([
      ...['192.168.100.12 1500', '192.168.100.12 92', '192.168.100.62 1500', '192.168.100.62 92'],
      ...['fd00:100::12 1500', 'fd00:100::12 112'],
    ]);
    const told = await two.report();
    expect(told.listening).toEqual([uplinkAddress(2), third, sixthAddress(2)]);
    expect(told.heard).toEqual({
      total: 3,
      first: [
        { from: uplinkAddress(1), to: uplinkAddress(2), small: true, full: true },
        { from: uplinkAddress(1), to: third, small: true, full: true },
        { from: sixthAddress(1), to: sixthAddress(2), small: true, full: true },
      ],
    });
  });

  it('are not cut on their way, large or small', async () => {
    const counted = [
      'ip saddr 192.168.100.11 ip frag-off & 0x4000 != 0',
      'ip saddr 192.168.100.11 ip frag-off & 0x4000 == 0',
    ];
    for (const match of counted) filter(2, `udp dport ${port} ${match} counter`);
    const [one] = await bothProbing();
    await untilReported(one, ['full 3/3', 'small 3/3']);
    const rules = mustRunIn(namespaceOf(2), 'nft', ['list', 'chain', 'inet', 'lab', 'in']);
    const packets = [...rules.matchAll(/packets (\d+)/g)].map(([, count]) => Number(count));
    expect(packets[0]).toBeGreaterThanOrEqual(6);
    expect(packets[1]).toBe(0);
  });

  it('where one direction is broken, are heard on one side alone', async () => {
    filter(2, 'ip saddr 192.168.100.11 drop');
    const [one, two] = await bothProbing();
    await untilReported(one, ['full 0/3', 'small 0/3']);
    await untilReported(two, ['full 0/3', 'small 0/3']);
    expect(heardBy(await one.report())).toEqual(['192.168.100.12 small full']);
    expect(heardBy(await two.report())).toEqual([]);
  });

  it('where large packets are lost and nobody says so, are answered when they are small', async () => {
    if (between === null) throw new Error('no switch');
    ipIn(
      between.namespace,
      [1, 2].map((number) => `link set ${portOf(number)} mtu 1400`),
    );
    const [one, two] = await bothProbing();
    await untilReported(one, ['full 0/3', 'small 3/3']);
    await untilReported(two, ['full 0/3', 'small 3/3']);
    expect(heardBy(await two.report())).toEqual(['192.168.100.11 small']);
  });

  it('say by what name they fail where something tells', async () => {
    ipIn(namespaceOf(1), ['route add unreachable 192.168.100.12/32']);
    const [one, two] = await bothProbing();
    await untilReported(one, ['full 0/3 EHOSTUNREACH', 'small 0/3 EHOSTUNREACH']);
    await two.end();
    ipIn(namespaceOf(1), ['route del unreachable 192.168.100.12/32']);
    await untilReported(one, ['full 0/3 ECONNREFUSED', 'small 0/3 ECONNREFUSED']);
  });

  it('are over when the address is gone, and come back with it', async () => {
    const [one, two] = await bothProbing();
    await untilReported(one, ['full 3/3', 'small 3/3']);
    await two.do({ do: 'stand', addresses: [], targets: [] });
    expect((await two.report()).listening).toEqual([]);
    await untilReported(one, ['full 0/3 ECONNREFUSED', 'small 0/3 ECONNREFUSED']);
    await two.do({ do: 'stand', addresses: [uplinkAddress(2)], targets: [] });
    await untilReported(one, ['full 3/3', 'small 3/3']);
  });

  it('connect to a pod that takes part, and send it nothing', async () => {
    const one = peerAt(1);
    const pod = spawn('ip', ['netns', 'exec', namespaceOf(2), process.execPath, '-e', countingServer], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const lines = createInterface({ input: pod.stdout })[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe('listening');
      const target = targetAt(2, { port: 8080, protocol: 'tcp', by: 'pod', packetBytes: 0 });
      const closed = targetAt(2, { port: 8081, protocol: 'tcp', by: 'pod', packetBytes: 0 });
      await one.do({ do: 'stand', addresses: [uplinkAddress(1)], targets: [target, closed] });
      await untilReported(one, ['small 3/3', 'small 0/3 ECONNREFUSED']);
      expect((await lines.next()).value).toBe('closed after 0 bytes');
    } finally {
      pod.kill('SIGKILL');
    }
  });
});

const countingServer = `
  require('node:net').createServer((socket) => {
    let bytes = 0;
    socket.on('data', (piece) => (bytes += piece.length));
    socket.on('close', () => console.log('closed after ' + bytes + ' bytes'));
    socket.on('error', () => {});
  }).listen(8080, () => console.log('listening'));
`;

describe('what is not meant well', () => {
  it('is answered by nothing larger, ten times a second at most', async () => {
    // In no haste: what may be answered in a second is what is counted here.
    const [one, two] = [peerAt(1, 1), peerAt(2, 1)];
    await two.do({ do: 'stand', addresses: [uplinkAddress(2)], targets: [] });
    const startedMs = performance.now();
    const { flood } = await one.do({ do: 'flood', to: uplinkAddress(2), from: uplinkAddress(1), count: 10_000 });
    if (flood === null) throw new Error('nothing was sent');
    const seconds = (performance.now() - startedMs) / 1000;
    expect(flood.sent).toBe(10_000);
    expect(flood.receivedBytes).toBe(flood.received * 200);
    expect(flood.received).toBeGreaterThanOrEqual(10);
    expect(flood.received).toBeLessThanOrEqual(10 * (Math.ceil(seconds) + 1));
  });

  it('from outside of the ranges is not answered at all, and is counted', async () => {
    ipIn(namespaceOf(1), ['addr add 203.0.113.1/24 dev eth0']);
    ipIn(namespaceOf(2), ['addr add 203.0.113.2/24 dev eth0']);
    const [one, two] = [peerAt(1), peerAt(2)];
    await two.do({ do: 'stand', addresses: [uplinkAddress(2), '203.0.113.2'], targets: [] });
    const { flood } = await one.do({ do: 'flood', to: uplinkAddress(2), from: '203.0.113.1', count: 1_000 });
    expect(flood).toMatchObject({ sent: 1_000, received: 0 });
    const { report, dropped } = await untilDropped(two);
    expect(report).toMatchObject({ listening: [uplinkAddress(2)], heard: { total: 0, first: [] } });
    expect(dropped).toMatchObject({ port, misshapen: 0, tooMany: 0 });
  });

  it('from a node is counted as well', async () => {
    const [one, two] = [peerAt(1), peerAt(2)];
    await two.do({ do: 'stand', addresses: [uplinkAddress(2)], targets: [] });
    await one.do({ do: 'flood', to: uplinkAddress(2), from: uplinkAddress(1), count: 1_000 });
    const { dropped } = await untilDropped(two);
    expect(dropped).toMatchObject({ port, strangers: 0, misshapen: expect.any(Number) });
  });

  it('counts for no answer: another nonce, another length, the question itself, noise', async () => {
    const [one, two] = [peerAt(1), peerAt(2)];
    await two.do({ do: 'lie', at: uplinkAddress(2) });
    await one.do({ do: 'stand', addresses: [uplinkAddress(1)], targets: [targetAt(2)] });
    await untilReported(one, ['full 0/3', 'small 0/3']);
  });

  it('cannot make an agent send more than ten a second', async () => {
    filter(2, 'ip saddr 192.168.100.11 meta l4proto udp counter');
    const one = peerAt(1, 1);
    await one.do({ do: 'stand', addresses: [uplinkAddress(1)], targets: [] });
    const targets = Array.from({ length: 1_000 }, (_, index) => targetAt(2, { node: `node-${index}` }));
    const startedMs = performance.now();
    const { report } = await one.do({ do: 'command', targets, times: 400 });
    const seconds = (performance.now() - startedMs) / 1000;
    expect(report).toMatchObject({ refusedTargets: 936, refusals: ['more than 64 targets at a time'] });
    const rules = mustRunIn(namespaceOf(2), 'nft', ['list', 'chain', 'inet', 'lab', 'in']);
    const packets = Number(/packets (\d+)/.exec(rules)?.[1]);
    expect(packets).toBeGreaterThan(10);
    expect(packets).toBeLessThanOrEqual(10 * (seconds + 1));
  });
});

describe('an agent', () => {
  it.each([
    ['all', [`192.168.100.11:${port}`, `[fd00:100::11]:${port}`]],
    ['none', []],
  ])('with --probes %s listens at %j', async (probes, expected) => {
    const options = [
      '--node-name',
      'node-1',
      '--aggregator',
      `unix:${join(folder, 'nobody.sock')}`,
      '--dial-spread',
      '0',
    ];
    const pace = ['--min-interval', '1', '--max-interval', '1'];
    const command = [
      'ip',
      'netns',
      'exec',
      namespaceOf(1),
      plumbline,
      'agent',
      ...options,
      ...pace,
      '--probes',
      probes,
    ] as const;
    const logFile = join(folder, 'agent.log');
    const program = new Program({ name: 'agent', command: [...command, '--log-level', 'debug'], logFile });
    try {
      await until({
        what: 'the agent to read its node twice, or to end',
        seconds: 60,
        look: () => readFileSync(logFile, 'utf8').split('read the node').length - 1,
        met: (readings) => readings >= 2 || !program.isRunning,
      });
      const listening = () =>
        mustRunIn(namespaceOf(1), 'ss', ['-Hlun'])
          .split('\n')
          .filter((line) => line.includes(`:${port} `))
          .map((line) => line.split(/\s+/)[3] ?? '')
          .sort();
      expect(listening()).toEqual(expected);
    } finally {
      expect(await program.end('SIGTERM')).toBe(0);
    }
  });
});
