/** The aggregator as a process that makes its certificates itself, with an API server that has their two objects. */
import { request } from 'node:https';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { opensslVerdict } from '../certificates.ts';
import { afterwards, emptyFolder, kubeconfigFile } from '../listening-api.ts';
import { freePort } from './cluster.ts';
import { keptObjectPaths, keptObjectsApi, type KeptObjectsApi } from './kept-objects-api.ts';
import { Program } from './programs.ts';
import { until } from './until.ts';

const name = 'aggregator.plumbline.svc';
const program = join(import.meta.dirname, '../../aggregator/main.ts');

interface Started {
  readonly process: Program;
  readonly grpc: number;
  readonly https: number;
  readonly log: string;
}

async function started(url: string, folder = emptyFolder()): Promise<Started> {
  const [grpc, https, http] = [await freePort(), await freePort(), await freePort()];
  const log = join(folder, 'log');
  const options = [
    ...['--kubeconfig', kubeconfigFile({ server: url, user: { token: 'the aggregator' } }), '--data-dir', folder],
    ...['--listen-grpc', `127.0.0.1:${grpc}`, '--listen-https', `127.0.0.1:${https}`],
    ...['--listen-http', `127.0.0.1:${http}`, '--tls-secret', 'plumbline/tls', '--tls-config-map', 'plumbline/ca'],
    ...['--tls-name', name, '--advertise', `127.0.0.1:${grpc}`],
  ];
  const command = [process.execPath, program, ...options] as const;
  const running = new Program({ name: 'aggregator', command, logFile: log });
  afterwards(() => running.end('SIGKILL'));
  return { process: running, grpc, https, log };
}

async function api(): Promise<KeptObjectsApi> {
  const open = await keptObjectsApi();
  afterwards(() => open.close());
  return open;
}

/** The chain that a server shows, PEM, to whoever trusts this bundle. @throws where that does not hold. */
function shown(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: name, ALPNProtocols: ['h2', 'http/1.1'] });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? '');
      socket.destroy();
    });
  });
}

/** The status of a path that is open to anybody. */
function statusOf(path: string, { https }: Started, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: https, path, ca, servername: name, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', reject).end();
  });
}

describe('an aggregator that makes its certificates', () => {
  it('waits for the API server, then shows agents and people what the ConfigMap lets them trust', async () => {
    const server = await api();
    server.refuse(503);
    const first = await started(server.url);
    await until({
      what: 'the log to say that certificates are waited for',
      seconds: 20,
      look: () => readFileSync(first.log, 'utf8'),
      met: (seen) => seen.includes('certificates could not be looked at; it is tried again'),
    });
    await expect(shown(first.https, '')).rejects.toThrow('ECONNREFUSED');
    server.refuse(null);
    const bundle = () => server.dataOf(keptObjectPaths.configMap)['ca.crt'] ?? '';
    const live = await until({
      what: 'HTTPS to answer',
      seconds: 20,
      look: () => statusOf('/livez', first, bundle()),
      met: (seen) => seen === 200,
    });
    const chains = [await shown(first.grpc, bundle()), await shown(first.https, bundle())];
    const verdict = opensslVerdict({ bundle: bundle(), chain: chains[0] ?? '', name, at: Date.now() });
    expect([live, verdict, chains[0] === chains[1]]).toEqual([200, 'OK', true]);
    expect(server.dataOf(keptObjectPaths.configMap).addresses).toBe(`127.0.0.1:${first.grpc}\n`);
    expect(Object.keys(server.dataOf(keptObjectPaths.secret))).toEqual(['plumbline.json']);

    await first.process.end('SIGTERM');
    const second = await started(server.url);
    const again = await until({
      what: 'the next one to show the same',
      seconds: 20,
      look: () => shown(second.https, bundle()),
      met: (seen) => seen !== '',
    });
    expect(again).toBe(chains[0]);
  });

  it('ends in order while it still waits', async () => {
    const server = await api();
    server.refuse(500);
    const waiting = await started(server.url);
    await until({
      what: 'it to wait',
      seconds: 20,
      look: () => readFileSync(waiting.log, 'utf8'),
      met: (seen) => seen.includes('it is tried again'),
    });
    expect(await waiting.process.end('SIGTERM')).toBe(0);
  });

  it('ends at once where it may not read its Secret, and names the right', async () => {
    const server = await api();
    server.refuse(403);
    const refused = await started(server.url);
    await until({
      what: 'it to end',
      seconds: 20,
      look: () => refused.process.isRunning,
      met: (isRunning) => !isRunning,
    });
    expect(await refused.process.end('SIGKILL')).toBe(2);
    expect(readFileSync(refused.log, 'utf8')).toContain(
      'It takes the right to get secrets tls in plumbline: the chart has a Role for it',
    );
  });
});
