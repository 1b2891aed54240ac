import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { problems } from './errors.ts';

describe('the codes of refusals', () => {
  it('stand in docs/http.md, each with its status', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/http.md'), 'utf8');
    const told = [...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    expect(told).toEqual(Object.entries(problems).map(([code, { status }]) => [code, status]));
  });
});
