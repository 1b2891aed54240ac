/** Who may see one path sees no other by writing it in another way: 10,000 requests as bytes, over real connections. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../aggregator/http/app.ts';
import { isOpen } from '../../aggregator/http/access/open-paths.ts';
import { reviewedPath } from '../../aggregator/http/access/reviewed-path.ts';
import { auditRecord, nodeRecord, tracked } from '../audit-record.ts';
import { httpOptions } from '../http-options.ts';
import { people } from '../people.ts';
import { type Trick, tricks } from './path-tricks.ts';

/** Stands in everything that the cluster tells. */
const secret = 'node-of-the-cluster';
const allowed = '/api/v1/checks';
const refusals = [400, 401, 403, 404, 405, 414, 431];
const atOnce = 100;

const known = people();
const token = known.person('jane', [reviewedPath(allowed)]);
const record = auditRecord({
  nodes: [nodeRecord(secret)],
  findings: [tracked('stale-endpoint', { node: secret, summary: secret })],
});
let monotonic = 0;
const options = httpOptions({
  record,
  access: known.access,
  // Nobody comes too often.
  monotonic: () => {
    monotonic += 1_000;
    return monotonic;
  },
});
const app = buildApp(options);
/** Requests that a route was asked for: its pattern and the path as it came. */
const routed: (readonly [string, string])[] = [];
app.addHook('preHandler', (request, _reply, next) => {
  routed.push([request.routeOptions.url ?? '', (request.raw.url ?? '').replace(/\?.*$/s, '')]);
  next();
});
let port = 0;

beforeAll(async () => {
  port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
});
afterAll(() => app.close());

/** The whole answer to one request on a connection of its own; empty when the server hung up. */
function answerTo({ method, target, headers }: Trick): Promise<string> {
  const head = [`${method} ${target} HTTP/1.1`, `Authorization: Bearer ${token}`, ...headers, 'Connection: close'];
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`${head.join('\r\n')}\r\n\r\n`));
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => {
      text += piece;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** Letter for letter; HTTP passes over spaces before it. */
function pathIn({ target }: Trick): string {
  return target.replace(/^ +/, '').replace(/\?.*$/s, '');
}

/** What is wrong with an answer; null when nothing is. */
function faultOf(trick: Trick, answer: string): string | null {
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
  if (answer.includes(secret)) return 'tells of the cluster';
  if (status === 0 || refusals.includes(status)) return null;
  // What jane may see, and what anybody may, spelt out.
  const path = pathIn(trick);
  if (status === 200 && (path === allowed || isOpen(path))) return null;
  return `is answered with ${status}`;
}

describe('ten thousand ways to write a path', () => {
  it('open nothing but what the person may see, and every path that is reviewed is the one that is routed', async () => {
    const all = fc.sample(tricks, { numRuns: 10_000, seed: 5 });
    const faults: unknown[] = [];
    const statuses = new Map<string, number>();
    for (let from = 0; from < all.length; from += atOnce) {
      const some = all.slice(from, from + atOnce);
      const answers = await Promise.all(some.map(answerTo));
      for (const [index, answer] of answers.entries()) {
        const trick = some[index];
        const status = answer.slice(9, 12) || 'none';
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        const fault = trick === undefined ? null : faultOf(trick, answer);
        if (fault !== null) faults.push([trick, fault]);
      }
    }
    expect(faults).toEqual([]);
    // None of them stopped at the door for another reason than its own.
    expect([...statuses.keys()].sort()).toEqual(expect.arrayContaining(['200', '400', '403', '404', '405', '431']));
    expect(routed.filter(([route, path]) => path !== allowed && !isOpen(route))).toEqual([]);
    const sent = new Set(all.map((trick) => reviewedPath(pathIn(trick))));
    const reviewed = known.questions.map(({ path }) => path);
    // Whatever else a path is written with could be read in another way, here or by the API server.
    expect(reviewed.filter((path) => /[^A-Za-z0-9._~:@/-]|\/\/|\/\.\.?(\/|$)/.test(path))).toEqual([]);
    expect(known.questions.filter(({ path, person }) => !sent.has(path) || person.username !== 'jane')).toEqual([]);
    expect(JSON.stringify(options.lines)).not.toContain(token);
  });
});
