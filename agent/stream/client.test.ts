import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeLoop, reading } from '../../test/reading-builders.ts';
import { type Call, ScriptedAggregator, ScriptedClock } from '../../test/scripted-aggregator.ts';
import { everyone, forwardTo, type Row } from '../../test/view-builders.ts';
import type { Heartbeat, ReportRequest, Target } from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { digestBytes } from '../../proto/wire/digest-bytes.ts';
import { AgentStream, type StreamOptions } from './client.ts';

const web: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080'))];

let folder = '';
let aggregator = new ScriptedAggregator();
let loop = new FakeLoop();
let clock = new ScriptedClock();
const logged: string[] = [];
const streams: AgentStream[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumbline-stream-'));
  aggregator = new ScriptedAggregator();
  loop = new FakeLoop();
  clock = new ScriptedClock();
  logged.length = 0;
});

afterEach(async () => {
  await Promise.all(streams.splice(0).map((stream) => stream.stop()));
  aggregator.stop();
  rmSync(folder, { recursive: true, force: true });
});

const socket = (name = 'a'): string => `unix:${join(folder, `${name}.sock`)}`;

/** A stream that runs until the test ends. */
function start(other: Partial<StreamOptions> = {}): AgentStream {
  const log = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const stream = new AgentStream({
    source: loop,
    addresses: [socket()],
    nodeName: 'node-a',
    agentVersion: '0.1.0',
    credentials: { tokenFile: null, caFile: null, serverName: null },
    dialSpreadSeconds: 30,
    log: { info: log, warn: log },
    clock,
    random: () => 0.5,
    ...other,
  });
  streams.push(stream);
  void stream.run();
  return stream;
}

describe('a stream over a socket', () => {
  it('brings the aggregator to know what was read, and what is read later', async () => {
    await aggregator.listen(socket());
    loop.read(reading(1, { rows: [web] }));
    start();
    const { mirror } = aggregator;
    await aggregator.until(() => mirror.table()?.size === 1 && mirror.lacking().length === 0);
    expect(mirror.heard.slice(0, 3)).toEqual(['hello', 'heartbeat', 'state 1 whole table parts 6']);
    loop.read(reading(2, { rows: [] }));
    await aggregator.until(() => mirror.table()?.size === 0);
    expect(aggregator.tokens).toEqual([[]]);
  });

  it('waits a random part of the spread before the first dial', async () => {
    await aggregator.listen(socket());
    start();
    await aggregator.until(() => aggregator.calls.length === 1);
    expect(clock.pauses).toEqual([15_000]);
  });

  it('beats every ten seconds', async () => {
    await aggregator.listen(socket());
    start();
    const { heard } = aggregator.mirror;
    await aggregator.until(() => heard.length === 2);
    clock.beat();
    await aggregator.until(() => heard.length === 3);
    expect(heard).toEqual(['hello', 'heartbeat', 'heartbeat']);
  });

  it('passes on what is asked of the loop, and takes it back at its end', async () => {
    await aggregator.listen(socket());
    const stream = start();
    await aggregator.until(() => aggregator.mirror.heard.length === 2);
    aggregator.say({ $case: 'slowDown', value: { intervalSeconds: 60 } });
    aggregator.say({ $case: 'wantEvidence', value: { entries: [new Uint8Array(16)] } });
    aggregator.say({ $case: 'resync', value: {} });
    loop.read(reading(1));
    await aggregator.until(() => aggregator.mirror.heard.some((each) => each.startsWith('state')));
    await stream.stop();
    expect(loop.asked).toEqual(['slow down to 60', `evidence of ${'0'.repeat(32)}`, 'slow down to null']);
    expect(loop.listeners).toBe(0);
  });

  it('hands on whom to probe', async () => {
    await aggregator.listen(socket());
    const aimed: (readonly Target[])[] = [];
    start({ aim: (targets) => aimed.push(targets) });
    await aggregator.until(() => aggregator.calls.length === 1);
    const target = {
      address: '10.244.2.1',
      port: 9469,
      protocol: 'udp',
      node: 'node-b',
      packetBytes: 1450,
      by: 'overlay',
    };
    aggregator.calls[0]?.write({ message: { $case: 'targets', value: { targets: [target] } } });
    await aggregator.until(() => aimed.length === 1);
    expect(aimed).toEqual([[target]]);
  });

  it('ends well when the agent stops', async () => {
    await aggregator.listen(socket());
    const stream = start();
    await aggregator.until(() => aggregator.mirror.heard.length === 2);
    await stream.stop();
    expect(logged.at(-1)).toContain('"code":"OK"');
  });
});

