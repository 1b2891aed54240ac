import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateFiles } from '../../aggregator/ingest/tls-files.ts';
import { testAuthority } from '../../test/certificates.ts';
import { RunningIngest } from '../../test/ingest-peers.ts';
import { connectionFailure } from './connection-failure.ts';
import { tryWay } from './try-way.ts';

const authority = testAuthority();
const stranger = testAuthority();
const folder = mkdtempSync(join(tmpdir(), 'plumbline-try-'));
const inFolder = (name: string): string => join(folder, name);
const pair = authority.issue();
writeFileSync(inFolder('tls.crt'), pair.certificate);
writeFileSync(inFolder('tls.key'), pair.key);
writeFileSync(inFolder('ca.pem'), authority.certificate);
writeFileSync(inFolder('other-ca.pem'), stranger.certificate);

afterAll(() => {
  authority.remove();
  stranger.remove();
  rmSync(folder, { recursive: true, force: true });
});

let ingest: RunningIngest;
let address = '';
const servers: Server[] = [];

beforeEach(async () => {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const files = { certificateFile: inFolder('tls.crt'), keyFile: inFolder('tls.key') };
  const certificates = new CertificateFiles({ ...files, now: () => Date.now(), log });
  const authenticator = {
    authenticate: () => Promise.reject(new Error('a try shows no token')),
    forgetPod: () => {},
    figures: () => [],
  };
  ingest = new RunningIngest(['node-a'], {
    listeners: [{ kind: 'tls', host: '127.0.0.1', port: 0, certificates, authenticator }],
  });
  await ingest.server.start();
  address = `127.0.0.1:${ingest.server.ports().find((port) => port !== null)}`;
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await ingest.stop();
});

/** Something that listens and is no aggregator. @returns its address. */
async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const tls = { tokenFile: null, caFile: inFolder('ca.pem'), serverName: 'aggregator.test' };
const never = new AbortController().signal;

describe('a try of a way', () => {
  it('connects to the aggregator as a dial would, and leaves nothing behind that is counted or held', async () => {
    const trials = await Promise.all([1, 2, 3].map(() => tryWay(address, tls, never)));
    expect(trials).toEqual(['worked', 'worked', 'worked']);
    while (ingest.figure('ingest_connections') > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(ingest.figure('ingest_refused_total')).toBe(0);
    expect(ingest.events).toEqual([]);
  });

  it('to a socket connects as well', async () => {
    expect(await tryWay(`unix:${ingest.socket('node-a')}`, tls, never)).toBe('worked');
  });

  it.each([
    ['somebody else is there', () => ({ ...tls, caFile: inFolder('other-ca.pem') }), 'tls'],
    ['the certificate has another name', () => ({ ...tls, serverName: 'elsewhere.test' }), 'tls'],
    ['this side has no certificates to trust', () => ({ ...tls, caFile: inFolder('absent.pem') }), 'not-tried'],
  ])('fails where %s', async (_, credentials, trial) => {
    expect(await tryWay(address, credentials(), never)).toBe(trial);
  });

  it('fails where nobody listens, or what listens speaks no TLS', async () => {
    const talker = await listening(createServer((socket) => socket.end('220 mail.example ESMTP\r\n')));
    const mute = await listening(createServer((socket) => socket.destroy()));
    const trials = await Promise.all(
      ['127.0.0.1:1', 'unix:/nonexistent.sock', talker, mute].map((one) => tryWay(one, tls, never)),
    );
    expect(trials).toEqual(['refused', 'unreachable', 'tls', 'unreachable']);
  });

  it('is given up at once when the stream ends', async () => {
    const silent = await listening(createServer(() => {}));
    const over = new AbortController();
    const trial = tryWay(silent, tls, over.signal);
    over.abort();
    expect(await trial).toBe('not-tried');
  });
});

describe('why a connection did not come about', () => {
  it.each([
    ['connect ECONNREFUSED 10.96.3.7:8443', 'refused'],
    ['connect ETIMEDOUT 10.96.3.7:8443', 'timeout'],
    ['getaddrinfo ENOTFOUND plumbline-aggregator.plumbline.svc', 'name-unknown'],
    ['getaddrinfo EAI_AGAIN plumbline-aggregator.plumbline.svc', 'name-unknown'],
    ['Name resolution failed for target dns:plumbline-aggregator.plumbline.svc:8443', 'name-unknown'],
    ['No connection established. Last error: Error: self-signed certificate', 'tls'],
    ["ERR_TLS_CERT_ALTNAME_INVALID Hostname/IP does not match certificate's altnames", 'tls'],
    ['connect EHOSTUNREACH 10.244.1.7:8443', 'unreachable'],
    ['No connection established. Last error: null', 'unreachable'],
    ['the agent calls its node by another name than node-a, where its pod runs', null],
  ])('%s', (text, failure) => {
    expect(connectionFailure(text)).toBe(failure);
  });
});
