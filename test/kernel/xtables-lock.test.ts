/** Who holds the xtables lock, and who waits for it: real processes, on a lock file of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { XtablesLockReader } from '../../agent/collectors/xtables-lock.ts';
import { localHost } from '../../agent/host.ts';
import { xtablesLock } from '../../aggregator/checks/xtables-lock.ts';
import type { LockHolder } from '../../proto/parts.ts';
import { nodeView, reported, structure } from '../view-builders.ts';
import { makeNamespace, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-lock-'));
const lockFile = join(folder, 'xtables.lock');
const children: ChildProcess[] = [];
let namespace = '';

beforeAll(() => {
  const obstacle = whyNotHere(['flock', 'iptables-legacy']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  namespace = makeNamespace('lock');
});

afterAll(async () => {
  await Promise.all(children.map(stop));
  removeNamespace(namespace);
  rmSync(folder, { recursive: true, force: true });
});

function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, XTABLES_LOCKFILE: lockFile } });
  children.push(child);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

it('is told of while a process has it, with those that wait, and of nobody afterwards', async () => {
  let seconds = 0;
  const reader = new XtablesLockReader(localHost(), () => 1000 * seconds, lockFile);
  const until = async (isThere: (holder: LockHolder | null) => boolean) => {
    for (let tries = 0; tries < 200; tries++) {
      const holder = await reader.read();
      if (isThere(holder)) return holder;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('the lock was not seen as it should be within 5 s');
  };
  expect(await reader.read()).toBeNull();
  const holder = start('flock', ['--no-fork', lockFile, 'sleep', '60']);
  const pid = holder.pid ?? 0;
  expect(await until((one) => one?.program === 'sleep')).toMatchObject({ pid, heldSeconds: 0, waiting: 0 });

  const change = ['netns', 'exec', namespace, 'iptables-legacy', '-w', '30', '-N', 'WAITING'];
  const waiting = start('ip', change);
  seconds = 35;
  const seen = await until((one) => one?.waiting === 1);
  expect(seen).toMatchObject({ pid, program: 'sleep', heldSeconds: 35 });
  expect(toldOf(seen)).toEqual([
    expect.stringMatching(/^sleep, started by .+ \(process \d+\) holds the iptables lock of node-a for 35 s, which is/),
  ]);

  const ended = once(waiting, 'exit');
  await stop(holder);
  expect(await ended).toEqual([0, null]);
  const after = await reader.read();
  expect([after, toldOf(after)]).toEqual([null, []]);
});

/** What the check says of a node with rules in iptables-legacy. */
function toldOf(holder: LockHolder | null): readonly string[] {
  const kernel = reported({ conntrackTcpBeLiberal: false, xtablesLock: holder });
  const view = nodeView({ structures: [structure({ backend: 'legacy' })], parts: { kernel } });
  return xtablesLock.evaluate(view).map(({ summary }) => summary);
}
