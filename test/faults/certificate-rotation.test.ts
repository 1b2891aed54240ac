/**
 * Certificates change while agents and people connect: a hundred rotations, the authority rolled among them, and between
 * them every state in which a certificate's files can be found. No handshake is refused.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { IssuedCertificates } from '../../aggregator/certificates/issued-certificates.ts';
import { type IssuedState, readState, stateText, trustedBy } from '../../aggregator/certificates/issued-state.ts';
import { afterStep } from '../../aggregator/certificates/make-certificates.ts';
import { HttpServer } from '../../aggregator/http/server.ts';
import { IngestServer } from '../../aggregator/ingest/server.ts';
import { socketAuthenticator } from '../../aggregator/ingest/socket-authenticator.ts';
import { CertificateFiles } from '../../aggregator/ingest/tls-files.ts';
import type { ServerCertificates } from '../../aggregator/model/server-certificates.ts';
import { pause } from '../e2e/until.ts';
import { httpOptions } from '../http-options.ts';
import { nothingKnown } from '../ingest-by-hand.ts';
import { keptInMemory } from '../kept-objects.ts';

const names = ['aggregator.test'];
const rotations = 100;
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const root = mkdtempSync(join(tmpdir(), 'plumbline-rotation-'));
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

afterAll(() => rmSync(root, { recursive: true, force: true }));

let version = 0;

/** Puts files in place as kubelet does: a new folder, and one symbolic link that is exchanged for it. */
function mount(certificate: string | null, key: string | null): void {
  const target = `..${++version}`;
  mkdirSync(join(root, target));
  if (certificate !== null) writeFileSync(join(root, target, 'tls.crt'), certificate);
  if (key !== null) writeFileSync(join(root, target, 'tls.key'), key);
  symlinkSync(target, join(root, '..data_tmp'));
  renameSync(join(root, '..data_tmp'), join(root, '..data'));
}

/** One handshake; why it failed, or null. */
function handshake(port: number, ca: string, protocol: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: 'aggregator.test', ALPNProtocols: [protocol] });
    socket.setTimeout(5_000, () => socket.destroy(new Error('no handshake within 5 s')));
    socket.once('error', (error) => resolve(error.message));
    socket.once('secureConnect', () => {
      socket.destroy();
      resolve(null);
    });
  });
}

/** What the files hold between two rotations, for a moment. */
const badStates: readonly ((state: IssuedState, other: IssuedState) => void)[] = [
  ({ leaf }, other) => mount(leaf.certificate, other.leaf.key),
  ({ leaf }) => mount(leaf.certificate, null),
  () => mount(null, null),
  ({ leaf }) => mount(leaf.certificate.slice(0, 200), leaf.key),
  ({ leaf }) => mount(leaf.certificate, leaf.key.slice(0, 40)),
  () => mount('', ''),
];

/** What somebody may make of the leaf in the Secret: the aggregator makes another one. */
const damages: readonly ((state: IssuedState, other: IssuedState) => IssuedState)[] = [
  (state, other) => ({ ...state, leaf: { ...state.leaf, key: other.leaf.key } }),
  (state) => ({ ...state, leaf: { ...state.leaf, key: '' } }),
  (state) => ({ ...state, leaf: { ...state.leaf, certificate: state.leaf.certificate.slice(0, 200) } }),
  (state, other) => ({ ...state, leaf: other.leaf }),
  (state) => ({ ...state, leaf: { ...state.leaf, notBefore: 0, notAfter: 1 } }),
  (state) => ({ ...state, leaf: { ...state.leaf, key: rsaKey } }),
];

function publishedLongAgo(data: Readonly<Record<string, string>>): IssuedState {
  const state = readState(data['plumbline.json'] ?? '');
  if (state === null || state.next === null) throw new Error('there is no authority that comes next');
  return { ...state, next: { ...state.next, publishedAt: Date.now() - 2 * 86_400_000 } };
}

