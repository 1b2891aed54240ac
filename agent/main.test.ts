/** The agent as a process of its own, started as a user does. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { recordingFolder } from '../test/recordings.ts';
import { agentNodeEnvironment, agentNodeFlags } from './node-flags.ts';

const plumbline = join(import.meta.dirname, '../bin/plumbline');
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_NAME: 'node-a' };
const folder = mkdtempSync(join(tmpdir(), 'plumbline-agent-'));
const recorded = join(folder, 'node-a');
cpSync(`${recordingFolder('s1-healthy')}/node-a`, recorded, { recursive: true });
let agent: ChildProcess | null = null;

afterEach(() => {
  agent?.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Line {
  readonly level: string;
  readonly message: string;
}

/** Starts an agent that observes the recording, and finds nobody to report to. */
async function start(...args: readonly string[]) {
  const nobody = ['--aggregator', `unix:${join(folder, 'nobody.sock')}`, '--dial-spread', '0'];
  const child = spawn(plumbline, ['agent', '--recorded', recorded, ...nobody, ...args], { env: environment });
  agent = child;
  const lines: Line[] = [];
  let said: () => void = () => undefined;
  let rest = '';
  child.stdout.on('data', (piece: Buffer) => {
    const whole = (rest + piece.toString()).split('\n');
    rest = whole.pop() ?? '';
    for (const line of whole) lines.push(JSON.parse(line));
    said();
  });
  const until = async (message: string) => {
    while (!lines.some((line) => line.message === message)) {
      await new Promise<void>((resolve) => {
        said = resolve;
      });
    }
  };
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, lines, until, ended };
}

describe('the agent', () => {
  it('reads the node though no aggregator answers, and ends well when told to', async () => {
    const { child, lines, until, ended } = await start('--log-level', 'debug');
    await until('read the node');
    const flags = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0');
    // The kernel started the shell, which became Node.
    expect(flags.slice(1, 1 + agentNodeFlags.length)).toEqual(agentNodeFlags);
    const found = readFileSync(`/proc/${child.pid}/environ`, 'utf8').split('\0');
    expect(found).toEqual(expect.arrayContaining(Object.entries(agentNodeEnvironment).map((pair) => pair.join('='))));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(lines[0]).toMatchObject({ level: 'info', message: 'the agent starts', node: 'node-a' });
    expect(lines.find(({ message }) => message === 'read the node')).toMatchObject({ frontends: 64, unchanged: false });
    expect(lines.at(-1)).toMatchObject({ message: 'the agent ends' });
  });

  it('says what is wrong with its settings, and does not start', () => {
    const { status, stdout, stderr } = spawnSync(plumbline, ['agent'], { env: environment, encoding: 'utf8' });
    const message = 'plumbline: cannot run the agent: --aggregator is missing: where shall the agent report to?\n';
    expect([status, stdout, stderr]).toEqual([2, '', message]);
  });

  it('explains itself, also where no shell starts it', () => {
    const program = join(import.meta.dirname, '../cli/main.ts');
    const ways = [spawnSync(plumbline, ['agent', '--help']), spawnSync(process.execPath, [program, 'agent', '--help'])];
    for (const { status, stdout } of ways) {
      expect([status, stdout.toString().split('\n')[0]]).toEqual([0, 'Usage: plumbline agent [options]']);
    }
  });
});
