/** A real server among peers that mean harm: they are refused and counted, and a sound node does not notice. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateFiles } from '../../aggregator/ingest/tls-files.ts';
import { digest } from '../../proto/canonical.ts';
import * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { testAuthority } from '../certificates.ts';
import { IngestByHand } from '../ingest-by-hand.ts';
import { framed, GrpcAgent, rawCall, rawTls, rawUnix, RunningIngest } from '../ingest-peers.ts';
import { reading } from '../reading-builders.ts';
import { everyone, forwardTo, type Row, table } from '../view-builders.ts';

const web: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080'))];
const megabyte = 1024 * 1024;

const authority = testAuthority();
const issued = authority.issue();
const folder = mkdtempSync(join(tmpdir(), 'plumbline-hostile-'));
writeFileSync(join(folder, 'tls.crt'), issued.certificate);
writeFileSync(join(folder, 'tls.key'), issued.key);
afterAll(() => {
  authority.remove();
  rmSync(folder, { recursive: true, force: true });
});

const quietLog = { info: () => {}, warn: () => {}, error: () => {} };
const nobody = {
  authenticate: () =>
    Promise.resolve({
      ok: false,
      closing: { code: 'unauthenticated', reason: 'token-refused', message: 'no such token' },
    } as const),
  forgetPod: () => {},
  figures: () => [],
};

/** A server with a sound agent on node-a, which reads once more when a test is done, and must be reported at once. */
let ingest: RunningIngest;
let sound: GrpcAgent;
let port = 0;
const raws: { destroy(): void }[] = [];

beforeEach(async () => {
  const certificates = new CertificateFiles({
    certificateFile: join(folder, 'tls.crt'),
    keyFile: join(folder, 'tls.key'),
    now: () => Date.now(),
    log: quietLog,
  });
  ingest = new RunningIngest(['node-a', 'node-b'], {
    listeners: [{ kind: 'tls', host: '127.0.0.1', port: 0, certificates, authenticator: nobody }],
  });
  await ingest.server.start();
  port = ingest.server.ports().find((one) => one !== null) ?? 0;
  sound = new GrpcAgent(`unix:${ingest.socket('node-a')}`, 'node-a');
  sound.talk();
  sound.read(reading(1, { rows: [] }));
  await ingest.until((event) => event.kind === 'report' && event.report.node === 'node-a');
});

afterEach(async () => {
  const start = performance.now();
  sound.read(reading(2, { rows: [web] }));
  const event = await ingest.until((one) => one.kind === 'report' && one.report.reading.endsWith('/2'));
  expect(event.kind === 'report' && new Map([...(event.report.table ?? [])])).toEqual(table([web]));
  expect(performance.now() - start).toBeLessThan(2000);
  expect(ingest.kinds('node-a')).toEqual(['connected', 'report', 'report']);
  for (const raw of raws.splice(0)) raw.destroy();
  sound.close();
  await ingest.stop();
});

function unixTo(node: string) {
  const session = rawUnix(ingest.socket(node));
  raws.push(session);
  return session;
}

describe('a node beside a sound one', () => {
  it('with 200 streams of junk gets five of them as far as their first byte', async () => {
    const before = process.memoryUsage().rss;
    const ends = await Promise.all(
      Array.from({ length: 25 }, () => unixTo('node-b')).flatMap((session) =>
        Array.from({ length: 8 }, () => rawCall(session, {}, [framed(randomBytes(60_000))], { ends: false })),
      ),
    );
    const codes = Map.groupBy(ends, ({ grpc }) => grpc);
    expect(codes.get(status.INVALID_ARGUMENT)?.length).toBe(5);
    expect(codes.get(status.RESOURCE_EXHAUSTED)?.length).toBe(195);
    expect(ingest.figure('ingest_refused_total', 'throttled')).toBe(195);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * megabyte);
  });

  it('with bombs that unpack to 256 MB has none of them unpacked', async () => {
    const bomb = framed(gzipSync(Buffer.alloc(256 * megabyte)).subarray(0, megabyte - 100), { compressed: true });
    const before = process.memoryUsage().rss;
    const session = unixTo('node-b');
    const ends = await Promise.all(
      Array.from({ length: 8 }, () => rawCall(session, { 'grpc-encoding': 'gzip' }, [bomb], { ends: false })),
    );
    expect(ends.map(({ grpc }) => grpc)).toEqual(Array(8).fill(status.UNIMPLEMENTED));
    expect(ingest.figure('ingest_refused_total', 'compressed')).toBe(8);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * megabyte);
  });

  it('with a message flagged as compressed in a call that is not gets no further than a message that is none', async () => {
    const bomb = framed(gzipSync(Buffer.alloc(megabyte)), { compressed: true });
    expect((await rawCall(unixTo('node-b'), {}, [bomb], { ends: false })).grpc).toBe(status.INVALID_ARGUMENT);
  });

  it('that stops in the middle of a message leaves nothing behind', async () => {
    const session = unixTo('node-b');
    await rawCall(session, {}, [framed(randomBytes(100), { declared: 200 })]);
    session.destroy();
    expect(ingest.figure('ingest_messages_total', 'unreadable')).toBe(0);
    expect(ingest.kinds('node-b')).toEqual([]);
  });

  it('that resets streams as fast as it can is dropped', async () => {
    const session = unixTo('node-b');
    const isClosed = new Promise<void>((resolve) => session.once('close', resolve));
    let count = 0;
    const storm = () => {
      for (let round = 0; round < 50 && !session.closed && !session.destroyed; round++) {
        const stream = session.request({
          ':method': 'POST',
          ':path': '/plumbline.agent.v1.AgentService/Report',
          'content-type': 'application/grpc',
        });
        stream.on('error', () => {});
        stream.close(8);
        count++;
      }
      if (!session.closed && !session.destroyed && count < 20_000) setImmediate(storm);
      else session.destroy();
    };
    storm();
    await isClosed;
    expect(ingest.figure('ingest_streams')).toBe(1);
  });

  it('that does not read its commands is cut off before they pile up', async () => {
    const session = unixTo('node-b');
    const stream = session.request({
      ':method': 'POST',
      ':path': '/plumbline.agent.v1.AgentService/Report',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => {});
    stream.pause();
    const hello = { epoch: new Uint8Array(16), agentVersion: '0', nodeName: 'node-b' };
    stream.write(
      framed(wire.ReportRequest.encode({ sequence: 1n, message: { $case: 'hello', value: hello } }).finish()),
    );
    await ingest.until((event) => event.kind === 'connected' && event.node === 'node-b');
    const entries = Array.from({ length: 200 }, (_, index) => digest(`entry ${index}`));
    for (let round = 0; round < 2000 && ingest.kinds('node-b').length === 1; round++) {
      ingest.server.wantEvidence('node-b', entries);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(ingest.figure('ingest_refused_total', 'slow-reader')).toBe(1);
    expect(ingest.kinds('node-b')).toEqual(['connected', 'disconnected']);
  });
});

