import { describe, expect, it } from 'vitest';
import { auditRecord } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import { policy, world } from '../../test/policy-world.ts';
import { wholeMatrix } from '../audit/matrix/matrix.ts';
import type { Matrix, MatrixGrid, MatrixQuestion } from '../model/matrix.ts';
import { buildApp } from './app.ts';

const objects = world([policy('shop/db', { podSelector: { matchLabels: { app: 'db' } } })]);
const questions: (MatrixQuestion | string | null)[] = [];
let busy = false;
const grid: MatrixGrid = {
  ...{ rows: ['deployment/shop/web'], columns: ['svc/shop/db'], cells: ['x'] },
  ...{ hidden: 2, notJudged: [], unknownBecause: [] },
};
const app = buildApp(
  httpOptions({
    record: {
      ...auditRecord(),
      matrix: async (question) => {
        questions.push(question);
        return busy ? 'busy' : wholeMatrix(objects, question);
      },
      matrixGrid: async (namespace) => {
        questions.push(namespace);
        return busy ? 'busy' : grid;
      },
    },
  }),
);

async function get(url: string) {
  const { statusCode, headers, json } = await app
    .inject(url)
    .then((reply) => ({ ...reply, json: reply.json(), headers: reply.headers, statusCode: reply.statusCode }));
  return { status: statusCode, body: json as Record<string, unknown>, retryAfter: headers['retry-after'] };
}

/** All pages, of so many pairs each. */
async function pagesOf(query: string, limit: number): Promise<readonly Matrix['pairs'][]> {
  const pages: Matrix['pairs'][] = [];
  let cursor = '';
  do {
    const { body } = await get(`/api/v1/matrix?limit=${limit}${query}${cursor}`);
    const { items, next } = body as unknown as { readonly items: Matrix['pairs']; readonly next: string | null };
    pages.push(items);
    cursor = next === null ? '' : `&cursor=${encodeURIComponent(next)}`;
  } while (cursor !== '');
  return pages;
}

const everything = { namespace: null, from: null, to: null, show: 'all' } as const;

describe('who reaches whom', () => {
  it('is told in pages, each pair once, what is denied first', async () => {
    const { pairs } = wholeMatrix(objects, everything);
    const pages = await pagesOf('', 7);
    expect(pages.flat()).toEqual(pairs);
    expect(pages.slice(0, -1).map(({ length }) => length)).toEqual(Array.from({ length: pages.length - 1 }, () => 7));
    expect(pages.length).toBeGreaterThan(2);
    expect(pairs[0]?.allowed).toBe(false);
  });

  it('is asked with what was given', async () => {
    await get('/api/v1/matrix?namespace=shop&from=pod/shop/bare&to=svc/shop/db&show=denied');
    expect(questions.at(-1)).toEqual({ namespace: 'shop', from: 'pod/shop/bare', to: 'svc/shop/db', show: 'denied' });
    await get('/api/v1/matrix');
    expect(questions.at(-1)).toEqual(everything);
  });

  it('is a grid of letters too', async () => {
    const { status, body } = await get('/api/v1/matrix/grid?namespace=shop');
    expect([status, body, questions.at(-1)]).toEqual([
      200,
      { apiVersion: 'plumbline.dev/v1', kind: 'MatrixGrid', ...grid },
      'shop',
    ]);
  });

  it.each([
    ['show=some', /show/],
    ['limit=0', /limit/],
    ['limit=1001', /limit/],
    ['namespace=', /namespace/],
    [`from=${'a'.repeat(601)}`, /from/],
    ['cursor=nonsense', /cursor/i],
  ])('asked with %s is refused in words', async (query, words) => {
    const { status, body } = await get(`/api/v1/matrix?${query}`);
    expect([status, body.kind ?? body.status]).toEqual([400, 400]);
    expect(body.detail).toMatch(words);
  });

  it.each(['/api/v1/matrix', '/api/v1/matrix/grid'])('%s asks for patience where too many wait', async (path) => {
    busy = true;
    const { status, body, retryAfter } = await get(path);
    busy = false;
    expect([status, body.code, retryAfter]).toEqual([503, 'overloaded', '5']);
  });
});
