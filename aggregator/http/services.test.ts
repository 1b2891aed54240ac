import { describe, expect, it } from 'vitest';
import { auditRecord, serviceDetail } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import { buildApp } from './app.ts';

const web = serviceDetail('shop/web');
const record = auditRecord({ services: [serviceDetail('shop-test/web'), web, serviceDetail('shop/api')] });

async function get(url: string) {
  const answer = await buildApp(httpOptions({ record })).inject(url);
  return { status: answer.statusCode, body: answer.json() };
}

function names(items: readonly { readonly namespace: string; readonly name: string }[]): readonly string[] {
  return items.map(({ namespace, name }) => `${namespace}/${name}`);
}

describe('the Services', () => {
  it('come by namespace and name', async () => {
    expect(names((await get('/api/v1/services')).body.items)).toEqual(['shop/api', 'shop/web', 'shop-test/web']);
  });

  it('are told without their versions', async () => {
    const { frontends, ...told } = web;
    expect(frontends).toHaveLength(1);
    expect((await get('/api/v1/services?namespace=shop&limit=1')).body.total).toBe(2);
    expect((await get('/api/v1/services?namespace=shop')).body.items[1]).toEqual(told);
  });

  it('come in pages', async () => {
    const first = (await get('/api/v1/services?limit=2')).body;
    const second = (await get(`/api/v1/services?limit=2&cursor=${first.next}`)).body;
    expect([names(first.items), names(second.items), second.next]).toEqual([
      ['shop/api', 'shop/web'],
      ['shop-test/web'],
      null,
    ]);
  });
});

describe('one Service', () => {
  it('is told with which nodes have which version of it', async () => {
    expect(await get('/api/v1/services/shop/web')).toEqual({
      status: 200,
      body: { apiVersion: 'plumbline.dev/v1', kind: 'Service', ...web },
    });
  });

  it('that the API server does not know is not found', async () => {
    const { status, body } = await get('/api/v1/services/shop/none');
    expect([status, body.code, body.detail]).toEqual([
      404,
      'no-such-service',
      'The API server knows no Service "shop/none". GET /api/v1/services lists them.',
    ]);
  });
});
