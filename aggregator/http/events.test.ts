import { get as request, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditRecord, type FakeRecord, minutesAgo, nodeRecord, tracked } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import type { Transition } from '../model/lifecycle.ts';
import type { HttpOptions } from './options.ts';
import { HttpServer } from './server.ts';

const finding = tracked('stale-endpoint', { fingerprint: 'a' });
const fired: Transition = { fingerprint: 'a', episode: 1, at: minutesAgo(0), kind: 'firing', because: 'Seen twice.' };

let record: FakeRecord;
let server: HttpServer;
let url: string;

async function start(changes: Partial<HttpOptions> = {}): Promise<void> {
  record = auditRecord({ findings: [finding], nodes: [nodeRecord('node-a')] });
  server = new HttpServer(httpOptions({ record, ...changes }));
  url = await server.start({ host: '127.0.0.1', port: 0 });
}

/** Reads along until the text fits; the connection then ends. */
async function readUntil(answer: Response, pattern: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  let tail = '';
  for await (const bytes of answer.body ?? []) {
    const piece = decoder.decode(bytes, { stream: true });
    pieces.push(piece);
    tail = (tail + piece).slice(-200_000);
    if (pattern.test(tail)) break;
  }
  return pieces.join('');
}

/** Waits for what other ends of connections do. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('the events', () => {
  beforeEach(() => start());
  afterEach(() => server.stop());

  it('begin with the word to read the lists, and are what happens from then on', async () => {
    const answer = await fetch(`${url}/api/v1/events`, { headers: { 'last-event-id': '7' } });
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
      200,
      'text/event-stream',
      'no-store',
    ]);
    record.tell({ kind: 'finding', transition: fired, finding });
    record.tell({ kind: 'finding', transition: { ...fired, kind: 'withdrawn' }, finding: null });
    record.tell({ kind: 'node', node: nodeRecord('node-a', { state: 'unhealthy' }) });
    const text = await readUntil(answer, /event: node\ndata: .*\n\n/);
    const [opening = '', ...rest] = text.split('\n\n').filter((message) => message !== '');
    expect(opening).toBe('retry: 3000\nevent: snapshot\ndata: {"because":"connected"}');
    const told = rest.map((message) => {
      const [, kind, data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? [];
      return [kind, JSON.parse(data)];
    });
    const { nodeUid, clean, readings, lastReading, frontends, ...shown } = finding;
    expect([nodeUid, clean, readings, lastReading, frontends]).not.toContain(undefined);
    expect(told).toEqual([
      ['finding', { transition: fired, finding: { ...shown, groupNodes: 1 } }],
      ['finding', { transition: { ...fired, kind: 'withdrawn' }, finding: null }],
      ['node', nodeRecord('node-a', { state: 'unhealthy' })],
    ]);
  });

  it('keep what nodes wrote inside of one event', async () => {
    const answer = await fetch(`${url}/api/v1/events`);
    const summary = 'one\n\nevent: node\ndata: {}\r\n\r\n\u2028';
    record.tell({ kind: 'finding', transition: fired, finding: { ...finding, summary } });
    const text = await readUntil(answer, /event: finding\ndata: [^\n]*\n\n/);
    expect(text.match(/^event: /gm)).toHaveLength(2);
  });

  it('stop being made when nobody reads any more', async () => {
    const leaving = new AbortController();
    const answer = await fetch(`${url}/api/v1/events`, { signal: leaving.signal });
    await until(() => record.subscribers() === 1);
    leaving.abort();
    await until(() => record.subscribers() === 0);
    expect(answer.status).toBe(200);
  });

  it('end when the server stops', async () => {
    const answer = await fetch(`${url}/api/v1/events`);
    const read = readUntil(answer, /never/);
    await server.stop();
    expect([await read, record.subscribers()]).toEqual([expect.stringContaining('snapshot'), 0]);
  });

  it('are for 100 readers at once', async () => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/api/v1/events`, { signal })));
    const further = await fetch(`${url}/api/v1/events`);
    const body = (await further.json()) as { readonly code: string };
    expect([
      new Set(answers.map(({ status }) => status)),
      further.status,
      further.headers.get('retry-after'),
      body.code,
    ]).toEqual([new Set([200]), 503, '30', 'too-many-subscribers']);
    leaving.abort();
  });
});

describe('a quiet stream', () => {
  afterEach(() => server.stop());

  it('has signs of life', async () => {
    await start({ heartbeatMs: 1 });
    expect(await readUntil(await fetch(`${url}/api/v1/events`), /heartbeat/)).toContain('\n\n: heartbeat\n\n');
  });
});

describe('a reader who is too slow', () => {
  beforeEach(() => start());
  afterEach(() => server.stop());

  /** Opens the stream and does not read. */
  function unread(): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      request(`${url}/api/v1/events`, { agent: false }, (answer) => resolve(answer.pause())).on('error', reject);
    });
  }

  it('loses events, hears of it, and costs others nothing', async () => {
    const slow = await unread();
    const quick = await fetch(`${url}/api/v1/events`);
    const long = { ...finding, summary: 'x'.repeat(100_000) };
    const reading = readUntil(quick, /event: node/);
    for (let round = 0; round < 200; round += 1) {
      record.tell({ kind: 'finding', transition: fired, finding: long });
      await new Promise((resolve) => setImmediate(resolve));
    }
    record.tell({ kind: 'node', node: nodeRecord('node-a') });
    const told = await reading;
    let findings = 0;
    slow.setEncoding('utf8');
    for await (const piece of slow) {
      findings += String(piece).match(/^event: finding/gm)?.length ?? 0;
      if (String(piece).includes('events-lost')) break;
    }
    expect(told.match(/^event: finding/gm)?.length).toBe(200);
    expect(findings).toBeLessThan(200);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(Number(/^plumbline_http_events_dropped_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
  });
});
