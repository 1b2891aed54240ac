/** A node whose rule for the aggregator's own Service is stale: its agent reports all the same, and says so. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';
import type { WaysLine } from './ways-pair.ts';

const service = '10.96.3.7:8443';
const pod = '10.244.1.7:8443';
/** The address of a pod that is gone: nobody listens there. */
const gone = '10.244.1.8:8443';

let folder = '';
let namespace = '';
let child: ChildProcess | null = null;

beforeEach(() => {
  const obstacle = whyNotHere(['ip', 'nft']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  folder = mkdtempSync(join(tmpdir(), 'plumbline-ways-'));
  namespace = makeNamespace('ways');
  for (const address of [pod, gone]) mustRunIn(namespace, 'ip', ['address', 'add', hostOf(address), 'dev', 'lo']);
  mustRunIn(namespace, 'ip', ['route', 'add', '10.96.0.0/16', 'dev', 'lo']);
});

afterEach(async () => {
  if (child !== null && child.exitCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  child = null;
  removeNamespace(namespace);
  rmSync(folder, { recursive: true, force: true });
});

function hostOf(address: string): string {
  return address.replace(/:\d+$/, '');
}

/** The rule of the Service sends what is dialed on this node there. */
function serviceLeadsTo(backend: string): void {
  const lines = [
    'add table ip nat',
    'add chain ip nat output { type nat hook output priority -100; }',
    'flush chain ip nat output',
    `add rule ip nat output ip daddr ${hostOf(service)} tcp dport 8443 dnat to ${backend}`,
  ];
  mustRunIn(namespace, 'nft', ['-f', '-'], lines.map((line) => `${line}\n`).join(''));
}

it('while the Service leads to a pod that is gone, the agent comes by the pod of its file, until it is mended', async () => {
  serviceLeadsTo(gone);
  const program = join(import.meta.dirname, 'ways-pair.ts');
  const command = ['netns', 'exec', namespace, process.execPath, program, folder, service, pod];
  child = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('a piped child has a stdout');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // The only writer is ways-pair.ts, which types what it sends.
  const next = async (): Promise<WaysLine> => JSON.parse((await lines.next()).value ?? 'null');
  expect(await next()).toEqual({
    inUse: pod,
    failing: [`${service} refused`],
    says: `The Service address ${service} fails since ... (connection refused) while the pod address ${pod} works: this node's own Service rules may be why.`,
  });
  serviceLeadsTo(pod);
  expect(await next()).toEqual({ inUse: pod, failing: [], says: null });
});
