import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as SocketServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterAll, describe, expect, it } from 'vitest';
import {
  NamespaceMode,
  type PodSandbox,
  PodSandboxState,
  type RuntimeServiceServer,
  RuntimeServiceService,
} from '../proto/generated/cri/runtime.ts';
import { localHost } from './host.ts';
import { type ListedSandbox, runtimeAt } from './host-cri.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-cri-'));
const runtimes: Server[] = [];
let made = 0;
const others: SocketServer[] = [];
afterAll(() => {
  for (const runtime of runtimes) runtime.forceShutdown();
  for (const other of others) other.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Runtime {
  readonly path: string;
  /** What it was asked, in order. */
  readonly asked: string[];
}

const well: RuntimeServiceServer = {
  version: (_call, reply) => reply(null, { runtimeName: 'containerd', runtimeVersion: '1.6.20' }),
  listPodSandbox: (_call, reply) => reply(null, { items: [sandbox('aaa'), sandbox('bbb')] }),
  podSandboxStatus: ({ request: { podSandboxId: id, verbose } }, reply) => {
    const linux = { namespaces: { options: { network: NamespaceMode.POD } } };
    const network = { ip: '10.244.1.2', additionalIps: [{ ip: 'fd00::2' }] };
    reply(null, { status: { id, network, linux }, info: verbose ? { info: '{"pid":1}' } : {} });
  },
};

function sandbox(id: string): PodSandbox {
  const metadata = { name: 'web-0', uid: `uid-${id}`, namespace: 'shop', attempt: 1 };
  return { id, metadata, state: PodSandboxState.SANDBOX_READY, createdAt: 1_700_000_000_000_000_000n };
}

/** A runtime that answers like this, and else as one that is well. */
async function runtime(changed: Partial<RuntimeServiceServer>): Promise<Runtime> {
  const path = join(folder, `${made++}.sock`);
  const asked: string[] = [];
  const { version, listPodSandbox, podSandboxStatus } = { ...well, ...changed };
  const server = new Server();
  const implementation: RuntimeServiceServer = {
    version: (call, reply) => {
      asked.push('Version');
      version(call, reply);
    },
    listPodSandbox: (call, reply) => {
      asked.push('ListPodSandbox');
      listPodSandbox(call, reply);
    },
    podSandboxStatus: (call, reply) => {
      asked.push(`PodSandboxStatus ${call.request.podSandboxId}`);
      podSandboxStatus(call, reply);
    },
  };
  server.addService(RuntimeServiceService, implementation);
  runtimes.push(server);
  await bound(server, path);
  return { path, asked };
}

function bound(server: Server, path: string): Promise<void> {
  return new Promise((ready, fail) => {
    const done = (error: Error | null) => (error === null ? ready() : fail(error));
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), done);
  });
}

/** A socket at which something else listens. */
async function stranger(greet: (socket: Socket) => void): Promise<string> {
  const path = join(folder, `other-${others.length}.sock`);
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    greet(socket);
  });
  others.push(server);
  await new Promise<void>((ready) => server.listen(path, ready));
  return path;
}

const all = (listed: readonly ListedSandbox[]) => listed.map(({ id }) => id);
const outcomeOf = async (path: string) => {
  const answer = await runtimeAt(path, 60)(all);
  return answer.ok ? answer : { kind: answer.kind, message: answer.message };
};
const anyStatus = { hostNetwork: false, addresses: ['10.244.1.2', 'fd00::2'], info: '{"pid":1}' };

describe('a container runtime that is asked', () => {
  it('tells its version, its sandboxes, and of those that were chosen their status', async () => {
    const { path, asked } = await runtime({});
    const listed = (id: string) => ({
      id,
      namespace: 'shop',
      name: 'web-0',
      uid: `uid-${id}`,
      attempt: 1,
      ready: true,
      createdAt: 1_700_000_000_000_000_000n,
    });
    expect(await localHost({ criSocket: path }).sandboxes?.(() => ['bbb'])).toEqual({
      ok: true,
      runtime: 'containerd 1.6.20',
      sandboxes: [listed('aaa'), listed('bbb')],
      statuses: new Map([['bbb', anyStatus]]),
    });
    expect(asked).toEqual(['Version', 'ListPodSandbox', 'PodSandboxStatus bbb']);
  });

  it('may have lost a sandbox meanwhile', async () => {
    const { path } = await runtime({
      podSandboxStatus: (call, reply) => {
        if (call.request.podSandboxId === 'bbb') well.podSandboxStatus(call, reply);
        else reply({ code: status.NOT_FOUND, details: 'an error occurred when try to find sandbox: not found' });
      },
    });
    expect(await outcomeOf(path)).toMatchObject({ ok: true, statuses: new Map([['bbb', anyStatus]]) });
  });

  it('is found again after a restart, at a socket of the same name', async () => {
    const { path } = await runtime({});
    const ask = runtimeAt(path);
    expect(await ask(() => [])).toMatchObject({ ok: true, runtime: 'containerd 1.6.20' });
    await restarted(path);
    expect(await ask(() => [])).toMatchObject({ ok: true, runtime: 'containerd 1.7.24' });
  });

  it('and hangs at two sandboxes is not asked for the others', async () => {
    const { path, asked } = await runtime({
      listPodSandbox: (_call, reply) => reply(null, { items: ['aaa', 'bbb', 'ccc', 'ddd'].map(sandbox) }),
      podSandboxStatus: (call, reply) => {
        if (call.request.podSandboxId === 'aaa') well.podSandboxStatus(call, reply);
      },
    });
    expect(await outcomeOf(path)).toMatchObject({ ok: true, statuses: new Map([['aaa', anyStatus]]) });
    expect(asked.slice(2)).toEqual(['PodSandboxStatus aaa', 'PodSandboxStatus bbb', 'PodSandboxStatus ccc']);
  });

  it('may list things that say nothing of themselves', async () => {
    const bare = { id: 'aaa', metadata: undefined, state: PodSandboxState.SANDBOX_NOTREADY, createdAt: 0n };
    const { path } = await runtime({
      listPodSandbox: (_call, reply) => reply(null, { items: [bare] }),
      podSandboxStatus: (_call, reply) => reply(null, { status: undefined, info: {} }),
    });
    const listed = { id: 'aaa', namespace: '', name: '', uid: '', attempt: 0, ready: false, createdAt: 0n };
    expect(await outcomeOf(path)).toMatchObject({ sandboxes: [listed], statuses: new Map() });
  });
});

