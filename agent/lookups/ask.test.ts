/** Real sockets on loopback: a server for each test, at a port of its own. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket as Connection } from 'node:net';
import type { AddressInfo } from 'node:net';
import { decode, encode } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { systemClock } from '../clock.ts';
import { ask, type LookupOutcome } from './ask.ts';
import type { PlannedLookup } from './planned-lookups.ts';

const loopback = address('127.0.0.1');
const name = 'kubernetes.default.svc.cluster.local';
/** Of a question that nobody answers; one that is answered waits as long as it always does. */
const waitMs = 100;

const ends: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function lookup(protocol: 'udp' | 'tcp', port: number): PlannedLookup {
  const question = { name: `${name}.`, type: 'A' } as const;
  return { server: loopback, port, by: 'backend', protocol, name: 'cluster', question };
}

/** The right answer to a question, or one with another id. */
function answerTo(question: Buffer, other = 0): Buffer {
  const { id = 0 } = decode(question);
  const questions = [{ type: 'A' as const, name }];
  const answers = [{ type: 'A' as const, name, ttl: 30, data: '10.96.0.1' }];
  return Buffer.from(encode({ type: 'response', id: (id + other) & 65_535, questions, answers }));
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** @param act what it does with a datagram. @returns what asking it comes to. */
async function askDatagrams(
  act: (socket: Socket, question: Buffer, port: number) => void,
  wait?: number,
): Promise<LookupOutcome> {
  const socket = createSocket('udp4');
  ends.push(() => socket.close());
  socket.on('message', (question, { port }) => act(socket, question, port));
  socket.bind(0, loopback);
  await once(socket, 'listening');
  return ask(lookup('udp', socket.address().port), systemClock, wait);
}

async function askStream(
  act: (connection: Connection, question: Buffer) => unknown,
  wait?: number,
): Promise<LookupOutcome> {
  const server: Server = createServer((connection) => {
    ends.push(() => connection.destroy());
    connection.on('error', () => connection.destroy());
    connection.once('data', (bytes) => act(connection, bytes.subarray(2)));
  });
  ends.push(() => server.close());
  server.listen(0, loopback);
  await once(server, 'listening');
  return ask(lookup('tcp', (server.address() as AddressInfo).port), systemClock, wait);
}

/** Of a socket that was closed again. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, loopback);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const right = { kind: 'answered', answer: { rcode: 'NOERROR', addresses: ['10.96.0.1'], truncated: false } } as const;
const failed = (error: string) => ({ kind: 'failed', error });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a question by UDP', () => {
  it('is answered, and takes some time', async () => {
    const outcome = await askDatagrams((socket, question, port) => {
      setTimeout(() => socket.send(answerTo(question), port, loopback), 20);
    });
    expect(outcome).toMatchObject(right);
    expect(outcome.kind === 'answered' && outcome.milliseconds > 15 && outcome.milliseconds < 2_000).toBe(true);
  });

  it('waits past answers to other questions', async () => {
    const outcome = await askDatagrams((socket, question, port) => {
      for (const other of [1, 2, 0]) socket.send(answerTo(question, other), port, loopback);
    });
    expect(outcome).toMatchObject(right);
  });

  it('waits past whom it has not asked', async () => {
    const stranger = createSocket('udp4');
    ends.push(() => stranger.close());
    expect(
      await askDatagrams((_, question, port) => stranger.send(answerTo(question), port, loopback), waitMs),
    ).toEqual(failed('timeout'));
  });

  it('that nobody answers is lost after a while', async () => {
    expect(await askDatagrams(() => undefined, waitMs)).toEqual(failed('timeout'));
  });

  it('to a closed port is refused', async () => {
    expect(await ask(lookup('udp', await closedPort()), systemClock)).toEqual(failed('ECONNREFUSED'));
  });

  it('that noise answers has a bad answer', async () => {
    const outcome = await askDatagrams((socket, _, port) => socket.send(Buffer.from('noise'), port, loopback));
    expect(outcome).toEqual(failed(expect.stringMatching(/^bad answer: no DNS message: /)));
  });
});

describe('a question by TCP', () => {
  it('is answered in one piece', async () => {
    expect(await askStream((connection, question) => connection.write(framed(answerTo(question))))).toMatchObject(
      right,
    );
  });

  it('is answered byte by byte', async () => {
    const outcome = await askStream(async (connection, question) => {
      connection.setNoDelay();
      for (const byte of framed(answerTo(question))) {
        connection.write(Buffer.of(byte));
        await pause(1);
      }
    });
    expect(outcome).toMatchObject(right);
  });

  it('takes the first message of several', async () => {
    const outcome = await askStream((connection, question) =>
      connection.write(Buffer.concat([framed(answerTo(question)), Buffer.alloc(100_000)])),
    );
    expect(outcome).toMatchObject(right);
  });

  it('that nobody answers is lost after a while', async () => {
    expect(await askStream(() => undefined, waitMs)).toEqual(failed('timeout'));
  });

  it('to a closed port is refused', async () => {
    expect(await ask(lookup('tcp', await closedPort()), systemClock)).toEqual(failed('ECONNREFUSED'));
  });

  it.each([
    ['at once', 0],
    ['in the midst of the answer', 20],
  ])('whose connection is closed %s has a bad answer', async (_, bytes) => {
    const outcome = await askStream((connection, question) =>
      connection.end(framed(answerTo(question)).subarray(0, bytes)),
    );
    expect(outcome).toEqual(failed('bad answer: the connection was closed'));
  });

  it('that is answered with another id has a bad answer: nobody else writes there', async () => {
    expect(await askStream((connection, question) => connection.write(framed(answerTo(question, 1))))).toEqual(
      failed('bad answer: an answer to another question'),
    );
  });
});
