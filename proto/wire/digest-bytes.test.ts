import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childrenDigest, emptyLeaf } from '../bucket-tree.ts';
import { digest } from '../canonical.ts';
import { decodeChanges, encodeChanges } from './changes.ts';
import { decodeChildren, encodeChildren } from './children.ts';
import { digestBytes, digestText } from './digest-bytes.ts';

describe('a digest as bytes', () => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(digestText(digestBytes(digest(text)))).toBe(digest(text));
      }),
      { seed: 1 },
    );
  });

  it('is 16 bytes and nothing else', () => {
    expect(digestText(new Uint8Array(15))).toBeNull();
    expect(digestText(new Uint8Array(17))).toBeNull();
    expect(digestText(new Uint8Array(0))).toBeNull();
  });

  it('is not made of what is no digest', () => {
    for (const text of ['', 'g'.repeat(32), 'A'.repeat(32), '0'.repeat(31)]) {
      expect(() => digestBytes(text)).toThrow(`no digest: ${text}`);
    }
  });
});

describe('changed leaves', () => {
  const changes = [
    { index: 0, digest: digest('a') },
    { index: 255, digest: digest('b') },
    { index: 1023, digest: emptyLeaf.digest },
  ];

  it('take 18 bytes each and come out as they went in', () => {
    const bytes = encodeChanges(changes);
    expect(bytes.length).toBe(54);
    expect(decodeChanges(bytes)).toEqual({ ok: true, value: changes });
    expect(decodeChanges(new Uint8Array(0))).toEqual({ ok: true, value: [] });
  });

  it('are refused when cut, out of order, twice, or of no leaf', () => {
    const bytes = encodeChanges(changes);
    expect(decodeChanges(bytes.subarray(1))).toEqual({
      ok: false,
      message: 'the changed leaves take 53 bytes, not a multiple of 18',
    });
    expect(decodeChanges(encodeChanges([...changes].reverse()))).toEqual({
      ok: false,
      message: 'leaf 255 changed after leaf 1023: they come in order, each once',
    });
    expect(decodeChanges(encodeChanges([...changes, ...changes.slice(2)]))).toMatchObject({ ok: false });
    expect(decodeChanges(encodeChanges([{ index: 1024, digest: digest('c') }]))).toEqual({
      ok: false,
      message: 'leaf 1024 changed, of 1024',
    });
  });

  it('never throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
        const decoded = decodeChanges(bytes);
        if (decoded.ok) expect(encodeChanges(decoded.value)).toEqual(bytes);
      }),
      { seed: 1 },
    );
  });
});

describe('the children of a bucket', () => {
  const children = Array.from({ length: 32 }, (_, index) => digest(`${index}`));

  it('come out as they went in', () => {
    expect(decodeChildren(encodeChildren(children), childrenDigest(children))).toEqual({ ok: true, value: children });
  });

  it('are refused in another order, and in another number', () => {
    const expected = childrenDigest(children);
    const turned = [...children].reverse();
    expect(decodeChildren(encodeChildren(turned), expected)).toEqual({
      ok: false,
      message: `the children of ${expected} have digest ${childrenDigest(turned)}`,
    });
    expect(decodeChildren(encodeChildren(children.slice(1)), expected)).toEqual({
      ok: false,
      message: `the children of ${expected} take 496 bytes, not 512`,
    });
  });
});
