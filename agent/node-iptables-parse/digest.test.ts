import { describe, expect, it } from 'vitest';
import { DumpDigest } from './digest.ts';
import { HEAD, natOf, TRAILER } from './sample.ts';

function digestOf(dump: string, pieceBytes = dump.length): string {
  const digest = new DumpDigest();
  const bytes = Buffer.from(dump);
  for (let at = 0; at < bytes.length; at += pieceBytes) digest.push(bytes.subarray(at, at + pieceBytes));
  return digest.finish();
}

const rule = '-A OUTPUT -m comment --comment "a # b" -j COMMIT';
const dump = natOf(rule) + natOf(rule, rule).replace('*nat', '*mangle') + natOf().replace('*nat', '*filter');

describe('the digest of a dump', () => {
  it('stays when only comments and counters of builtin chains change', () => {
    const later = dump.replaceAll('07:43:36', '09:00:01').replaceAll('[7:420]', '[12345:99999999]');
    expect(digestOf(later)).toBe(digestOf(dump));
    expect(digestOf(dump.replaceAll(HEAD, '').replaceAll(TRAILER, ''))).toBe(digestOf(dump));
  });

  it.each([
    ['a rule', dump.replace(rule, rule.replace('a # b', 'a # c'))],
    ['a rule of the second table', dump.replace(`${rule}\n${rule}`, rule)],
    ['a policy', dump.replace('ACCEPT', 'DROP')],
    ['a chain', dump.replace(':KUBE-SEP-A', ':KUBE-SEP-B')],
    ['a table', dump.replace('*mangle', '*raw')],
    ['counters where none are left out', dump.replace('- [0:0]', '- [0:1]')],
    ['a cut before COMMIT', dump.slice(0, dump.lastIndexOf('COMMIT'))],
  ])('changes with %s', (_, other) => {
    expect(digestOf(other)).not.toBe(digestOf(dump));
  });

  it('does not hang on where the pieces were parted', () => {
    const sizes = Array.from({ length: 120 }, (_, i) => i + 1);
    expect(new Set(sizes.map((size) => digestOf(dump, size)))).toEqual(new Set([digestOf(dump)]));
  });

  it('takes anything at all', () => {
    const long = 'x'.repeat(200_000);
    expect(digestOf(long, 1000)).toBe(digestOf(long));
    expect(digestOf(`:${long}`)).not.toBe(digestOf(long));
    expect(digestOf('')).toHaveLength(64);
  });
});
