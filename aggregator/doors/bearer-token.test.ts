import { describe, expect, it } from 'vitest';
import { audiencesOf, bearerOf, expiryOf } from './bearer-token.ts';

/** A token with these claims, and without any truth. */
function tokenWith(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.signature`;
}

describe('the bearer token of a header', () => {
  it.each([
    [null, null],
    ['', null],
    ['Bearer ', null],
    ['Basic abc', null],
    ['bearer abc', null],
    ['Bearer a b', null],
    ['Bearer abc\n', null],
    [`Bearer ${'a'.repeat(16_385)}`, null],
    ['Bearer abc.def-_~+/=', 'abc.def-_~+/='],
  ])('%j is %j', (header, token) => expect(bearerOf(header)).toBe(token));
});

describe('what a token says of itself', () => {
  it.each<[unknown, number | null, readonly string[]]>([
    [{ exp: 1_800_000_000, aud: ['plumbline-http', 'x'] }, 1_800_000_000_000, ['plumbline-http', 'x']],
    [{ exp: '1800000000', aud: 'plumbline-http' }, null, ['plumbline-http']],
    [{ exp: -1, aud: [1, null, 'x'] }, null, ['x']],
    [{}, null, []],
    [null, null, []],
    ['text', null, []],
  ])('of the claims %j is heard as far as it makes sense', (claims, expiry, audiences) => {
    const token = tokenWith(claims);
    expect([expiryOf(token), audiencesOf(token)]).toEqual([expiry, audiences]);
  });

  it.each(['opaque', 'a.b.c', '..', `a.${'='.repeat(50)}.c`])('is nothing where %s is no JWT', (token) => {
    expect([expiryOf(token), audiencesOf(token)]).toEqual([null, []]);
  });
});
