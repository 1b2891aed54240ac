import { describe, expect, it } from 'vitest';
import { isPlain, pathOf } from './plain-path.ts';

describe('a path', () => {
  it.each([
    '/',
    '/api/v1/nodes',
    '/api/v1/nodes/',
    '/api/v1/services/shop/web-1',
    '/api/v1/nodes/a.b~c:1@_',
    '/a...b/..c',
  ])('%s means one thing only', (path) => expect(isPlain(path)).toBe(true));

  it.each(
    [
      ['', 'nodes', '*', '//', '/a//b', '/.', '/..', '/./a', '/a/..', '/a/../b', '/a/.', 'http://host/a'],
      [
        '/%6eodes',
        '/a%2fb',
        '/a%00',
        '/a;b',
        '/a\\b',
        '/a b',
        '/a#b',
        '/a\tb',
        '/a\0b',
        '/ä',
        '/a+b',
        "/a'b",
        '/a,b',
        '/a&b',
      ],
    ].flat(),
  )('%j could be read in two ways', (path) => expect(isPlain(path)).toBe(false));

  it('ends where the query begins', () => {
    expect(['/a?b?c', '/a', '?', '/a?/../b'].map(pathOf)).toEqual(['/a', '/a', '', '/a']);
  });
});
