import { randomBytes } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { buffer, json } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { noon } from '../../test/audit-record.ts';
import { httpOptions, type TestOptions } from '../../test/http-options.ts';
import type { SnapshotFile, TakeSnapshot } from '../model/moment.ts';
import { snapshotsOf } from '../snapshot/snapshot.ts';
import { HttpServer } from './server.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function served(takeSnapshot: TakeSnapshot): Promise<{ readonly url: string; readonly options: TestOptions }> {
  const options = httpOptions({ takeSnapshot });
  const server = new HttpServer(options);
  stops.push(() => server.stop());
  return { url: `${await server.start({ host: '127.0.0.1', port: 0 })}/api/v1/snapshot`, options };
}

/** Snapshots of these files, one at a time as in the program. */
function snapshotsWith(files: Iterable<SnapshotFile>): TakeSnapshot {
  const none = {
    nodes: [],
    findings: [],
    objects: {
      services: [],
      endpointSlices: [],
      nodes: [],
      pods: [],
      namespaces: [],
      podEvents: [],
      networkPolicies: [],
      foreignPolicies: [],
      dnsConfigurations: [],
    },
  };
  const take = snapshotsOf({ moment: () => none, version: '0.2.0', now: () => noon });
  return async (signal) => {
    const taken = await take(signal);
    return taken === null ? null : { ...taken, files };
  };
}

const small: SnapshotFile = { name: 'a/small.txt', pieces: () => ['one ', 'two\n'] };

const longPieces = 800;
/** Farther apart than gzip looks back, the same again is nothing that can be made smaller. */
const noise = randomBytes(64 * 1024);

/** A file that is much more than connections hold back: 50 MiB. It counts how much was made of it. */
function long() {
  const made = { pieces: 0 };
  const file: SnapshotFile = {
    name: 'long',
    pieces: function* () {
      for (let i = 0; i < longPieces; i++) {
        made.pieces++;
        yield noise;
      }
    },
  };
  return { file, made };
}

/** The head of an answer, on a connection of its own that ends with it. */
function ask(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, resolve).on('error', reject);
  });
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await isSo()) return;
    await pause(20);
  }
  throw new Error('it never came to be');
}

describe('a snapshot', () => {
  it('is an archive with the name of its moment', async () => {
    const { url } = await served(snapshotsWith([small]));
    const answer = await ask(url);
    expect([answer.statusCode, answer.headers['content-type'], answer.headers['content-disposition']]).toEqual([
      200,
      'application/gzip',
      'attachment; filename="plumbline-2026-11-22T120000Z.tar.gz"',
    ]);
    const tar = gunzipSync(await buffer(answer));
    expect(tar.subarray(0, 11).toString()).toBe('a/small.txt');
    expect(tar.subarray(100, 107).toString()).toBe('000600 ');
    expect(tar.subarray(512, 520).toString()).toBe('one two\n');
  });

  it('that is asked for while one is made is refused, until that one has gone', async () => {
    const { file } = long();
    const { url } = await served(snapshotsWith([file]));
    const first = await ask(url);
    const second = await ask(url);
    const { code } = (await json(second)) as { readonly code: string };
    expect([first.statusCode, second.statusCode, second.headers['retry-after'], code]).toEqual([
      200,
      503,
      '30',
      'snapshot-running',
    ]);
    first.destroy();
    await until(async () => {
      const third = await ask(url);
      third.destroy();
      return third.statusCode === 200;
    });
  });

  it('waits for who reads slowly: no more is made than a few pieces ahead', async () => {
    const { file, made } = long();
    const { url } = await served(snapshotsWith([small, file]));
    const answer = await ask(url);
    await until(() => made.pieces > longPieces);
    let before = -1;
    await until(() => {
      const isAtRest = made.pieces === before;
      before = made.pieces;
      return isAtRest;
    });
    expect(made.pieces).toBeLessThan(1.5 * longPieces);
    answer.destroy();
  });

  it('whose content cannot be had breaks off, instead of ending as if it were whole', async () => {
    let gone = 0;
    const broken: SnapshotFile = {
      name: 'broken',
      pieces: function* () {
        for (let i = 0; i < 100; i++) yield noise;
        if (gone++ > 0) throw new Error('the disk is gone');
      },
    };
    const { url, options } = await served(snapshotsWith([small, broken]));
    const read = async () => buffer(await ask(url));
    await expect(read()).rejects.toThrow();
    const [error] = options.lines.filter(({ level }) => level === 'error');
    expect([error?.fields, error?.message]).toEqual([{ error: 'the disk is gone' }, 'a snapshot was not finished']);
  });

  it('is not made for who asks for its headers only', async () => {
    let taken = 0;
    const { url } = await served(async () => {
      taken++;
      return null;
    });
    const answer = await fetch(url, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-type'), taken]).toEqual([200, 'application/gzip', 0]);
  });
});
