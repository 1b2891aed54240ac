import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { HttpServer } from '../../aggregator/http/server.ts';
import { auditRecord, nodeRecord } from '../audit-record.ts';
import { forwardingCluster, portOf } from '../forwarding-cluster.ts';
import { httpOptions } from '../http-options.ts';
import { afterwards, emptyFolder } from '../listening-api.ts';

/** A folder for the PATH with all names of the program. */
function programFolder(): string {
  const folder = emptyFolder();
  for (const name of ['plumbline', 'kubectl-plumbline', 'kubectl_complete-plumbline']) {
    symlinkSync(join(import.meta.dirname, '../../bin/plumbline'), join(folder, name));
  }
  return folder;
}

interface Place {
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The program, running; its environment is this and no more. */
function start({ folder, environment = {} }: Place, name: string, ...args: readonly string[]) {
  const child = spawn(join(folder, name), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: `${folder}:/usr/bin:/bin`, ...environment },
  });
  afterwards(() => child.kill('SIGKILL'));
  const run = { child, out: '', err: '' };
  child.stdout.on('data', (text) => {
    run.out += text;
  });
  child.stderr.on('data', (text) => {
    run.err += text;
  });
  return run;
}

function ended(child: ChildProcessByStdio<null, Readable, Readable>): Promise<number | null> {
  return new Promise((resolve) => child.once('close', (code) => resolve(code)));
}

async function lab() {
  const cluster = await forwardingCluster();
  const record = auditRecord({ nodes: [nodeRecord('node-a'), nodeRecord('node-b')] });
  cluster.runPod('plumbline-aggregator-x', await portOf(new HttpServer(httpOptions({ record }))));
  return { cluster, record, place: { folder: programFolder(), environment: { KUBECONFIG: cluster.kubeconfig } } };
}

/** TCP ports on which a process listens. */
function listeningPorts(pid: number): readonly number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => /socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, ...rest]) => state === '0A' && inodes.has(rest[5]))
      .map(([, local = '']) => Number.parseInt(local.split(':').at(-1) ?? '', 16)),
  );
}

describe('kubectl plumbline', () => {
  it('goes by that name where kubectl starts it, and opens its own way to the aggregator', async () => {
    const { place } = await lab();
    const help = start(place, 'kubectl-plumbline', 'nodes', '--help');
    const nodes = start(place, 'kubectl-plumbline', 'nodes', '-o', 'name');
    expect(await Promise.all([ended(help.child), ended(nodes.child)])).toEqual([0, 0]);
    expect(help.out).toMatch(/^Usage: kubectl plumbline nodes /);
    expect(help.out).toContain('\n  kubectl plumbline nodes --state unknown ');
    expect([nodes.out, nodes.err]).toEqual(['node/node-a\nnode/node-b\n', '']);
  });

  it('--watch listens on nothing, outlives a cut connection, and ends with Ctrl-C', async () => {
    const { cluster, record, place } = await lab();
    const run = start(place, 'kubectl-plumbline', 'nodes', '--watch', '-o', 'name');
    await expect.poll(() => run.out, { timeout: 10_000 }).toBe('node/node-a\nnode/node-b\n');
    expect(listeningPorts(run.child.pid ?? 0)).toEqual([]);
    record.says.nodes = [...record.says.nodes, nodeRecord('node-c')];
    cluster.forwards.cut();
    await expect.poll(() => run.out, { timeout: 10_000 }).toBe('node/node-a\nnode/node-b\nnode/node-c\n');
    run.child.kill('SIGINT');
    expect([await ended(run.child), run.err]).toEqual([
      130,
      'plumbline: live updates of http://plumbline-aggregator.plumbline:8080/ stopped, trying again\n',
    ]);
    await expect.poll(() => cluster.forwards.open).toBe(0);
  });

  it('is completed as kubectl asks for it, with names through the port-forward', async () => {
    const { place } = await lab();
    const run = start(place, 'kubectl_complete-plumbline', 'nodes', 'node-');
    expect([await ended(run.child), run.out, run.err]).toEqual([0, 'node-a\thealthy\nnode-b\thealthy\n:4\n', '']);
  });
});

describe('in a real bash, the Tab key', () => {
  /** What a terminal shows of a bash in which these keys are pressed. */
  function typed(keys: string, place: Place): string {
    const { stdout } = spawnSync('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
      input: `PS1='> '; source <(plumbline completion bash)\n${keys}\nexit\n`,
      encoding: 'utf8',
      timeout: 30_000,
      env: { PATH: `${place.folder}:/usr/bin:/bin`, TERM: 'dumb', ...place.environment },
    });
    return stdout.replaceAll('\r', '');
  }

  it('completes commands, checks, choices after =, and paths', () => {
    const keys = 'plumbline che\tstale-e\t--output=na\t\nplumbline audit --api=/etc/hostn\t-V\n';
    const shown = typed(keys, { folder: programFolder() });
    expect(shown).toMatch(/^check\/stale-endpoint$/m);
    expect(shown).toContain('plumbline audit --api=/etc/hostname -V\n');
  });
});
