import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ask } from './client.ts';
import { type Connection, straightConnection } from './connection.ts';
import { readFinding } from './documents.ts';
import { openEvents, type ServerEvent } from './event-stream.ts';
import { readList } from './lists.ts';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A stranger who answers like this. */
async function answering(listener: RequestListener): Promise<Connection> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const address = listening.address();
  return straightConnection(new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`));
}

async function cameBack(listener: RequestListener): Promise<string> {
  const place = await answering(listener);
  const answer = await ask(place, place.url);
  return answer.ok ? 'an answer' : answer.refusal.cameBack;
}

describe('what is not an answer of the API', () => {
  it.each<[string, RequestListener, string]>([
    ['a page', (_request, response) => response.end('<html>'), 'no JSON'],
    ['a redirect', (_request, response) => response.writeHead(302, { location: '/login' }).end(), 'HTTP 302 Found'],
    ['an error of a proxy', (_request, response) => response.writeHead(502).end('<html>'), 'HTTP 502 Bad Gateway'],
    [
      'a refusal',
      (_request, response) => response.writeHead(400).end('{"code":"x","detail":"No.\\u001b[2J"}'),
      'HTTP 400 Bad Request: No.\\u{1b}[2J',
    ],
    [
      'half an answer',
      (_request, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('{');
        setImmediate(() => response.destroy());
      },
      'the connection was closed before the answer',
    ],
  ])('is told: %s', async (_what, listener, expected) => {
    expect(await cameBack(listener)).toBe(expected);
  });

  it('is refused beyond 64 MiB', async () => {
    const piece = Buffer.alloc(1024 * 1024, ' ');
    const listener: RequestListener = (_request, response) => {
      response.on('error', () => undefined);
      const send = () => {
        while (response.write(piece));
        response.once('drain', send);
      };
      send();
    };
    expect(await cameBack(listener)).toBe('more than 64 MiB');
  });
});

describe('what to do about a refusal of the aggregator', () => {
  it.each([
    [401, 'It takes a token of the audience plumbline-http: '],
    [403, "Through a kubeconfig the token is the viewer's; "],
    [404, 'It may have ended or been deleted meanwhile; '],
    [400, 'See --help for what the command takes; '],
    [500, 'Try again; '],
  ])('%d', async (status, advice) => {
    const place = await answering((_request, response) =>
      response.writeHead(status).end('{"code":"x","detail":"No."}'),
    );
    const answer = await ask(place, place.url);
    expect(answer.ok ? '' : answer.refusal.advice).toMatch(new RegExp(`^${advice}`));
  });
});

describe('a list', () => {
  const list = async (body: string) => {
    const place = await answering((_request, response) => response.end(body));
    const listed = await readList(place, 'api/v1/findings', { query: [], read: readFinding, most: 9 });
    return listed.ok ? listed.value.items : listed.refusal.cameBack;
  };
  const head = '"apiVersion":"plumbline.dev/v1","kind":"FindingList"';

  it.each([
    ['of another API', '{"apiVersion":"v1","items":[],"total":0,"next":null}', 'no list of plumbline.dev/v1'],
    ['that is null', 'null', 'no list of plumbline.dev/v1'],
    [
      'of things without their fields',
      `{${head},"items":[{"fingerprint":1}],"total":1,"next":null}`,
      'an item without the fields of its kind',
    ],
    ['that never ends', `{${head},"items":[],"total":1,"next":"x"}`, 'the same page twice'],
  ])('%s is refused', async (_what, body, expected) => {
    expect(await list(body)).toBe(expected);
  });
});

describe('a stream of events', () => {
  async function heard(pieces: readonly string[]) {
    const place = await answering((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of pieces) response.write(piece);
      response.end();
    });
    const stream = await openEvents(place, place.url);
    if (!stream.ok) return stream.refusal.cameBack;
    const told: ServerEvent[] = [];
    for await (const event of stream.value) told.push(event);
    return told;
  }

  it('is read in whatever pieces it comes', async () => {
    expect(
      await heard(['event: no', 'de\ndata: {"a":', '1}\n', '\n: heartbeat\n\nevent: x\ndata: {\n\nevent: cut']),
    ).toEqual([
      { kind: 'node', value: { a: 1 } },
      { kind: 'sign of life', value: null },
      { kind: 'x', value: null },
    ]);
  });

  it('ends at an event without end', async () => {
    expect(await heard(['event: node\ndata: ', 'x'.repeat(9 * 1024 * 1024), '\n\n'])).toEqual([]);
  });

  it('that is a page is none', async () => {
    const place = await answering((_request, response) => response.end('<html>'));
    const stream = await openEvents(place, place.url);
    expect(stream.ok ? '' : stream.refusal.cameBack).toBe('no stream of events');
  });
});