/** Both servers over one source of certificates, and clients that connect every ten milliseconds until told to end. */
async function knocked(certificates: ServerCertificates, trusted: () => string) {
  const ingest = new IngestServer({
    listeners: [
      { kind: 'tls', host: '127.0.0.1', port: 0, certificates, authenticator: socketAuthenticator('node-a') },
    ],
    known: nothingKnown,
    now: Date.now,
    monotonic: () => performance.now(),
    log,
  });
  const http = new HttpServer(httpOptions());
  await ingest.start();
  await http.start({ host: '127.0.0.1', port: 0 });
  const people = await http.startTls({ host: '127.0.0.1', port: 0 }, certificates);
  const refused: string[] = [];
  let handshakes = 0;
  let isOver = false;
  const knock = async (port: number, protocol: string) => {
    while (!isOver) {
      // What an agent trusts it has read before it dials.
      const failure = await handshake(port, trusted(), protocol);
      handshakes++;
      if (failure !== null) refused.push(`${protocol}: ${failure}`);
      await pause(10);
    }
  };
  const knocking = [knock(ingest.ports()[0] ?? 0, 'h2'), knock(people, 'http/1.1')];
  return {
    /** @returns what became of all handshakes. */
    async end() {
      isOver = true;
      await Promise.all(knocking);
      await Promise.all([http.stop(), ingest.stop(false)]);
      console.info(`${rotations} rotations, ${handshakes} handshakes, ${refused.length} refused`);
      return { refused, areMany: handshakes > 200, renewals: renewalsOf(certificates) };
    },
  };
}

function renewalsOf(certificates: ServerCertificates): number | undefined {
  return certificates.figures().find(({ name }) => name === 'plumbline_tls_cert_renewals_total')?.value;
}

const noneRefused = { refused: [], areMany: true, renewals: rotations };

function made(state: IssuedState | null, step: Parameters<typeof afterStep>[1]): Promise<IssuedState> {
  return afterStep(state, step, { names, now: Date.now() });
}

describe('a hundred rotations refuse no handshake of agents nor of people', () => {
  it('where the certificates are files', async () => {
    let state = await made(null, 'make-all');
    const other = await made(null, 'make-all');
    mount(state.leaf.certificate, state.leaf.key);
    const files = new CertificateFiles({
      certificateFile: join(root, '..data/tls.crt'),
      keyFile: join(root, '..data/tls.key'),
      now: Date.now,
      log,
    });
    const knocking = await knocked(files, () => trustedBy(state));
    for (let at = 0; at < rotations; at++) {
      badStates[at % badStates.length]?.(state, other);
      await files.look();
      if (at % 10 === 9) {
        state = await made(state, 'make-next');
        await pause(30);
        state = await made(state, 'switch');
      } else {
        state = await made(state, 'renew-leaf');
      }
      mount(state.leaf.certificate, state.leaf.key);
      await files.look();
      await pause(20);
    }
    expect(await knocking.end()).toEqual(noneRefused);
  });

  it('where the aggregator makes them, and its Secret is damaged again and again', async () => {
    const [secret, trust] = [keptInMemory('Secret p/tls'), keptInMemory('ConfigMap p/ca')];
    const certificates = new IssuedCertificates({ secret, trust, names, advertise: null, now: Date.now, log });
    await certificates.start();
    const other = await made(null, 'make-all');
    const knocking = await knocked(certificates, () => trust.data['ca.crt'] ?? '');
    for (let at = 0; at < rotations; at++) {
      const kept = secret.data;
      secret.failures.push({ ok: false, kind: 'unreachable', message: 'cut' });
      await certificates.look();
      secret.data = { 'plumbline.json': '{"version":1' };
      await expect(certificates.look()).rejects.toThrow('cannot be used');
      const state = readState(kept['plumbline.json'] ?? '') ?? other;
      if (at % 10 === 9) {
        secret.data = { 'plumbline.json': stateText(await made(state, 'make-next')) };
        await certificates.look();
        // What an agent trusts it has read a day ago; here, a moment ago.
        await pause(30);
        secret.data = { 'plumbline.json': stateText(publishedLongAgo(secret.data)) };
      } else {
        secret.data = { 'plumbline.json': stateText(damages[at % damages.length]?.(state, other) ?? state) };
      }
      await certificates.look();
      await pause(20);
    }
    expect(await knocking.end()).toEqual(noneRefused);
  });
});
