import { describe, expect, it } from 'vitest';
import { cookieText, readCookie } from './session-cookie.ts';

describe('the cookie of a session', () => {
  it('cannot be read by scripts, nor be sent for another site, and over TLS only be sent over TLS', () => {
    expect([cookieText('abc', { seconds: 60, isTls: false }), cookieText('abc', { seconds: 60, isTls: true })]).toEqual(
      [
        'plumbline-session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict',
        '__Host-plumbline-session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure',
      ],
    );
  });

  it.each([
    [undefined, false, null],
    ['plumbline-session=abc', false, 'abc'],
    ['a=b; plumbline-session=abc; c=d', false, 'abc'],
    ['plumbline-session=abc', true, null],
    ['__Host-plumbline-session=abc', true, 'abc'],
    ['__Host-plumbline-session=abc', false, null],
    ['xplumbline-session=abc', false, null],
    ['plumbline-session=abc; plumbline-session=def', false, null],
  ])('of %j is read as what it is (TLS: %s)', (header, isTls, id) => {
    expect(readCookie(header, isTls)).toBe(id);
  });
});
