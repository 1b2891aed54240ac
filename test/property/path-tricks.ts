/**
 * Ways to write a request so that a server and whoever reviews it may read different paths in it. Each is what attackers
 * try: https://portswigger.net/research/http-desync-attacks-request-smuggling-reborn, RFC 3986 section 6, and the path
 * parsers' own bugs.
 */
import fc from 'fast-check';

/** A request as bytes, but for its end. */
export interface Trick {
  /** What stands between the method and `HTTP/1.1`. */
  readonly target: string;
  readonly method: string;
  readonly headers: readonly string[];
}

/** What the person may not see, and what they may, as the way into it. */
const wanted = [
  '/api/v1/nodes',
  '/api/v1/nodes/node-a',
  '/api/v1/findings',
  '/api/v1/services/shop/web',
  '/api/v1/overview',
  '/api/v1/events',
  '/api/v1/snapshot',
  '/openapi.json',
  '/metrics',
];
const allowed = '/api/v1/checks';

const hex = (byte: number) => byte.toString(16).padStart(2, '0');

/** One character, written in another way. */
const spellings: readonly ((character: string) => string)[] = [
  (character) => `%${hex(character.charCodeAt(0))}`,
  (character) => `%${hex(character.charCodeAt(0)).toUpperCase()}`,
  (character) => `%25${hex(character.charCodeAt(0))}`,
  (character) => `%2525${hex(character.charCodeAt(0))}`,
  (character) => `%u00${hex(character.charCodeAt(0))}`,
  // Overlong UTF-8 of two and three bytes.
  (character) => `%c${character.charCodeAt(0) >> 6}%${hex(0x80 | (character.charCodeAt(0) & 0x3f))}`,
  (character) => `%e0%8${character.charCodeAt(0) >> 6}%${hex(0x80 | (character.charCodeAt(0) & 0x3f))}`,
  (character) => character.toUpperCase(),
  // Full-width, as some normalise away.
  (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0),
  (character) => `${character}%00`,
  (character) => `${character}\0`,
  (character) => `${character}%0d%0a`,
  (character) => `${character}\t`,
];

const slashes = [
  '//',
  '///',
  '/./',
  '/x/../',
  '/%2e/',
  '/x/%2e%2e/',
  '/x/..%2f',
  '\\',
  '%2f',
  '%5c',
  '/;/',
  '/..;/',
  '/.;x/',
];
const ends = [
  '/',
  '//',
  '/.',
  '/..',
  '%00',
  '%20',
  ';',
  ';x=y',
  '#',
  '#x',
  '%23',
  '%3f',
  '?',
  '??',
  '?#',
  '.json',
  '%',
  '%zz',
  '/%2e%2e',
  '\\',
];
const starts = [
  '',
  '/',
  '//',
  '/.',
  '/..',
  '\\',
  'http://localhost',
  'http://evil.example',
  'https://localhost',
  '//evil.example',
  '/api/v1/checks/..',
  '/api/v1/checks/%2e%2e',
  '/api/v1/checks;',
  '/livez/..',
  '/assets/..',
  '/%2e',
  'x',
  '*',
  ' ',
  `${allowed}#`,
  `${allowed}?x=`,
  `${allowed}%3f`,
];

const oneOf = <T>(values: readonly T[]) => fc.constantFrom(...values);

/** Some characters of a path spelt in another way. */
const spelt = fc
  .tuple(oneOf(wanted), fc.array(fc.tuple(fc.nat(40), oneOf(spellings)), { minLength: 1, maxLength: 4 }))
  .map(([path, changes]) =>
    [...path]
      .map((character, at) => changes.find(([place]) => place % path.length === at)?.[1](character) ?? character)
      .join(''),
  );

const slashed = fc
  .tuple(oneOf(wanted), fc.nat(3), oneOf(slashes))
  .map(([path, which, slash]) =>
    path.split('/').reduce((text, part, at) => `${text}${at === which + 1 ? slash : '/'}${part}`),
  );

const framed = fc
  .tuple(oneOf(starts), oneOf([...wanted, allowed]), oneOf(['', ...ends]))
  .map((parts) => parts.join(''));

/** From what may be seen to what may not. */
const climbing = fc
  .tuple(
    fc.constantFrom('..', '%2e%2e', '.%2e', '%2e.', '..;', '%252e%252e', '..%00', '．．'),
    oneOf(wanted),
    fc.integer({ min: 1, max: 4 }),
  )
  .map(([up, path, times]) => `${allowed}${`/${up}`.repeat(times)}${path}`);

const overlong = fc
  .tuple(oneOf(wanted), fc.integer({ min: 100, max: 20_000 }), fc.constantFrom('/', '/.', 'a', '%2f', '?a'))
  .map(([path, length, piece]) => path + piece.repeat(Math.ceil(length / piece.length)).slice(0, length));

const noise = fc
  .tuple(oneOf(wanted), fc.string({ unit: 'binary', maxLength: 12 }))
  .map(([path, text]) => path + text.replaceAll(/[\r\n ]/g, '%0a'));

/** Headers by which proxies tell of another path, host or method than that of the request. */
const headers = [
  'X-Original-URL: /api/v1/checks',
  'X-Rewrite-URL: /api/v1/checks',
  'X-Forwarded-Prefix: /api/v1/checks',
  'X-Forwarded-Host: localhost',
  'X-Forwarded-For: 127.0.0.1',
  'X-Forwarded-Proto: https',
  'Forwarded: for=127.0.0.1;host=localhost',
  'X-HTTP-Method-Override: GET',
  'X-Remote-User: system:admin',
  'X-Remote-Group: system:masters',
  'Impersonate-User: system:admin',
  'Impersonate-Group: system:masters',
  'Referer: http://localhost/api/v1/checks',
  'Cookie: plumbline-session=../../x',
  'Connection: Authorization',
];
const hosts = [
  'localhost',
  'evil.example',
  'localhost:8080@evil.example',
  '',
  '127.0.0.1/api/v1/checks',
  'localhost\tx',
  '[::1',
];

/** Any of them. */
export const tricks: fc.Arbitrary<Trick> = fc
  .record({
    target: fc.oneof(spelt, slashed, framed, climbing, noise, { arbitrary: overlong, weight: 1 }, oneOf(wanted)),
    method: fc.oneof(
      { arbitrary: fc.constant('GET'), weight: 8 },
      fc.constantFrom('HEAD', 'POST', 'OPTIONS', 'get', 'PATCH', 'TRACE'),
    ),
    host: fc.oneof({ arbitrary: fc.constant('localhost'), weight: 6 }, oneOf(hosts)),
    more: fc.array(oneOf(headers), { maxLength: 3 }),
  })
  .map(({ target, method, host, more }) => ({ target, method, headers: [`Host: ${host}`, ...more] }));
