/** Which leaves of a table changed, as they travel: 18 bytes each, the index (2 bytes, big endian) and the digest. */
import { leafCount } from '../bucket-tree.ts';
import { type Decoded, fits, misfit } from './decoded.ts';
import { digestBytes, digestLength, digestText } from './digest-bytes.ts';

/** A leaf that differs from the base's. */
export interface LeafChange {
  /** 0 to 1,023. */
  readonly index: number;
  readonly digest: string;
}

const changeLength = 2 + digestLength;

/** The changes in the order of their indices, which is the order they must come in. */
export function encodeChanges(changes: readonly LeafChange[]): Uint8Array {
  const bytes = new Uint8Array(changes.length * changeLength);
  for (const [place, { index, digest }] of changes.entries()) {
    const at = place * changeLength;
    bytes[at] = index >>> 8;
    bytes[at + 1] = index & 0xff;
    bytes.set(digestBytes(digest), at + 2);
  }
  return bytes;
}

/** The changes, each index once and in order. */
export function decodeChanges(bytes: Uint8Array): Decoded<readonly LeafChange[]> {
  if (bytes.length % changeLength !== 0) {
    return misfit(`the changed leaves take ${bytes.length} bytes, not a multiple of ${changeLength}`);
  }
  const changes: LeafChange[] = [];
  let before = -1;
  for (let at = 0; at < bytes.length; at += changeLength) {
    const index = (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
    if (index >= leafCount) return misfit(`leaf ${index} changed, of ${leafCount}`);
    if (index <= before) return misfit(`leaf ${index} changed after leaf ${before}: they come in order, each once`);
    before = index;
    changes.push({ index, digest: digestText(bytes.subarray(at + 2, at + changeLength)) ?? '' });
  }
  return fits(changes);
}
