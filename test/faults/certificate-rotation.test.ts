/**
 * Certificates change while agents and people connect: a hundred rotations, the authority rolled among them, and between
 * them every state in which a certificate's files can be found. No handshake is refused.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { type IssuedState, trustedBy } from '../../aggregator/certificates/issued-state.ts';
import { afterStep } from '../../aggregator/certificates/make-certificates.ts';
import { HttpServer } from '../../aggregator/http/server.ts';
import { IngestServer } from '../../aggregator/ingest/server.ts';
import { socketAuthenticator } from '../../aggregator/ingest/socket-authenticator.ts';
import { CertificateFiles } from '../../aggregator/ingest/tls-files.ts';
import { httpOptions } from '../http-options.ts';
import { nothingKnown } from '../ingest-by-hand.ts';

const names = ['aggregator.test'];
const rotations = 100;
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

describe('a hundred rotations', () => {
  it('refuse no handshake of agents nor of people', async () => {
    const made = async (state: IssuedState | null, step: Parameters<typeof afterStep>[1]) =>
      afterStep(state, step, { names, now: Date.now() });
    let state = await made(null, 'make-all');
    const other = await made(null, 'make-all');
    mount(state.leaf.certificate, state.leaf.key);
    const files = new CertificateFiles({
      certificateFile: join(root, '..data/tls.crt'),
      keyFile: join(root, '..data/tls.key'),
      now: Date.now,
      log,
    });
    const ingest = new IngestServer({
      listeners: [
        { kind: 'tls', host: '127.0.0.1', port: 0, certificates: files, authenticator: socketAuthenticator('node-a') },
      ],
      known: nothingKnown,
      now: Date.now,
      monotonic: () => performance.now(),
      log,
    });
    const http = new HttpServer(httpOptions());
    await ingest.start();
    await http.start({ host: '127.0.0.1', port: 0 });
    const people = await http.startTls({ host: '127.0.0.1', port: 0 }, files);
    const agentsPort = ingest.ports()[0] ?? 0;
    const failures: string[] = [];
    let handshakes = 0;
    let isOver = false;
    const knock = async (port: number, protocol: string) => {
      while (!isOver) {
        // What an agent trusts it has read before it dials.
        const failure = await handshake(port, trustedBy(state), protocol);
        handshakes++;
        if (failure !== null) failures.push(`${protocol}: ${failure}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const knocking = [knock(agentsPort, 'h2'), knock(people, 'http/1.1')];
    for (let at = 0; at < rotations; at++) {
      badStates[at % badStates.length]?.(state, other);
      await files.look();
      if (at % 10 === 9) {
        state = await made(state, 'make-next');
        await new Promise((resolve) => setTimeout(resolve, 30));
        state = await made(state, 'switch');
      } else {
        state = await made(state, 'renew-leaf');
      }
      mount(state.leaf.certificate, state.leaf.key);
      await files.look();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    isOver = true;
    await Promise.all(knocking);
    await Promise.all([http.stop(), ingest.stop(false)]);
    console.info(`${rotations} rotations, ${handshakes} handshakes, ${failures.length} refused`);
    expect([failures, handshakes > 200]).toEqual([[], true]);
    const renewals = files.figures().find(({ name }) => name === 'plumbline_tls_cert_renewals_total')?.value;
    expect(renewals).toBe(rotations);
  });
});
