import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { testAuthority } from '../../test/certificates.ts';
import { framed, GrpcAgent, rawCall, rawTls, rawUnix, RunningIngest, reportPath } from '../../test/ingest-peers.ts';
import { reading } from '../../test/reading-builders.ts';
import { everyone, forwardTo, frontend, type Row, table } from '../../test/view-builders.ts';
import { entryDigest } from '../../proto/canonical.ts';
import type { AgentEvent } from '../model/feeds.ts';
import type { AgentAuthenticator, Identity } from './authenticate.ts';
import { CertificateFiles } from './tls-files.ts';

const web: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080'))];
const isReport = (node: string) => (event: AgentEvent) => event.kind === 'report' && event.report.node === node;
const isEvidence = ({ kind }: AgentEvent) => kind === 'evidence';

const authority = testAuthority();
const folder = mkdtempSync(join(tmpdir(), 'plumbline-server-'));
const server = authority.issue();
writeFileSync(join(folder, 'tls.crt'), server.certificate);
writeFileSync(join(folder, 'tls.key'), server.key);
afterAll(() => {
  authority.remove();
  rmSync(folder, { recursive: true, force: true });
});

let running: RunningIngest | null = null;
const agents: GrpcAgent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.close();
  await running?.stop();
  running = null;
});

async function start(...options: ConstructorParameters<typeof RunningIngest>): Promise<RunningIngest> {
  running = new RunningIngest(...options);
  await running.server.start();
  return running;
}

function agentOn(ingest: RunningIngest, node: string, epoch = 1): GrpcAgent {
  const agent = new GrpcAgent(`unix:${ingest.socket(node)}`, node, { epoch });
  agents.push(agent);
  return agent;
}

/** Takes `token-of-X` for the identity X. */
function tokens(identities: Readonly<Record<string, Identity>>): AgentAuthenticator {
  return {
    authenticate: ({ authorization }) => {
      const identity = identities[authorization?.slice('Bearer '.length) ?? ''];
      return Promise.resolve(
        identity === undefined
          ? { ok: false, closing: { code: 'unauthenticated', reason: 'token-refused', message: 'no such token' } }
          : { ok: true, identity },
      );
    },
    forgetPod: () => {},
    figures: () => [],
  };
}

