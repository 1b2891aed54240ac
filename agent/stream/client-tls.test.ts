import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeLoop } from '../../test/reading-builders.ts';
import {
  AgentServiceService,
  type Heartbeat,
  type ReportRequest,
  type ReportResponse,
} from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { AgentStream, type StreamOptions } from './client.ts';

type Call = ServerDuplexStream<ReportRequest, ReportResponse>;

let folder = '';
const servers: Server[] = [];
const streams: AgentStream[] = [];
const logged: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumbline-stream-'));
  logged.length = 0;
});

afterEach(async () => {
  await Promise.all(streams.splice(0).map((stream) => stream.stop()));
  for (const server of servers.splice(0)) server.forceShutdown();
  rmSync(folder, { recursive: true, force: true });
});

const inFolder = (file: string): string => join(folder, file);

/** A key and a certificate that signs itself, for `plumbline.example`. */
function certificate(name: string): void {
  const subject = ['-subj', '/CN=plumbline.example', '-addext', 'subjectAltName=DNS:plumbline.example'];
  const files = ['-keyout', inFolder(`${name}.key`), '-out', inFolder(`${name}.pem`)];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', ...kind, ...subject, ...files], { stdio: 'pipe' });
}

/** A server on a loopback port. @returns its address. */
async function listen(name: string, report: (call: Call) => void, port = 0): Promise<string> {
  const server = new Server();
  servers.push(server);
  server.addService(AgentServiceService, { report });
  const pair = {
    private_key: readFileSync(inFolder(`${name}.key`)),
    cert_chain: readFileSync(inFolder(`${name}.pem`)),
  };
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createSsl(null, [pair]), (cause, at) =>
      cause === null ? resolve(at) : reject(cause),
    );
  });
  return `127.0.0.1:${bound}`;
}

function start(address: string, other: Partial<StreamOptions> = {}): void {
  const log = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const stream = new AgentStream({
    source: new FakeLoop(),
    addresses: [address],
    nodeName: 'node-a',
    agentVersion: '0.1.0',
    credentials: { tokenFile: inFolder('token'), caFile: inFolder('ca.pem'), serverName: 'plumbline.example' },
    dialSpreadSeconds: 0,
    log: { info: log, warn: log },
    clock: {
      now: () => new Date('2026-11-22T10:00:00Z'),
      monotonicMs: () => performance.now(),
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
          if (ms < 10_000) setTimeout(resolve, 5);
        }),
    },
    ...other,
  });
  streams.push(stream);
  void stream.run();
}

/** Nobody listens there: tests are not given ports below 1024. */
const closedPort = '127.0.0.1:1';

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('a stream over TLS', () => {
  it('knows the aggregator by its name, whatever the address, and shows the token of the moment', async () => {
    certificate('first');
    writeFileSync(inFolder('ca.pem'), readFileSync(inFolder('first.pem')));
    writeFileSync(inFolder('token'), 'token-of-the-morning');
    const tokens: unknown[] = [];
    const address = await listen('first', (call) => {
      tokens.push(call.metadata.get('authorization'));
      writeFileSync(inFolder('token'), 'token-of-the-evening');
      call.end();
    });
    start(address);
    await until(() => tokens.length === 2);
    expect(tokens).toEqual([['Bearer token-of-the-morning'], ['Bearer token-of-the-evening']]);
  });

  it('is not opened to somebody else, and no token is sent there', async () => {
    certificate('first');
    certificate('other');
    writeFileSync(inFolder('ca.pem'), readFileSync(inFolder('other.pem')));
    writeFileSync(inFolder('token'), 'token');
    let streamsOpened = 0;
    const address = await listen('first', () => streamsOpened++);
    start(address);
    await until(() => logged.length > 0);
    expect(logged[0]).toContain('"code":"UNAVAILABLE"');
    expect(logged[0]).toContain('certificate');
    expect(streamsOpened).toBe(0);
  });

  it('is not opened to the right certificate under another name', async () => {
    certificate('first');
    writeFileSync(inFolder('ca.pem'), readFileSync(inFolder('first.pem')));
    writeFileSync(inFolder('token'), 'token');
    let streamsOpened = 0;
    const address = await listen('first', () => streamsOpened++);
    const credentials = { tokenFile: inFolder('token'), caFile: inFolder('ca.pem'), serverName: 'elsewhere.example' };
    start(address, { credentials });
    await until(() => logged.length > 0);
    expect(logged[0]).toContain('"code":"UNAVAILABLE"');
    expect(streamsOpened).toBe(0);
  });

  it('trusts a new CA from the next dial on', async () => {
    certificate('first');
    certificate('second');
    writeFileSync(inFolder('ca.pem'), readFileSync(inFolder('first.pem')));
    writeFileSync(inFolder('token'), 'token');
    let streamsOpened = 0;
    const address = await listen('second', () => streamsOpened++);
    start(address);
    await until(() => logged.some((line) => line.includes('UNAVAILABLE')));
    writeFileSync(inFolder('ca.pem'), readFileSync(inFolder('second.pem')));
    await until(() => streamsOpened === 1);
    expect(logged.at(-1)).toContain('connected to the aggregator');
  });

  it('finds its way by the file of addresses where the first one fails, and says how each went', async () => {
    certificate('first');
    writeFileSync(inFolder('ca.pem'), readFileSync(inFolder('first.pem')));
    writeFileSync(inFolder('token'), 'token');
    const beats: Heartbeat[] = [];
    const address = await listen('first', (call) => {
      call.on('data', ({ message }: ReportRequest) => {
        if (message?.$case === 'heartbeat') beats.push(message.value);
      });
    });
    start(closedPort, { addressesFile: inFolder('addresses') });
    await until(() => logged.length > 0);
    writeFileSync(inFolder('addresses'), `${address}\nno address\n`);
    await until(() => beats.length > 0);
    const [beat] = beats;
    expect(beat?.ways?.ways.map(({ kind, inUse, reason }) => [kind, inUse, reason])).toEqual([
      ['other', false, 'refused'],
      ['pod', true, ''],
    ]);
    expect([beat?.ways?.ways[1]?.address, beat?.metrics?.badAddressLines]).toEqual([address, 1n]);
    expect(logged.some((line) => line.startsWith('lines that are no address'))).toBe(true);
  });

  it('waits while there is no token', async () => {
    certificate('first');
    writeFileSync(inFolder('ca.pem'), readFileSync(inFolder('first.pem')));
    let streamsOpened = 0;
    const address = await listen('first', () => streamsOpened++);
    start(address);
    await until(() => logged.length > 0);
    expect(logged[0]).toContain(`read ${inFolder('token')}: ENOENT`);
    expect(streamsOpened).toBe(0);
    writeFileSync(inFolder('token'), 'token');
    await until(() => streamsOpened === 1);
    expect(streamsOpened).toBe(1);
  });
});
