/**
 * The running agent leaves the node as it found it, with all that it runs: readings again and again, and what listens
 * for changes between them. Whatever ends it, nothing of it stays.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plumbline, Program } from '../e2e/programs.ts';
import { pause, until } from '../e2e/until.ts';
import { chartRights, containerOf } from './chart-container.ts';
import { labRules, podRange } from './lab-rules.ts';
import { recordedNftRules } from './lab-nft-rules.ts';
import { loadRules, makeCounters, trackFlow } from './loaded-rules.ts';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';
import { nodeState } from './node-state.ts';

const { rules } = labRules(podRange);
const observedMs = 8000;
const checkout = join(import.meta.dirname, '../..');

let folder = '';
const namespaces: string[] = [];

beforeAll(() => {
  const obstacle = whyNotHere([
    ...['iptables-nft-restore', 'iptables-legacy-restore', 'nft', 'nfacct', 'ipset', 'ss', 'sysctl'],
    ...['setpriv', 'stdbuf', 'xtables-monitor', 'conntrack'],
  ]);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  folder = mkdtempSync(join(tmpdir(), 'plumbline-test-agent-'));
});

afterAll(() => {
  for (const namespace of namespaces) {
    // None, unless a test failed.
    for (const pid of pidsIn(namespace)) spawnSync('kill', ['-KILL', pid]);
    removeNamespace(namespace);
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Where a node's rules are: kube-proxy's own tables of nftables, or a backend of iptables. */
type Writes = 'nft' | 'legacy' | 'nftables';

function openNode(purpose: string, writes: readonly Writes[]): string {
  const namespace = makeNamespace(purpose);
  namespaces.push(namespace);
  makeCounters(namespace);
  for (const each of writes) {
    if (each === 'nftables') mustRunIn(namespace, 'nft', ['-f', '-'], recordedNftRules());
    else loadRules(namespace, each, rules);
  }
  trackFlow(namespace);
  return namespace;
}

/** An agent with the chart's rights that reads so often, in seconds, and finds nobody to report to. */
function startAgent(namespace: string, interval: number) {
  const own = join(folder, namespace);
  mkdirSync(join(own, 'checkout'), { recursive: true });
  const logFile = join(own, 'agent.log');
  const options = ['--node-name', 'node-a', '--aggregator', `unix:${join(own, 'nobody.sock')}`, '--log-level', 'debug'];
  const pace = ['--min-interval', `${interval}`, '--max-interval', `${interval}`, '--dial-spread', '0'];
  const container = containerOf(chartRights(), { from: checkout, as: join(own, 'checkout') });
  const command = ['ip', 'netns', 'exec', namespace, ...container, plumbline, 'agent', ...options, ...pace] as const;
  return { program: new Program({ name: namespace, command, logFile }), logFile };
}

/** The names of the programs that run in a namespace, sorted. */
function programsIn(namespace: string): readonly string[] {
  return pidsIn(namespace).flatMap(nameOf).sort();
}

function pidsIn(namespace: string): readonly string[] {
  const pids = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).stdout.split('\n');
  return pids.filter((pid) => pid !== '');
}

/** None when it has ended meanwhile. */
function nameOf(pid: string): readonly string[] {
  try {
    return [readFileSync(`/proc/${pid}/comm`, 'utf8').trim()];
  } catch {
    return [];
  }
}

async function untilLeft(namespace: string): Promise<void> {
  // The killed are still listed for a moment.
  await until({
    what: `the programs in ${namespace} to end`,
    seconds: 3,
    look: () => programsIn(namespace),
    met: (names) => names.length === 0,
  });
}

async function untilListening(namespace: string): Promise<void> {
  await until({
    what: 'xtables-monitor to run',
    seconds: 20,
    look: () => programsIn(namespace),
    met: (names) => names.includes('xtables-monitor'),
  });
}

/** Of one reading, what the agent's log tells. */
interface ToldReading {
  readonly message: string;
  /** The rules are those of the reading before. */
  readonly unchanged?: boolean;
  readonly frontends?: number;
}

function readingsIn(logFile: string): readonly ToldReading[] {
  const lines = readFileSync(logFile, 'utf8').split('\n').slice(0, -1);
  const told: readonly ToldReading[] = lines.map((line) => JSON.parse(line));
  return told.filter(({ message }) => message.startsWith('read the node'));
}

/** Longer than it takes until an agent that has just started has again what a reading may cost. */
const patienceSeconds = 60;

async function untilRead(logFile: string, times: number): Promise<void> {
  await until({
    what: `the node to be read ${times} times`,
    seconds: patienceSeconds,
    look: () => readingsIn(logFile).length,
    met: (count) => count >= times,
  });
}

/** Of `recordedNftRules`: its frontends, and the key of one cluster IP. */
const served = 48;
const webElement = '{ 10.96.27.42 . tcp . 80 }';

describe('a node on which the agent runs', () => {
  const situations = [
    { name: 'without any table', writes: [], listens: false, hasRules: false },
    { name: 'with rules in iptables-nft', writes: ['nft'], listens: true, hasRules: true },
    { name: 'with rules in iptables-legacy', writes: ['legacy'], listens: false, hasRules: true },
    { name: 'with rules in both', writes: ['nft', 'legacy'], listens: true, hasRules: true },
    { name: "with kube-proxy's nftables rules", writes: ['nftables'], listens: true, hasRules: true },
  ] as const;

  it.concurrent.each(situations)('$name, is as it was', async ({ writes, listens, hasRules }) => {
    const namespace = openNode(`running-${writes.join('-')}`, writes);
    const before = nodeState(namespace);
    const { program, logFile } = startAgent(namespace, 1);
    await pause(observedMs);
    expect(nodeState(namespace)).toEqual(before);
    expect(programsIn(namespace).includes('xtables-monitor')).toBe(listens);
    expect(await program.end('SIGTERM')).toBe(0);
    await untilLeft(namespace);
    expect(nodeState(namespace)).toEqual(before);
    const [first, ...others] = readingsIn(logFile);
    expect(first?.unchanged).toBe(false);
    expect(new Set(others.map(({ unchanged }) => unchanged))).toEqual(new Set([hasRules]));
  });

  it.concurrent('with nftables rules, is read when something of them changes, and not before', async () => {
    const namespace = openNode('told', ['nftables']);
    const { program, logFile } = startAgent(namespace, 300);
    await untilRead(logFile, 1);
    await untilListening(namespace);
    await pause(observedMs);
    expect(readingsIn(logFile)).toMatchObject([{ unchanged: false, frontends: served }]);

    mustRunIn(namespace, 'nft', ['delete', 'element', 'ip', 'kube-proxy', 'service-ips', webElement]);
    await untilRead(logFile, 2);
    const lost = { unchanged: false, frontends: served - 1 };
    expect(readingsIn(logFile)).toMatchObject([{ unchanged: false, frontends: served }, lost]);
    expect(await program.end('SIGTERM')).toBe(0);
  });
});

describe('an agent that is killed', () => {
  it('takes what it runs with it', async () => {
    const namespace = openNode('killed', ['nft']);
    const { program } = startAgent(namespace, 1);
    await untilListening(namespace);
    expect(await program.end('SIGKILL')).toBe('SIGKILL');
    await untilLeft(namespace);
  });
});
