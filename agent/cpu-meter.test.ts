import { describe, expect, it } from 'vitest';
import { cpuMeter, ownCpuSeconds } from './cpu-meter.ts';
import { localHost } from './host.ts';
import { scriptedHost } from './scripted-host.ts';

const stat = (name: string) =>
  `4711 (${name}) S 1 4711 4711 0 -1 4194304 9000 0 0 0 150 40 31 20 20 0 11 0 5 1 1 18446744073709551615\n`;

describe('the CPU time of the agent', () => {
  it.each(['node', 'a) R 1 (b'])('is its own and that of its programs (%s)', async (name) => {
    const host = scriptedHost({ files: { '/proc/self/stat': stat(name) } });
    expect(await cpuMeter(host, () => 2)()).toBeCloseTo(2.51);
  });

  it('is its own alone where the host does not tell of programs', async () => {
    const readings = [scriptedHost({}), scriptedHost({ files: { '/proc/self/stat': '' } })].map((host) =>
      cpuMeter(host, () => 2)(),
    );
    expect(await Promise.all(readings)).toEqual([2, 2]);
  });

  it('rises when a program has run', async () => {
    const host = localHost();
    const programs = cpuMeter(host, () => 0);
    const before = await programs();
    const command = { program: 'cat', args: ['/proc/kallsyms'], deadlineMs: 20_000, maxBytes: 1e9 };
    for (let run = 0; run < 20 && (await programs()) === before; run++) await host.run(command, () => undefined);
    expect(await programs()).toBeGreaterThan(before);
    expect(ownCpuSeconds()).toBeGreaterThan(0);
  });
});
