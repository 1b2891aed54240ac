import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordedMoment, unpackedSnapshot } from '../../test/recorded-moment.ts';
import { runCommand } from '../../test/command-run.ts';

let place = '';
const servers: Server[] = [];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  rmSync(place, { recursive: true });
});

/** The URL of something that answers so, whatever is asked. */
async function answering(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What a command came to, with the place of the test as `place`. */
async function told(...args: readonly string[]) {
  const { exitCode, out, err } = await runCommand(['snapshot', ...args]);
  const inPlace = (text: string) => text.replaceAll(place, 'place').replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'server');
  return { exitCode, out: inPlace(out), err: inPlace(err) };
}

async function recordedArchive(): Promise<Buffer> {
  const { archive, remove } = await unpackedSnapshot(await recordedMoment('s6b-ipvs-stale'));
  const bytes = readFileSync(archive);
  remove();
  return bytes;
}

describe('a snapshot through the aggregator', () => {
  it('is put where it should be, packed or not', async () => {
    const bytes = await recordedArchive();
    const server = await answering((_request, response) => {
      response.setHeader('content-type', 'application/gzip');
      response.end(bytes);
    });
    const packed = await told('--server', server, '--out', join(place, 'a.tar.gz'));
    const size = `${Math.ceil(bytes.length / 1024)} KiB`;
    expect(packed).toEqual({
      exitCode: 0,
      out: `place/a.tar.gz: all nodes, ${size} packed. See what follows: plumbline audit place/a.tar.gz\n`,
      err: '',
    });
    expect(readFileSync(join(place, 'a.tar.gz'))).toEqual(bytes);
    expect((await told('--server', server, '--out', join(place, 'a'))).exitCode).toBe(0);
    expect(readdirSync(join(place, 'a')).sort()).toEqual(['api', 'findings.json', 'node-d', 'snapshot.json']);
    expect(readdirSync(place).sort()).toEqual(['a', 'a.tar.gz']);
  });

  it.each<[string, RequestListener, RegExp]>([
    [
      'is refused',
      (_request, response) => {
        response.statusCode = 403;
        response.end(JSON.stringify({ code: 'forbidden', detail: 'anna may not get /api/v1/snapshot.' }));
      },
      /^plumbline: cannot ask server\/api\/v1\/snapshot: HTTP 403 Forbidden: anna may not get \/api\/v1\/snapshot\.\nSnapshots take a right of their own/,
    ],
    [
      'is something else',
      (_request, response) => {
        response.setHeader('content-type', 'text/html');
        response.end('<html>');
      },
      /^plumbline: cannot read server\/api\/v1\/snapshot: text\/html\n/,
    ],
    [
      'breaks off',
      (_request, response) => {
        response.setHeader('content-type', 'application/gzip');
        response.write(Buffer.alloc(100_000));
        setTimeout(() => response.destroy(), 50);
      },
      /^plumbline: cannot fetch server\/api\/v1\/snapshot: it broke off: the connection was closed before the answer\n/,
    ],
    [
      'is no archive',
      (_request, response) => {
        response.setHeader('content-type', 'application/gzip');
        response.end('no archive');
      },
      /^plumbline: cannot unpack the snapshot: .* is no sound \.tar\.gz: incorrect header check\n/,
    ],
  ])('that %s leaves nothing', async (_what, answer, expected) => {
    const { exitCode, out, err } = await told('--server', await answering(answer), '--out', join(place, 'a'));
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toMatch(expected);
    expect(readdirSync(place)).toEqual([]);
  });
});

describe('the place of a snapshot', () => {
  const notAsked = async () => answering((_request, response) => response.destroy());

  it('is never one that holds something', async () => {
    writeFileSync(join(place, 'file.tar.gz'), 'mine');
    mkdirSync(join(place, 'folder'));
    writeFileSync(join(place, 'folder/mine'), '');
    mkdirSync(join(place, 'folder.tar.gz'));
    const server = await notAsked();
    const came: string[] = [];
    for (const name of ['file.tar.gz', 'folder', 'folder.tar.gz', 'none/inside']) {
      const { exitCode, err } = await told('--server', server, '--out', join(place, name));
      expect(exitCode).toBe(2);
      came.push(err.split('\n', 1)[0] ?? '');
    }
    expect(came).toEqual([
      'plumbline: cannot take a snapshot: place/file.tar.gz exists already',
      'plumbline: cannot take a snapshot: place/folder is a folder with something in it',
      'plumbline: cannot take a snapshot: place/folder.tar.gz exists already',
      'plumbline: cannot take a snapshot: place/none: no such file or directory',
    ]);
    expect(readFileSync(join(place, 'file.tar.gz'), 'utf8')).toBe('mine');
  });
});

describe('options that contradict each other', () => {
  it.each([
    [['--api', 'lists'], '--api and --node are for --live only'],
    [['--node', 'node-a'], '--api and --node are for --live only'],
    [
      ['--live', '--server', 'x'],
      '--live asks no aggregator: --server, --token-file and --plumbline-namespace are not for it',
    ],
    [['--live', '--api', 'lists', '--context', 'lab'], '--kubeconfig and --context are for --live without --api'],
  ])('%j are refused', async (args, cameBack) => {
    const { exitCode, err } = await told('--out', join(place, 'a'), ...args);
    expect([exitCode, err.split('\n', 1)[0]]).toEqual([2, `plumbline: cannot take a snapshot: ${cameBack}`]);
    expect(existsSync(join(place, 'a'))).toBe(false);
  });
});
