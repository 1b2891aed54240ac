import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { type Command, type Host, localHost } from './host.ts';
import { notPermitted } from './privileges.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-host-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A host on which `nft` is this shell script. */
function hostWith(script: string): Host {
  const own = mkdtempSync(join(folder, 'bin-'));
  writeFileSync(join(own, 'nft'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(own, 'nft'), 0o755);
  return localHost({ programFolders: [own] });
}

async function runNft(host: Host, limits: Partial<Omit<Command, 'program' | 'args'>> = {}) {
  const pieces: Buffer[] = [];
  const command = { program: 'nft', args: ['list', 'tables'], deadlineMs: 20_000, maxBytes: 1000, ...limits };
  const result = await host.run(command, (piece) => pieces.push(Buffer.from(piece)));
  return { result, output: Buffer.concat(pieces).toString() };
}

async function isRunning(pid: number): Promise<boolean> {
  // Init may need a moment to take the dead off the list.
  for (let attempt = 0; attempt < 50; attempt++) {
    const state = existsSync(`/proc/${pid}/stat`)
      ? readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0]
      : null;
    if (state === null || state === 'Z' || state === undefined) return false;
    await sleep(20);
  }
  return true;
}

describe('a program', () => {
  it('that ends well has its output handed on, and gets only PATH, LC_ALL and TZ', async () => {
    const { result, output } = await runNft(
      hostWith('echo "$*"; echo "hint" >&2; env | grep -v -e PWD -e _= -e SHLVL | sort'),
    );
    expect(output).toBe('list tables\nLC_ALL=C\nPATH=/usr/sbin:/sbin:/usr/bin:/bin\nTZ=UTC\n');
    expect(result).toEqual({ ok: true, stderr: 'hint\n', bytes: output.length });
  });

  it('that is not installed is absent', async () => {
    const { result } = await runNft(localHost({ programFolders: [folder] }));
    expect(result).toEqual({ ok: false, kind: 'absent', message: 'nft is not installed' });
  });

  it('that is not on the fixed list is never run, even where it exists', async () => {
    const result = await localHost().run({ program: 'sh', args: [], deadlineMs: 1000, maxBytes: 10 }, () => {});
    expect(result).toEqual({ ok: false, kind: 'absent', message: 'sh is not installed' });
  });

  it('that fails says its code and the first line of stderr', async () => {
    const { result } = await runNft(hostWith('echo "no such thing" >&2; echo more >&2; exit 3'));
    expect(result).toEqual({ ok: false, kind: 'failed', message: 'nft ended with code 3: no such thing' });
  });

  it('that lacks a right is not permitted', async () => {
    const { result } = await runNft(
      hostWith('echo "# Warning: old" >&2; echo "Operation not permitted (you must be root)" >&2; exit 1'),
    );
    const refused = 'nft ended with code 1: Operation not permitted (you must be root)';
    const message = notPermitted(refused, readFileSync('/proc/self/status', 'utf8'));
    expect(result).toEqual({ ok: false, kind: 'not-permitted', message });
  });

  it('that a signal ends has failed', async () => {
    const { result } = await runNft(hostWith('kill -SEGV $$'));
    expect(result).toEqual({ ok: false, kind: 'failed', message: 'nft was ended by SIGSEGV' });
  });

  it('that ignores SIGTERM dies at its deadline, and the children it left behind die with it', async () => {
    const pids = join(folder, 'pids');
    const script = `trap '' TERM; (trap '' TERM; exec sleep 300) & echo "$$ $!" > ${pids}; wait; sleep 300`;
    const started = Date.now();
    const { result } = await runNft(hostWith(script), { deadlineMs: 1500 });
    expect(result).toEqual({ ok: false, kind: 'deadline', message: 'nft did not end within 1500 ms' });
    expect(Date.now() - started).toBeLessThan(10_000);
    const [leader, child] = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
    expect([await isRunning(leader ?? 0), await isRunning(child ?? 0)]).toEqual([false, false]);
  });

  it('that runs for as long as it is wanted ends with its whole group when it is not any more', async () => {
    const pids = join(folder, 'wanted');
    const stopping = new AbortController();
    const host = hostWith(`sleep 300 & echo "$$ $!" > ${pids}.new; mv ${pids}.new ${pids}; echo begun; wait`);
    const run = runNft(host, { deadlineMs: Infinity, maxBytes: Infinity, signal: stopping.signal });
    while (!existsSync(pids)) await sleep(10);
    stopping.abort();
    expect((await run).result).toEqual({ ok: false, kind: 'stopped', message: 'nft was stopped' });
    const started = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
    expect(await Promise.all(started.map(isRunning))).toEqual([false, false]);
  });

  it('that is not wanted any more is not started', async () => {
    const pids = join(folder, 'unwanted');
    const { result } = await runNft(hostWith(`echo > ${pids}`), { signal: AbortSignal.abort() });
    expect([result, existsSync(pids)]).toEqual([{ ok: false, kind: 'stopped', message: 'nft was stopped' }, false]);
  });

  it('has its memory noted, the most that any program has held', async () => {
    const host = hostWith('echo begun; a=$(head -c 30000000 /dev/zero | tr "\\0" x); sleep 0.3');
    expect(host.childPeakBytes?.()).toBe(0);
    await runNft(host);
    const most = host.childPeakBytes?.() ?? 0;
    expect(most).toBeGreaterThan(30e6);
    await runNft(localHost({ programFolders: [folder] }));
    expect(host.childPeakBytes?.()).toBe(most);
  });

  it('that prints without end is stopped at the cap', async () => {
    const { result, output } = await runNft(hostWith('exec yes'), { maxBytes: 100_000 });
    expect(result).toEqual({ ok: false, kind: 'too-long', message: 'nft printed more than 100000 bytes' });
    expect(output.length).toBeLessThanOrEqual(100_000);
  });

  it('that takes more memory than it may is stopped before it ends', async () => {
    const script = 'held=$(head -c 60000000 /dev/zero | tr \'\\0\' x); sleep 300; echo "$held"';
    const { result, output } = await runNft(hostWith(script), { maxMemoryBytes: 32 * 2 ** 20 });
    expect(result).toEqual({ ok: false, kind: 'too-large', message: 'nft took more than 32 MiB of memory' });
    expect(output).toBe('');
  });
});

