import { describe, expect, it } from 'vitest';
import { httpOptions } from '../../test/http-options.ts';
import { checks } from '../checks/index.ts';
import { staleEndpoint } from '../checks/stale-endpoint.ts';
import { buildApp } from './app.ts';

async function get(url: string) {
  const answer = await buildApp(httpOptions()).inject(url);
  return { status: answer.statusCode, body: answer.json() };
}

describe('the checks', () => {
  it('are all told, in the order of the list', async () => {
    const { body } = await get('/api/v1/checks');
    expect([body.kind, body.total, body.items.map(({ id }: { readonly id: string }) => id)]).toEqual([
      'CheckList',
      checks.length,
      checks.map(({ id }) => id),
    ]);
  });
});

describe('one check', () => {
  it('is told with what it knows about its fault', async () => {
    const { evaluate, ...told } = staleEndpoint;
    expect(evaluate).toBeTypeOf('function');
    expect(await get('/api/v1/checks/stale-endpoint')).toEqual({
      status: 200,
      body: { apiVersion: 'plumbline.dev/v1', kind: 'Check', ...told },
    });
  });

  it('that does not exist is not found', async () => {
    const { status, body } = await get('/api/v1/checks/none');
    expect([status, body.code]).toEqual([404, 'no-such-check']);
  });
});
