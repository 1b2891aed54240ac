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
import { loadRules, makeCounters } from './loaded-rules.ts';
import { makeNamespace, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';
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

function openNode(purpose: string, backends: readonly ('nft' | 'legacy')[]): string {
  const namespace = makeNamespace(purpose);
  namespaces.push(namespace);
  makeCounters(namespace);
  for (const backend of backends) loadRules(namespace, backend, rules);
  return namespace;
}

/** An agent with the chart's rights that reads each second and finds nobody to report to. */
function startAgent(namespace: string) {
  const own = join(folder, namespace);
  mkdirSync(join(own, 'checkout'), { recursive: true });
  const logFile = join(own, 'agent.log');
  const options = ['--node-name', 'node-a', '--aggregator', `unix:${join(own, 'nobody.sock')}`, '--log-level', 'debug'];
  const pace = ['--min-interval', '1', '--max-interval', '1', '--dial-spread', '0'];
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

describe('a node on which the agent runs', () => {
  const situations = [
    { name: 'without any table', backends: [], listens: false },
    { name: 'with rules in iptables-nft', backends: ['nft'], listens: true },
    { name: 'with rules in iptables-legacy', backends: ['legacy'], listens: false },
    { name: 'with rules in both', backends: ['nft', 'legacy'], listens: true },
  ] as const;

  it.concurrent.each(situations)('$name, is as it was', async ({ backends, listens }) => {
    const namespace = openNode(`running-${backends.join('-')}`, backends);
    const before = nodeState(namespace);
    const { program, logFile } = startAgent(namespace);
    await pause(observedMs);
    expect(nodeState(namespace)).toEqual(before);
    expect(programsIn(namespace).includes('xtables-monitor')).toBe(listens);
    expect(await program.end('SIGTERM')).toBe(0);
    await untilLeft(namespace);
    expect(nodeState(namespace)).toEqual(before);
    const read = readFileSync(logFile, 'utf8').match(/"message":"read the node/g) ?? [];
    expect(read.length).toBeGreaterThanOrEqual(2);
  });
});

describe('an agent that is killed', () => {
  it('takes what it runs with it', async () => {
    const namespace = openNode('killed', ['nft']);
    const { program } = startAgent(namespace);
    await until({
      what: 'xtables-monitor to run',
      seconds: 20,
      look: () => programsIn(namespace),
      met: (names) => names.includes('xtables-monitor'),
    });
    expect(await program.end('SIGKILL')).toBe('SIGKILL');
    await untilLeft(namespace);
  });
});