describe('a file', () => {
  it('is read whole, a file of /proc too', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'text');
    expect(await localHost().read(path, 4)).toEqual({ ok: true, bytes: Buffer.from('text') });
    const version = await localHost().read('/proc/version', 4096);
    expect(version).toEqual({ ok: true, bytes: readFileSync('/proc/version') });
  });

  it('longer than allowed is too long', async () => {
    const path = join(folder, 'long');
    writeFileSync(path, 'x'.repeat(5));
    const message = `${path} is longer than 4 bytes`;
    expect(await localHost().read(path, 4)).toEqual({ ok: false, kind: 'too-long', message });
  });

  it('that does not exist is absent', async () => {
    const path = join(folder, 'none');
    expect(await localHost().read(path, 4)).toEqual({ ok: false, kind: 'absent', message: `${path} does not exist` });
  });

  it('that is a folder has failed', async () => {
    expect(await localHost().read(folder, 4)).toMatchObject({ ok: false, kind: 'failed' });
  });
});

describe('GET', () => {
  async function ask(answer: RequestListener, deadlineMs = 5000) {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const url = `http://127.0.0.1:${port}/healthz`;
    try {
      return { url, result: await localHost().get(url, deadlineMs) };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('hands on status and body, a bad status too', async () => {
    const { result } = await ask((_, response) => response.writeHead(503).end('not well'));
    expect(result).toEqual({ ok: true, status: 503, body: 'not well' });
  });

  it('of a server that never answers ends at the deadline', async () => {
    const { url, result } = await ask(() => {}, 200);
    expect(result).toEqual({ ok: false, kind: 'deadline', message: `GET ${url}: no answer within 200 ms` });
  });

  it('of a server that stops in the middle of its answer ends at the deadline', async () => {
    const { url, result } = await ask((_, response) => response.writeHead(200).write('begun'), 300);
    expect(result).toEqual({ ok: false, kind: 'deadline', message: `GET ${url}: no answer within 300 ms` });
  });

  it('is cut off at 4 MiB', async () => {
    const { url, result } = await ask((_, response) => response.end('x'.repeat(4 * 1024 * 1024 + 1)));
    expect(result).toEqual({ ok: false, kind: 'too-long', message: `GET ${url}: more than 4194304 bytes` });
  });

  it('where nobody listens is refused', async () => {
    // Port 1 is tcpmux, which no test machine serves.
    const url = 'http://127.0.0.1:1/healthz';
    const message = `GET ${url}: connection refused`;
    expect(await localHost().get(url, 1000)).toEqual({ ok: false, kind: 'refused', message });
  });

  it('of any other host than loopback is refused without asking', async () => {
    for (const url of [
      'http://192.0.2.1/',
      'http://localhost:10256/',
      'https://127.0.0.1/',
      'file:///etc/passwd',
      'x',
    ]) {
      const message = `GET ${url}: only loopback addresses are asked`;
      expect(await localHost().get(url, 1000)).toEqual({ ok: false, kind: 'refused', message });
    }
  });

  it("reaches Cilium's socket by its name, of which 4 MiB are not all", async () => {
    const ciliumSocketPath = join(folder, 'cilium.sock');
    const body = 'x'.repeat(5 * 1024 * 1024);
    const paths: (string | undefined)[] = [];
    const server = createServer((question, response) => {
      paths.push(question.url);
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(ciliumSocketPath, resolve));
    try {
      const result = await localHost({ ciliumSocketPath }).get('http://cilium.sock/v1/service', 5000);
      expect(result.ok && result.body === body).toBe(true);
      expect(paths).toEqual(['/v1/service']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("of Cilium's socket is absent where there is none", async () => {
    const ciliumSocketPath = join(folder, 'none.sock');
    const url = 'http://cilium.sock/v1/service';
    const message = `GET ${url}: ${ciliumSocketPath} is not there`;
    expect(await localHost({ ciliumSocketPath }).get(url, 1000)).toEqual({ ok: false, kind: 'absent', message });
  });

  it('of another namespace is absent, since kube-proxy does not run there', async () => {
    const url = 'http://127.0.0.1:10256/healthz';
    const message = `GET ${url}: not asked from namespace lab`;
    expect(await localHost({ netns: 'lab' }).get(url, 1000)).toEqual({ ok: false, kind: 'absent', message });
  });
});