describe('strangers', () => {
  const opened = (): Promise<{ readonly socket: Socket; readonly isClosed: Promise<void> }> =>
    new Promise((resolve) => {
      const socket = connectTcp(port, '127.0.0.1', () => resolve({ socket, isClosed }));
      const isClosed = new Promise<void>((done) => socket.once('close', () => done()));
      socket.on('error', () => {});
      raws.push(socket);
    });

  it('are four per address; more are dropped at once, and the four after ten seconds', async () => {
    const four = [await opened(), await opened(), await opened(), await opened()];
    const fifth = await opened();
    await fifth.isClosed;
    expect(ingest.figure('ingest_refused_total', 'strangers')).toBe(1);
    ingest.skewMs = 10_000;
    ingest.server.tick();
    await Promise.all(four.map(({ isClosed }) => isClosed));
    expect(ingest.figure('ingest_refused_total', 'slow-stranger')).toBe(4);
    const next = await opened();
    next.socket.write('GET / HTTP/1.1\r\n\r\n');
    await next.isClosed;
    // The four had not shaken hands either.
    expect(ingest.figure('ingest_refused_total', 'handshake')).toBe(5);
  });

  it('with a token that nobody takes have none of their body read', async () => {
    const session = rawTls(port, authority.certificate);
    raws.push(session);
    const body = [framed(randomBytes(60_000))];
    const { grpc } = await rawCall(session, { authorization: 'Bearer x' }, body, { ends: false });
    expect(grpc).toBe(status.UNAUTHENTICATED);
    expect(ingest.figure('ingest_messages_total', 'unreadable')).toBe(0);
  });
});

describe('messages of any bytes', () => {
  /** The messages of a sound stream, to be damaged. */
  function recorded(): readonly Uint8Array[] {
    const node = new IngestByHand().node('node-b');
    const said: Uint8Array[] = [];
    const hear = node.hear.bind(node);
    node.hear = (message) => {
      said.push(wire.ReportRequest.encode(message).finish());
      hear(message);
    };
    node.talk();
    node.read(reading(1, { rows: [web] }));
    node.read(reading(2, { rows: [] }));
    return said;
  }

  function requestOf(bytes: Uint8Array): wire.ReportRequest | null {
    try {
      return wire.ReportRequest.decode(bytes);
    } catch {
      return null;
    }
  }

  it('never throw, never touch another node, and never make a table that its root does not stand for', () => {
    const said = recorded();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(said.length - 1), fc.nat(2000), fc.nat(255), fc.boolean()), { maxLength: 6 }),
        (damages) => {
          const byHand = new IngestByHand();
          const hit = byHand.node('node-b');
          for (const [index, bytes] of said.entries()) {
            const own = Buffer.from(bytes);
            let sent = own;
            for (const [at, offset, value, cuts] of damages) {
              if (at !== index) continue;
              if (cuts) sent = own.subarray(0, offset % own.length);
              else own[offset % own.length] = value;
            }
            hit.session.receive(requestOf(sent), sent.length, byHand.now());
          }
          for (const { table: made } of byHand.reports('node-b')) {
            if (made !== null) expect([0, 1]).toContain(made.size);
          }
          hit.cut();
          const { wants, uploads } = byHand.shared;
          expect([wants.open, wants.turns, wants.waiting, uploads.held]).toEqual([0, 0, 0, 0]);
          expect(byHand.events.every((event) => event.kind === 'report' || event.node === 'node-b')).toBe(true);
        },
      ),
      { seed: 1, numRuns: 3000 },
    );
  });
});
