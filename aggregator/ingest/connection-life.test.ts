/** How long connections and streams live, and what they are refused for: limits that grpc-js keeps when told to. */
import type { Settings } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { GrpcAgent, rawCall, rawUnix, RunningIngest } from '../../test/ingest-peers.ts';
import { reading } from '../../test/reading-builders.ts';
import { Connections } from './connections.ts';
import { IngestCounts } from './counts.ts';
import { defaultLimits } from './limits.ts';

let running: RunningIngest | null = null;
const agents: GrpcAgent[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await running?.stop();
  running = null;
});

async function start(...options: ConstructorParameters<typeof RunningIngest>): Promise<RunningIngest> {
  running = new RunningIngest(...options);
  await running.server.start();
  return running;
}

function agentOn(ingest: RunningIngest, node: string): GrpcAgent {
  const agent = new GrpcAgent(`unix:${ingest.socket(node)}`, node);
  agents.push(agent);
  agent.talk();
  return agent;
}

const isConnected = ({ kind }: { readonly kind: string }): boolean => kind === 'connected';

describe('a connection', () => {
  it('whose other end is gone without a word is dropped when it does not answer', async () => {
    const ingest = await start(['node-a'], { limits: { keepaliveMs: 50, keepaliveTimeoutMs: 50 } });
    const socket = connect(ingest.socket('node-a'));
    sockets.push(socket);
    const isClosed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    // HTTP/2 begins, with no settings; the ping that comes gets no answer.
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    socket.resume();
    await isClosed;
    expect(ingest.figure('ingest_connections')).toBe(0);
  });

  it('that answers lives on', async () => {
    const ingest = await start(['node-a'], { limits: { keepaliveMs: 20, keepaliveTimeoutMs: 500 } });
    const agent = agentOn(ingest, 'node-a');
    await ingest.until(isConnected);
    await new Promise((resolve) => setTimeout(resolve, 200));
    agent.read(reading(1));
    await ingest.until(({ kind }) => kind === 'report');
    expect(ingest.kinds('node-a')).toEqual(['connected', 'report']);
  });

  it('grows old, and then its stream ends whatever the agent does', async () => {
    const ingest = await start(['node-a'], { limits: { connectionAgeMs: 100, connectionAgeGraceMs: 50 } });
    const agent = agentOn(ingest, 'node-a');
    await ingest.until(isConnected);
    expect((await agent.ended).code).not.toBe(status.OK);
    await ingest.until(({ kind }) => kind === 'disconnected');
  });

  it('carries eight streams at once', async () => {
    const ingest = await start(['node-a']);
    const session = rawUnix(ingest.socket('node-a'));
    const settings = await new Promise<Settings>((resolve) => session.once('remoteSettings', resolve));
    session.destroy();
    expect(settings.maxConcurrentStreams).toBe(8);
  });

  it('is asked after 30 s and given up after 10, and lives 40 minutes and one, unless a test says otherwise', () => {
    const { keepaliveMs, keepaliveTimeoutMs, connectionAgeMs, connectionAgeGraceMs } = defaultLimits;
    expect([keepaliveMs, keepaliveTimeoutMs, connectionAgeMs, connectionAgeGraceMs].map((ms) => ms / 1000)).toEqual([
      30, 10, 2_400, 60,
    ]);
  });

  it('too many is dropped at once, and counted', async () => {
    const counts = new IngestCounts();
    const connections = new Connections({ ...defaultLimits, connections: 2, strangersPerSource: 9 }, counts);
    const admitted: boolean[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      admitted.push(connections.admit(socket, 0));
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(Number(Reflect.get(Object(server.address()), 'port'))));
    });
    for (let count = 0; count < 3; count++) sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
    while (admitted.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    expect([admitted, connections.size, counts.refused.of('connections')]).toEqual([[true, true, false], 2, 1]);
    server.close();
  });
});

describe('a call whose headers no agent sends', () => {
  it.each([
    ['a time that is none', { 'grpc-timeout': 'soon' }],
    ['binary metadata that is none', { 'node-bin': '%%%' }],
    ['60 KB of metadata', { padding: 'x'.repeat(60_000) }],
    ['an encoding that nobody knows', { 'grpc-encoding': 'zip' }],
  ])('%s harms nobody', async (_, headers) => {
    const ingest = await start(['node-a', 'node-b']);
    const session = rawUnix(ingest.socket('node-b'));
    await rawCall(session, headers);
    session.destroy();
    agentOn(ingest, 'node-a').read(reading(1));
    await ingest.until(({ kind }) => kind === 'report');
    expect([ingest.kinds('node-a'), ingest.kinds('node-b')]).toEqual([['connected', 'report'], []]);
  });
});

describe('an aggregator with hardly any memory left', () => {
  it('takes no further stream, says when to come back, and hears those that it has', async () => {
    const ingest = await start(['node-a', 'node-b']);
    const before = agentOn(ingest, 'node-a');
    await ingest.until(isConnected);
    ingest.heldShare = 0.9;
    ingest.server.tick();
    expect(ingest.figure('ingest_memory_pressure')).toBe(2);
    expect(await agentOn(ingest, 'node-b').ended).toEqual({
      code: status.UNAVAILABLE,
      details: 'the aggregator is short of memory, and takes no further stream',
      retryAfterMs: '30000',
    });
    ingest.events.length = 0;
    before.say({ $case: 'heartbeat', value: { sentAtMs: 0n, metrics: undefined, ways: { ways: [] } } });
    expect(await ingest.until(({ kind }) => kind === 'heard')).toMatchObject({ node: 'node-a', ways: [] });
    const slowDown = { message: { $case: 'slowDown', value: { intervalSeconds: 30 } } };
    expect(before.commands).toEqual([slowDown]);
    ingest.heldShare = 0.5;
    ingest.server.tick();
    agentOn(ingest, 'node-b');
    expect(await ingest.until(isConnected)).toMatchObject({ node: 'node-b' });
    expect([ingest.figure('ingest_refused_total', 'memory'), ingest.figure('ingest_memory_pressure')]).toEqual([1, 0]);
  });
});
