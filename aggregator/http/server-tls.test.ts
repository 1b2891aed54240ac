import { request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { connect, type SecureVersion } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { auditRecord, nodeRecord } from '../../test/audit-record.ts';
import { type TestAuthority, testAuthority } from '../../test/certificates.ts';
import { httpOptions } from '../../test/http-options.ts';
import { people } from '../../test/people.ts';
import type { CertificatePair } from '../model/server-certificates.ts';
import { HttpServer } from './server.ts';

const loopback = { host: '127.0.0.1', port: 0 };
const known = people();
const token = known.person('jane', ['/plumbline/*']);
const record = auditRecord({ nodes: [nodeRecord('node-a')] });
const server = new HttpServer(httpOptions({ record, access: known.access }));
const listeners: ((pair: CertificatePair) => void)[] = [];
let authority: TestAuthority;
let port: number;
let plainUrl: string;

beforeAll(async () => {
  authority = testAuthority();
  const pair = { ...authority.issue(), notAfter: 0 };
  plainUrl = await server.start(loopback);
  port = await server.startTls(loopback, {
    start: () => Promise.resolve(pair),
    subscribe: (listener) => listeners.push(listener),
  });
});
afterAll(async () => {
  await server.stop();
  authority.remove();
});

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
  readonly cookie: string;
}

function ask(path: string, more: { headers?: Record<string, string>; method?: string; body?: string } = {}) {
  const { headers = {}, method = 'GET', body = '' } = more;
  const options = { host: '127.0.0.1', port, path, method, headers, agent: false } as const;
  return new Promise<Answer>((resolve, reject) => {
    const asked = request({ ...options, ca: authority.certificate, servername: 'aggregator.test' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => {
        const cookie = String(answer.headers['set-cookie'] ?? '');
        resolve({ status: answer.statusCode, text, cookie });
      });
    });
    asked.on('error', reject).end(body);
  });
}

/** What comes of a handshake: the serial number of the certificate, or the code of the failure. */
function handshake(maxVersion: SecureVersion = 'TLSv1.3'): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, ca: authority.certificate, servername: 'aggregator.test', maxVersion };
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', (cause: Error & { readonly code?: string }) => resolve(cause.code ?? cause.message));
  });
}

describe('the listener with TLS', () => {
  it('has the same routes, and asks who it is', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const [with_, without, plain] = await Promise.all([
      ask('/api/v1/nodes', { headers }),
      ask('/api/v1/nodes'),
      fetch(`${plainUrl}/api/v1/nodes`, { headers }).then((answer) => answer.text()),
    ]);
    expect([with_.status, with_.text, without.status]).toEqual([200, plain, 401]);
  });

  it('refuses paths that can be read in two ways, as the other does', async () => {
    expect((await ask('/api/v1/%6eodes')).status).toBe(400);
  });

  it('speaks TLS 1.3 alone', async () => {
    expect([await handshake('TLSv1.2'), await handshake()]).toEqual([
      expect.stringMatching(/PROTOCOL_VERSION/),
      expect.stringMatching(/^[0-9A-F]+$/),
    ]);
  });

  it('gives sessions a cookie that is never sent without TLS', async () => {
    const host = `127.0.0.1:${port}`;
    const headers = { host, origin: `https://${host}`, 'x-plumbline': '1', 'content-type': 'application/json' };
    const { cookie } = await ask('/login', { method: 'POST', headers, body: JSON.stringify({ token }) });
    expect(cookie).toMatch(
      /^__Host-plumbline-session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure$/,
    );
    const [pair = ''] = cookie.split(';');
    const answers = [await ask('/api/v1/nodes', { headers: { cookie: pair } })];
    const plain = await fetch(`${plainUrl}/api/v1/nodes`, { headers: { cookie: pair } });
    expect([...answers.map(({ status }) => status), plain.status]).toEqual([200, 401]);
  });

  it('shows a new certificate without a restart, and cuts nobody off', async () => {
    const before = await handshake();
    const open = connect({ host: '127.0.0.1', port, ca: authority.certificate, servername: 'aggregator.test' });
    await new Promise((resolve) => open.once('secureConnect', resolve));
    for (const listener of listeners) listener({ ...authority.issue(), notAfter: 0 });
    const after = await handshake();
    open.write('GET /livez HTTP/1.1\r\nHost: aggregator.test\r\nConnection: close\r\n\r\n');
    const [piece] = await new Promise<unknown[]>((resolve) => open.once('data', (...pieces) => resolve(pieces)));
    expect([before === after, after, String(piece).slice(0, 12)]).toEqual([
      false,
      expect.stringMatching(/^[0-9A-F]+$/),
      'HTTP/1.1 200',
    ]);
    open.destroy();
  });

  it('gives one address 40 connections, and takes others of it once they end', async () => {
    const silent = Array.from({ length: 45 }, () => connectPlain(port, '127.0.0.1').on('error', () => {}));
    const isClosed = (socket: (typeof silent)[number]) => socket.closed || socket.destroyed;
    await vi.waitFor(() => expect(silent.filter(isClosed)).toHaveLength(5), 5_000);
    for (const socket of silent) socket.destroy();
    await vi.waitFor(async () => expect(await handshake()).toMatch(/^[0-9A-F]+$/), 5_000);
  });

  it('drops who does not speak TLS', async () => {
    const socket = connectPlain(port, '127.0.0.1');
    socket.write('GET /api/v1/nodes HTTP/1.1\r\nHost: localhost\r\n\r\n');
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).not.toContain('HTTP/');
  });
});
