import { mkdirSync, mkdtempSync, rmSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestCertificate, testAuthority } from '../../test/certificates.ts';
import { nothingKnown } from '../../test/ingest-by-hand.ts';
import { IngestServer } from './server.ts';
import { socketAuthenticator } from './socket-authenticator.ts';
import { CertificateFiles } from './tls-files.ts';

const authority = testAuthority();
const first = authority.issue();
const second = authority.issue();
const rsa = authority.issue({ algorithm: 'rsa' });
const short = authority.issue({ days: 1 });
const root = mkdtempSync(join(tmpdir(), 'plumbline-tls-'));
afterAll(() => {
  authority.remove();
  rmSync(root, { recursive: true, force: true });
});

const day = 24 * 3600_000;
let folder = '';
let version = 0;
const clock = { now: 0 };
const said: string[] = [];
const log = {
  info: (_: object, message: string) => void said.push(message),
  warn: (_: object, message: string) => void said.push(message),
  error: (_: object, message: string) => void said.push(message),
};

/** Puts files in place as kubelet does: a new folder, and one symbolic link that is exchanged for it. */
function mount(files: { readonly certificate?: string; readonly key?: string }): void {
  const target = `..${++version}`;
  mkdirSync(join(folder, target));
  if (files.certificate !== undefined) writeFileSync(join(folder, target, 'tls.crt'), files.certificate);
  if (files.key !== undefined) writeFileSync(join(folder, target, 'tls.key'), files.key);
  symlinkSync(target, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}

function files(): CertificateFiles {
  return new CertificateFiles({
    certificateFile: join(folder, '..data/tls.crt'),
    keyFile: join(folder, '..data/tls.key'),
    now: () => clock.now,
    log,
    pollMs: 3_600_000,
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(root, 'secret-'));
  clock.now = Date.now();
  said.length = 0;
});

/** What is in use after these files took the place of a good pair: the key, and the figure of the files. */
async function inUseAfter(change: Partial<TestCertificate>, at = Date.now()): Promise<readonly [string, number]> {
  mount(first);
  const watched = files();
  let key = (await watched.start()).key;
  watched.subscribe((pair) => {
    key = pair.key;
  });
  mount(change);
  clock.now = at;
  await watched.look();
  watched.stop();
  const good = watched.figures().find(({ name }) => name === 'plumbline_tls_cert_files_good');
  return [key === first.key ? 'the first' : key === change.key ? 'the new' : 'another', good?.value ?? -1];
}

describe('files that change', () => {
  it('to another good pair are taken over', async () => {
    expect(await inUseAfter(second)).toEqual(['the new', 1]);
    expect(said).toEqual(['a new certificate is in use']);
  });

  it('to a key of another kind are taken over', async () => {
    expect(await inUseAfter(rsa)).toEqual(['the new', 1]);
  });

  it.each<[string, Partial<TestCertificate>, RegExp]>([
    ['of two renewals', { certificate: second.certificate, key: rsa.key }, /are not of one pair$/],
    ['without a key', { certificate: second.certificate }, /ENOENT/],
    ['that are gone', {}, /ENOENT/],
    ['half written', { certificate: second.certificate.slice(0, 300), key: second.key }, /cannot be read as PEM/],
    ['with half a key', { certificate: second.certificate, key: second.key.slice(0, 60) }, /cannot be read as PEM/],
    ['that are empty', { certificate: '', key: '' }, /cannot be read as PEM/],
  ])('to files %s leave the last good pair in use', async (_, change, message) => {
    expect(await inUseAfter(change)).toEqual(['the first', 0]);
    expect(said).toEqual([expect.stringMatching(/^the last good certificate stays: /)]);
    expect(said[0]).toMatch(message);
  });

  it('to an expired certificate leave the last good pair in use', async () => {
    expect(await inUseAfter(short, Date.now() + 2 * day)).toEqual(['the first', 0]);
  });

  it('to what cannot be used and back to a good pair are told once each', async () => {
    mount(first);
    const watched = files();
    await watched.start();
    mount({});
    await watched.look();
    await watched.look();
    mount(second);
    await watched.look();
    watched.stop();
    expect(said.map((line) => line.slice(0, 30))).toEqual([
      'the last good certificate stay',
      'a new certificate is in use',
    ]);
  });
});

describe('a start', () => {
  it('without a good pair says what is wrong and what to do', async () => {
    mount({ certificate: first.certificate, key: second.key });
    const message =
      /^cannot serve TLS: .*tls\.crt and .*tls\.key are not of one pair; give a certificate and its own key$/;
    await expect(files().start()).rejects.toThrow(message);
  });

  it('with an expired certificate fails too', async () => {
    mount(short);
    clock.now = Date.now() + 2 * day;
    await expect(files().start()).rejects.toThrow(/expired at/);
  });

  it('tells when the certificate ends', async () => {
    mount(short);
    const watched = files();
    await watched.start();
    watched.stop();
    const figure = watched.figures().find(({ name }) => name === 'plumbline_tls_cert_not_after_seconds');
    expect(Math.abs((figure?.value ?? 0) * 1000 - Date.now() - day)).toBeLessThan(60_000);
  });
});

/** One TLS handshake; the protocol that was agreed on, or the error. */
function handshake(
  port: number,
  other: { readonly maxVersion?: 'TLSv1.2'; readonly alpn?: string } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const socket = dial(
      {
        port,
        host: '127.0.0.1',
        servername: 'aggregator.test',
        ca: authority.certificate,
        ALPNProtocols: [other.alpn ?? 'h2'],
        ...(other.maxVersion === undefined ? {} : { maxVersion: other.maxVersion }),
      },
      () => {
        resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`);
        socket.destroy();
      },
    );
    socket.once('error', ({ message }) => resolve(message));
  });
}

describe('a listener', () => {
  it('refuses no handshake during 30 renewals, good and bad; TLS 1.3 and HTTP/2 only', async () => {
    mount(first);
    const certificates = files();
    const server = new IngestServer({
      listeners: [
        { kind: 'tls', host: '127.0.0.1', port: 0, certificates, authenticator: socketAuthenticator('node-a') },
      ],
      known: nothingKnown,
      now: () => Date.now(),
      monotonic: () => performance.now(),
      log,
      limits: { strangersPerSource: 1000 },
    });
    await server.start();
    const [port] = server.ports();
    const shaken: string[] = [];
    for (let round = 0; round < 30; round++) {
      mount([second, { certificate: first.certificate, key: rsa.key }, rsa, {}, first][round % 5] ?? first);
      const [, ...outcomes] = await Promise.all([certificates.look(), handshake(port ?? 0), handshake(port ?? 0)]);
      shaken.push(...outcomes);
    }
    expect(shaken).toEqual(Array(60).fill('TLSv1.3 h2'));
    expect(await handshake(port ?? 0, { maxVersion: 'TLSv1.2' })).not.toContain('TLSv1.2');
    expect(await handshake(port ?? 0, { alpn: 'http/1.1' })).not.toContain('http/1.1');
    await server.stop(false);
  });
});
