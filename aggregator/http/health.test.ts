import { describe, expect, it } from 'vitest';
import { auditRecord } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import { buildApp } from './app.ts';

describe('health', () => {
  const waiting = auditRecord({
    readiness: {
      ready: false,
      because: ['watch of services: GET https://192.0.2.1:6443: refused', 'journal: disk full'],
    },
  });

  it('is alive while the event loop turns, ready or not', async () => {
    const answer = await buildApp(httpOptions({ record: waiting })).inject('/livez');
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('is ready when the record is', async () => {
    const answer = await buildApp(httpOptions()).inject('/readyz');
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('says what is not ready, without addresses and paths', async () => {
    const answer = await buildApp(httpOptions({ record: waiting })).inject('/readyz');
    const { code, detail } = answer.json();
    expect([answer.statusCode, answer.headers['content-type'], answer.headers['retry-after'], code, detail]).toEqual([
      503,
      'application/problem+json',
      '5',
      'not-ready',
      'Not ready: watch of services, journal.',
    ]);
  });
});
