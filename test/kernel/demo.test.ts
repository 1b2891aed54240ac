import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const command = join(import.meta.dirname, '../../bin/plumbline');

/** What demos make: namespaces, and folders they unpack recordings into. */
function leftBehind(): readonly string[] {
  const namespaces = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout.split('\n');
  return [
    ...namespaces.filter((line) => line.startsWith('plumbline-demo-')),
    ...readdirSync(tmpdir()).filter((name) => name.startsWith('plumbline-bundle-')),
  ];
}

describe('the demo as root', () => {
  it('shows two healthy nodes, one of them broken and found out, and both healthy again, within 15 s', () => {
    const before = leftBehind();
    const started = performance.now();
    const { status, stdout, stderr } = spawnSync(command, ['demo'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const told = stdout.split('\n').map((line) => line.trim());
    expect(told.filter((line) => /^\d\. |what the cluster asked for|^critical/.test(line))).toEqual([
      '1. Two nodes',
      '2. The audit',
      'Both nodes do what the cluster asked for.',
      '3. Something goes wrong',
      '4. It is found',
      '1 of 2 nodes differs from what the cluster asked for: node-a.',
      'critical   stale-endpoint   node-a   shop/web',
      '5. It is mended',
      'Both nodes do what the cluster asked for.',
    ]);
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(leftBehind()).toEqual(before);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind when it is ended early by %s', async (signal) => {
    const before = leftBehind();
    const demo = spawn(command, ['demo'], { stdio: ['ignore', 'pipe', 'ignore'] });
    // Its first words come when the namespaces are there.
    demo.stdout.once('data', () => demo.kill(signal));
    const ended = await new Promise((resolve) => demo.once('close', (code, by) => resolve(code ?? by)));
    expect(ended).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(leftBehind()).toEqual(before);
  });
});