async function startTls(identities: Readonly<Record<string, Identity>>) {
  const certificates = new CertificateFiles({
    certificateFile: join(folder, 'tls.crt'),
    keyFile: join(folder, 'tls.key'),
    now: () => Date.now(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  const authenticator = tokens(identities);
  const ingest = await start([], {
    listeners: [{ kind: 'tls', host: '127.0.0.1', port: 0, certificates, authenticator }],
    limits: { strangersPerSource: 20 },
  });
  const [port] = ingest.server.ports();
  const dial = (token: string, node: string, epoch = 1) => {
    const agent = new GrpcAgent(`127.0.0.1:${port}`, node, { token, ca: authority.certificate, epoch });
    agents.push(agent);
    agent.talk();
    return agent;
  };
  return { ingest, port: port ?? 0, dial };
}

describe('an agent on the unix socket of its node', () => {
  it('is heard, asked, reported, acknowledged, and asked for evidence', async () => {
    const ingest = await start(['node-a']);
    const agent = agentOn(ingest, 'node-a');
    agent.talk();
    agent.read(reading(1, { rows: [web] }));
    const report = await ingest.until(isReport('node-a'));
    expect(report.kind === 'report' && new Map([...(report.report.table ?? [])])).toEqual(table([web]));
    if (report.kind === 'report') ingest.server.acknowledge('node-a', report.sequence);
    const asked = entryDigest(frontend(web[0]), web[1]);
    ingest.server.wantEvidence('node-a', [asked]);
    agent.read(reading(2, { rows: [web], evidence: [{ entry: asked, repaired: true, lines: [], total: 0 }] }));
    await ingest.until(isEvidence);
    expect(agent.commands.map(({ message }) => message?.$case)).toEqual([
      'want',
      'want',
      'want',
      'ack',
      'wantEvidence',
    ]);
    expect(ingest.figure('ingest_streams')).toBe(1);
    expect(ingest.figure('ingest_messages_total', 'state')).toBe(2);
  });

  it('finds the socket readable by its owner only, even where an old one was left behind', async () => {
    const before = await start(['node-a']);
    const path = before.socket('node-a');
    const second = new RunningIngest([], { listeners: [{ kind: 'unix', path, node: 'node-a' }] });
    await second.server.start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await second.stop();
    expect(existsSync(path)).toBe(false);
  });

  it('that calls its node by another name is refused and counted', async () => {
    const ingest = await start(['node-a']);
    const agent = new GrpcAgent(`unix:${ingest.socket('node-a')}`, 'node-b');
    agents.push(agent);
    agent.talk();
    expect(await agent.ended).toMatchObject({ code: status.PERMISSION_DENIED });
    expect(ingest.figure('identity_mismatch_total')).toBe(1);
    expect(ingest.events).toEqual([]);
  });

  it('dialling a second time ends the first stream', async () => {
    const ingest = await start(['node-a']);
    const first = agentOn(ingest, 'node-a');
    first.talk();
    first.read(reading(1, { rows: [web] }));
    await ingest.until(isReport('node-a'));
    const second = agentOn(ingest, 'node-a', 2);
    second.talk();
    expect(await first.ended).toEqual({
      code: status.UNAVAILABLE,
      details: 'another stream speaks for this node now',
      retryAfterMs: null,
    });
    expect(ingest.kinds('node-a')).toEqual(['connected', 'report', 'disconnected', 'connected']);
  });

  it('dialling six times a minute is sent away for five, and told as lost', async () => {
    const ingest = await start(['node-a']);
    const dialled = Array.from({ length: 6 }, (_, index) => agentOn(ingest, 'node-a', index + 1));
    for (const agent of dialled) agent.talk();
    const sixth = await Promise.race(
      dialled.map(async ({ ended }) => {
        const end = await ended;
        return end.code === status.RESOURCE_EXHAUSTED ? end : new Promise<never>(() => {});
      }),
    );
    expect(Number(sixth.retryAfterMs)).toBeGreaterThan(290_000);
    await ingest.until(({ kind }) => kind === 'lost');
  });

  it('hanging up ends the stream well', async () => {
    const ingest = await start(['node-a']);
    const agent = agentOn(ingest, 'node-a');
    agent.talk();
    await ingest.until(({ kind }) => kind === 'connected');
    agent.hangUp();
    expect((await agent.ended).code).toBe(status.OK);
    expect(ingest.kinds('node-a')).toEqual(['connected', 'disconnected']);
  });
});

describe('an agent over TLS', () => {
  const identity = (node: string, podUid: string, expiresAt: number | null = null): Identity => ({
    node,
    podUid,
    expiresAt,
  });

  it('is the node of its token', async () => {
    const { ingest, dial } = await startTls({ a: identity('node-a', 'pod-1') });
    const agent = dial('a', 'node-a');
    agent.read(reading(1, { rows: [web] }));
    await ingest.until(isReport('node-a'));
    expect(ingest.figure('tls_cert_not_after_seconds')).toBeGreaterThan(Date.now() / 1000);
  });

  it('with a token that nobody takes is refused', async () => {
    const { dial } = await startTls({});
    expect(await dial('x', 'node-a').ended).toMatchObject({ code: status.UNAUTHENTICATED, details: 'no such token' });
  });

  it('loses its stream when the token expires', async () => {
    const { ingest, dial } = await startTls({ a: identity('node-a', 'pod-1', Date.now() + 60_000) });
    const agent = dial('a', 'node-a');
    await ingest.until(({ kind }) => kind === 'connected');
    ingest.server.tick();
    expect(ingest.kinds('node-a')).toEqual(['connected']);
    ingest.skewMs = 60_001;
    ingest.server.tick();
    expect(await agent.ended).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(ingest.kinds('node-a')).toEqual(['connected', 'disconnected']);
  });

  it('loses its stream when its pod is deleted', async () => {
    const { ingest, dial } = await startTls({ a: identity('node-a', 'pod-1'), b: identity('node-b', 'pod-2') });
    const agent = dial('a', 'node-a');
    dial('b', 'node-b');
    await ingest.until((event) => event.kind === 'connected' && event.node === 'node-a');
    await ingest.until((event) => event.kind === 'connected' && event.node === 'node-b');
    ingest.server.podGone('pod-1');
    expect(await agent.ended).toMatchObject({ details: 'the pod of the stream was deleted' });
    expect(ingest.kinds('node-b')).toEqual(['connected']);
  });

  it('from a newer pod takes over, and the older pod does not come back while it lives', async () => {
    const { ingest, dial } = await startTls({ old: identity('node-a', 'pod-1'), new: identity('node-a', 'pod-2') });
    const old = dial('old', 'node-a');
    await ingest.until(({ kind }) => kind === 'connected');
    const newer = dial('new', 'node-a', 2);
    expect(await old.ended).toMatchObject({ code: status.UNAVAILABLE });
    expect(await dial('old', 'node-a', 3).ended).toEqual({
      code: status.PERMISSION_DENIED,
      details: 'a newer pod speaks for this node',
      retryAfterMs: null,
    });
    newer.hangUp();
    await newer.ended;
    dial('old', 'node-a', 4);
    await ingest.until((event) => event.kind === 'connected' && ingest.kinds('node-a').length === 5);
    expect(ingest.kinds('node-a')).toEqual(['connected', 'disconnected', 'connected', 'disconnected', 'connected']);
  });

  it('without a token is refused by its headers, whatever its body', async () => {
    const { ingest, port } = await startTls({});
    const session = rawTls(port, authority.certificate);
    expect(await rawCall(session, {})).toEqual({ http: 200, grpc: status.UNAUTHENTICATED });
    expect(await rawCall(session, { authorization: 'Basic abc' }, [framed(new Uint8Array(1000))])).toEqual({
      http: 200,
      grpc: status.UNAUTHENTICATED,
    });
    const endless = await rawCall(session, { authorization: `Bearer ${'x'.repeat(20_000)}` });
    expect(endless).toEqual({ http: 200, grpc: status.UNAUTHENTICATED });
    session.destroy();
    expect(ingest.figure('ingest_refused_total', 'no-token')).toBe(3);
    expect(ingest.figure('ingest_messages_total')).toBe(0);
  });
});

describe('what no agent sends', () => {
  it.each([
    ['a GET', { ':method': 'GET' }, { http: 405, grpc: null }, 'method'],
    ['a compressed call', { 'grpc-encoding': 'gzip' }, { http: 200, grpc: status.UNIMPLEMENTED }, 'compressed'],
    ['another method', { ':path': '/grpc.health.v1.Health/Check' }, { http: 200, grpc: status.UNIMPLEMENTED }, 'path'],
  ])('%s is refused by its headers', async (_, headers, answer, reason) => {
    const ingest = await start(['node-a']);
    const session = rawUnix(ingest.socket('node-a'));
    const { http, grpc } = await rawCall(session, headers, [framed(new Uint8Array(100))]);
    expect({ http, grpc: answer.grpc === null ? null : grpc }).toEqual(answer);
    expect(ingest.figure('ingest_refused_total', reason)).toBe(1);
    session.destroy();
  });

  it('something that is no gRPC gets 415', async () => {
    const ingest = await start(['node-a']);
    const session = rawUnix(ingest.socket('node-a'));
    expect(await rawCall(session, { 'content-type': 'text/html', ':path': reportPath })).toMatchObject({ http: 415 });
    session.destroy();
  });

  it.each<[string, readonly Uint8Array[], number, string]>([
    ['bytes that are no message', [framed(Buffer.from('ffffffffff', 'hex'))], status.INVALID_ARGUMENT, 'unreadable'],
    [
      'a message that says it has 5 MB',
      [framed(new Uint8Array(10), { declared: 5_000_000 })],
      status.RESOURCE_EXHAUSTED,
      'message-too-large',
    ],
    [
      'a message that says it has 4 GB',
      [framed(new Uint8Array(10), { declared: 0xffff_ffff })],
      status.RESOURCE_EXHAUSTED,
      'message-too-large',
    ],
  ])('%s ends the stream', async (_, body, code, reason) => {
    const ingest = await start(['node-a']);
    const session = rawUnix(ingest.socket('node-a'));
    expect((await rawCall(session, {}, body, { ends: false })).grpc).toBe(code);
    expect(ingest.figure('ingest_refused_total', reason)).toBe(1);
    session.destroy();
  });
});

describe('a server that stops', () => {
  it('tells agents to come back later, and lets them go by themselves', async () => {
    const ingest = await start(['node-a']);
    const agent = agentOn(ingest, 'node-a');
    agent.talk();
    await ingest.until(({ kind }) => kind === 'connected');
    const stopped = ingest.server.stop(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(agent.commands).toEqual([{ message: { $case: 'reconnectAfter', value: { seconds: 30 } } }]);
    agent.hangUp();
    await stopped;
    expect(ingest.kinds('node-a')).toEqual(['connected', 'disconnected']);
  });

  it('by force ends every stream at once', async () => {
    const ingest = await start(['node-a']);
    const agent = agentOn(ingest, 'node-a');
    agent.talk();
    await ingest.until(({ kind }) => kind === 'connected');
    await ingest.server.stop(false);
    expect((await agent.ended).code).toBe(status.UNAVAILABLE);
    expect(ingest.kinds('node-a')).toEqual(['connected', 'disconnected']);
  });

  it('says why it cannot start', async () => {
    const ingest = new RunningIngest([], {
      listeners: [{ kind: 'unix', path: '/nonexistent/agent.sock', node: 'node-a' }],
    });
    await expect(ingest.server.start()).rejects.toThrow(
      'cannot listen for agents on {"path":"/nonexistent/agent.sock"}: listen EACCES',
    );
  });
});