describe('no word of sandboxes comes', () => {
  it('where the user has named no socket', () => {
    expect(localHost().sandboxes).toBe(undefined);
  });

  it('where nothing lies at the path, with what to do', async () => {
    const path = join(folder, 'nothing.sock');
    expect(await outcomeOf(path)).toEqual({
      kind: 'absent',
      message: `${path} does not exist: name the socket that the kubelet uses, and mount it where the agent runs in a container`,
    });
  });

  it('where a file lies there', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    expect(await outcomeOf(path)).toEqual({ kind: 'failed', message: `${path} is no socket` });
  });

  it('where a socket was left behind', async () => {
    const path = await abandoned();
    expect(await outcomeOf(path)).toEqual({
      kind: 'failed',
      message: expect.stringMatching(/^Version of the container runtime at \S+: .*ECONNREFUSED/),
    });
  });

  it('where whoever listens is silent; one connection waits, however often it is asked', async () => {
    let connections = 0;
    const ask = runtimeAt(await stranger(() => connections++), 60);
    const late = {
      ok: false,
      kind: 'deadline',
      message: expect.stringMatching(/^Version of the container runtime at \S+: no answer in time \(Deadline exceeded/),
    };
    expect([await ask(all), await ask(all), connections]).toEqual([late, late, 1]);
  });

  it('where whoever listens speaks something else', async () => {
    const path = await stranger((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await outcomeOf(path)).toEqual({
      kind: 'failed',
      message: expect.stringMatching(/^Version of the container runtime at \S+: /),
    });
  });

  it('where a runtime does not know this interface', async () => {
    const path = join(folder, 'old.sock');
    const old = new Server();
    runtimes.push(old);
    await bound(old, path);
    expect(await outcomeOf(path)).toEqual({
      kind: 'unimplemented',
      message: expect.stringMatching(
        /^Version of the container runtime at \S+: it does not speak runtime\.v1; it is older than containerd 1\.6, or /,
      ),
    });
  });

  it('where the answer is longer than 8 MiB', async () => {
    const long = { ...sandbox('aaa'), id: 'a'.repeat(8 * 1024 * 1024) };
    const { path } = await runtime({ listPodSandbox: (_call, reply) => reply(null, { items: [long] }) });
    expect(await runtimeAt(path)(all)).toEqual({
      ok: false,
      kind: 'too-long',
      message: expect.stringMatching(
        /^ListPodSandbox of the container runtime at \S+: Received message larger than max/,
      ),
    });
  });

  it('where the runtime refuses', async () => {
    const { path } = await runtime({
      listPodSandbox: (_call, reply) => reply({ code: status.UNKNOWN, details: 'server is not initialized yet' }),
    });
    expect(await outcomeOf(path)).toEqual({
      kind: 'failed',
      message: `ListPodSandbox of the container runtime at ${path}: server is not initialized yet`,
    });
  });
});

/** The newest runtime ends, and another takes its place. */
async function restarted(path: string): Promise<void> {
  runtimes.pop()?.forceShutdown();
  rmSync(path, { force: true });
  const { path: other } = await runtime({
    version: (_call, reply) => reply(null, { runtimeName: 'containerd', runtimeVersion: '1.7.24' }),
  });
  renameSync(other, path);
}

/** A socket whose server has ended without taking it away, as one does that is killed. */
async function abandoned(): Promise<string> {
  const path = await stranger(() => undefined);
  const kept = `${path}.kept`;
  renameSync(path, kept);
  await new Promise((ended) => others.pop()?.close(ended));
  return kept;
}