describe('a stream that ends', () => {
  it('is followed by another, which uploads nothing again', async () => {
    await aggregator.listen(socket());
    loop.read(reading(1, { rows: [web] }));
    const stream = start();
    const { mirror } = aggregator;
    await aggregator.until(() => mirror.table()?.size === 1 && mirror.lacking().length === 0);
    aggregator.say({ $case: 'ack', value: { sequence: 1n } });
    mirror.heard.length = 0;
    aggregator.calls.at(-1)?.emit('error', { code: status.UNAVAILABLE, details: 'restarting' });
    await aggregator.until(() => mirror.heard.length === 3);
    expect(mirror.heard).toEqual(['hello', 'heartbeat', 'state 1 whole table parts 6']);
    expect(clock.pauses).toEqual([15_000, 15_000]);
    aggregator.say({ $case: 'ack', value: { sequence: 1n } });
    aggregator.say({ $case: 'slowDown', value: { intervalSeconds: 5 } });
    while (loop.asked.at(-1) !== 'slow down to 5') await new Promise((resolve) => setTimeout(resolve, 1));
    expect(stream.counts.reconnects).toBe(1);
  });

  it('because the aggregator asks for it, is dialed again within that time', async () => {
    const goAway = (call: Call): void => {
      call.on('data', () => undefined);
      call.on('end', () => call.end());
      call.write({ message: { $case: 'reconnectAfter', value: { seconds: 60 } } });
    };
    await aggregator.script(goAway).listen(socket());
    start();
    await aggregator.until(() => aggregator.calls.length === 2);
    expect(clock.pauses.filter((ms) => ms !== 1_000)).toEqual([15_000, 30_000]);
  });

  it('before the aggregator said anything, is a failure: the wait grows', async () => {
    const refuse = (call: Call): void => {
      call.emit('error', { code: status.PERMISSION_DENIED, details: 'node-a is not your node' });
    };
    await aggregator.script(refuse, refuse, refuse).listen(socket());
    start();
    await aggregator.until(() => aggregator.calls.length === 4);
    expect(clock.pauses).toEqual([15_000, 1_000, 1_600, 2_560]);
    expect(logged).toContain(
      `the aggregator did not take the stream ${JSON.stringify({
        address: socket(),
        code: 'PERMISSION_DENIED',
        details: 'node-a is not your node',
      })}`,
    );
  });

  it('because the agent is too eager, is followed by a long wait', async () => {
    const exhausted = (call: Call): void => {
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'throttled' });
    };
    await aggregator.script(exhausted).listen(socket());
    start();
    await aggregator.until(() => aggregator.calls.length === 2);
    expect(clock.pauses).toEqual([15_000, 30_000]);
  });
});

describe('addresses', () => {
  it('are tried in turn', async () => {
    const beats: Heartbeat[] = [];
    const hear = (call: Call): void => {
      call.on('data', ({ message }: ReportRequest) => {
        if (message?.$case === 'heartbeat') beats.push(message.value);
      });
    };
    await aggregator.script(hear).listen(socket('b'));
    start({ addresses: [socket('absent'), socket('b')], attempt: () => new Promise(() => {}) });
    while (beats.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    // What comes after them is the wait for the first try of the other way.
    expect(clock.pauses.slice(0, 2)).toEqual([15_000, 1_000]);
    const way = {
      kind: 'socket',
      inUse: false,
      workedAgeMs: undefined,
      failedAgeMs: undefined,
      failingAgeMs: undefined,
    };
    expect(beats[0]?.ways).toEqual({
      ways: [
        { ...way, address: socket('absent'), failedAgeMs: 0, failingAgeMs: 0, reason: 'unreachable' },
        { ...way, address: socket('b'), inUse: true, workedAgeMs: 0, reason: '' },
      ],
    });
    expect(logged[0]).toContain('the aggregator did not take the stream');
    expect(logged[0]).toContain('"code":"UNAVAILABLE"');
  });

  it('are at least one, and never in plain text beyond this machine', () => {
    const options = (addresses: readonly string[]): StreamOptions => ({
      source: loop,
      addresses,
      nodeName: 'node-a',
      agentVersion: '0.1.0',
      credentials: { tokenFile: null, caFile: null, serverName: null },
      dialSpreadSeconds: 30,
      log: { info: () => undefined, warn: () => undefined },
    });
    expect(() => new AgentStream(options([]))).toThrow('no address to dial');
    expect(() => new AgentStream(options(['192.0.2.1:8443']))).toThrow(
      'stream to 192.0.2.1:8443: needs a CA file, plain text is for this machine only',
    );
  });
});

describe('an aggregator that does not read', () => {
  it('makes the agent stop producing, and gets the newest once it reads again', async () => {
    await aggregator.script((call) => call.pause()).listen(socket());
    const rows = Array.from({ length: 4_000 }, (_, number): Row => {
      const host = `${number >> 8}.${number & 255}`;
      return [`tcp 10.96.${host}:80`, everyone(forwardTo(`10.244.${host}:80`))];
    });
    const large = reading(1, { rows });
    const digests = (large.leaves ?? []).map(({ digest }) => digestBytes(digest));
    const stream = start();
    await aggregator.until(() => aggregator.calls.length === 1);
    let readings = 0;
    let sent = -1n;
    // Until the pipe is full, and through three rounds at least: uploads, and readings that each would be a message.
    for (let round = 0; sent !== stream.counts.sent || round < 3; round++) {
      sent = stream.counts.sent;
      aggregator.say({ $case: 'want', value: { digests } });
      for (let count = 0; count < 50; count++) loop.read({ ...large, number: ++readings });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(stream.counts.sent).toBeLessThan(BigInt(readings));
    loop.read({ ...large, number: ++readings });
    const told: number[] = [];
    const [call] = aggregator.calls;
    await new Promise<void>((resolve) => {
      call?.on('data', ({ message }: ReportRequest) => {
        if (message?.$case === 'state') told.push(Number(message.value.reading?.number));
        if (told.at(-1) === readings) resolve();
      });
      call?.resume();
    });
    expect(told.length).toBeLessThan(readings / 2);
  });
});
