/** The digests below one bucket of the tree, as they travel: 32 digests in one row of bytes. */
import { childrenDigest } from '../bucket-tree.ts';
import type * as wire from '../generated/plumbline/agent/v1/agent.ts';
import { type Decoded, fits, misfit } from './decoded.ts';
import { digestBytes, digestLength, digestText } from './digest-bytes.ts';

const fanout = 32;

/** The children of an inner bucket, or of the root. */
export function encodeChildren(children: readonly string[]): wire.Children {
  const digests = new Uint8Array(children.length * digestLength);
  for (const [index, child] of children.entries()) digests.set(digestBytes(child), index * digestLength);
  return { digests };
}

/** The 32 children, if they are what this digest stands for. */
export function decodeChildren({ digests }: wire.Children, expectedDigest: string): Decoded<readonly string[]> {
  if (digests.length !== fanout * digestLength) {
    return misfit(`the children of ${expectedDigest} take ${digests.length} bytes, not ${fanout * digestLength}`);
  }
  const children: string[] = [];
  for (let at = 0; at < digests.length; at += digestLength) {
    children.push(digestText(digests.subarray(at, at + digestLength)) ?? '');
  }
  const found = childrenDigest(children);
  return found === expectedDigest ? fits(children) : misfit(`the children of ${expectedDigest} have digest ${found}`);
}
