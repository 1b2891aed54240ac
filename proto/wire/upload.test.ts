import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomEdit } from '../../test/property/random-table.ts';
import { digest } from '../canonical.ts';
import * as wire from '../generated/plumbline/agent/v1/agent.ts';
import { digestBytes } from './digest-bytes.ts';
import { type Assembled, chunkBytes, chunksOf, UploadAssembler } from './upload.ts';

const maxBytes = 1024 * 1024;

function uploadOf(bytes: number): wire.Upload {
  const json = new Uint8Array(bytes).fill(120);
  return {
    content: {
      $case: 'part',
      value: { name: 'links', digest: digestBytes(digest(json)), json, base: new Uint8Array(0) },
    },
  };
}

function addAll(chunks: readonly wire.Chunk[], assembler = new UploadAssembler(maxBytes)): readonly Assembled[] {
  return chunks.map((chunk) => assembler.add(chunk));
}

/** The chunk as it comes out of a frame: its data is a view on bytes that are used again. */
function framed(chunk: wire.Chunk): { readonly chunk: wire.Chunk; readonly frame: Uint8Array } {
  const frame = wire.Chunk.encode(chunk).finish();
  return { chunk: wire.Chunk.decode(frame), frame };
}

function chunkAt(chunks: readonly wire.Chunk[], index: number): wire.Chunk {
  const chunk = chunks[index];
  if (chunk === undefined) throw new Error(`no chunk ${index}`);
  return chunk;
}

describe('an upload', () => {
  it('of any size comes out as it went in', () => {
    for (const bytes of [0, 1, chunkBytes - 60, chunkBytes, 2 * chunkBytes, 700_000]) {
      const upload = uploadOf(bytes);
      expect(addAll(chunksOf(upload, 1n)).at(-1)).toEqual({
        kind: 'whole',
        upload,
        bytes: wire.Upload.encode(upload).finish().length,
      });
    }
  });

  it('is cut into chunks of at most 256 KiB, the last with the end mark', () => {
    const chunks = chunksOf(uploadOf(600_000), 4n);
    expect(chunks.map(({ upload, index, data, end }) => [upload, index, data.length, end?.chunks])).toEqual([
      [4n, 0, chunkBytes, undefined],
      [4n, 1, chunkBytes, undefined],
      [4n, 2, expect.any(Number), 3],
    ]);
  });

  it('keeps nothing of the frames it came in', () => {
    const assembler = new UploadAssembler(maxBytes);
    const upload = uploadOf(400_000);
    let last: Assembled = { kind: 'more' };
    for (const { chunk, frame } of chunksOf(upload, 1n).map(framed)) {
      last = assembler.add(chunk);
      frame.fill(0);
    }
    expect(last).toMatchObject({ kind: 'whole', upload });
  });

  it('can follow another', () => {
    const assembler = new UploadAssembler(maxBytes);
    const both = [...chunksOf(uploadOf(10), 1n), ...chunksOf(uploadOf(300_000), 5n)];
    expect(addAll(both, assembler).map(({ kind }) => kind)).toEqual(['whole', 'more', 'whole']);
  });
});

describe('a stream of chunks is refused', () => {
  const large = chunksOf(uploadOf(600_000), 2n);

  it('when one is missing, out of order or twice', () => {
    expect(addAll([chunkAt(large, 0), chunkAt(large, 2)]).at(-1)).toEqual({
      kind: 'refused',
      reason: 'chunk 2 of upload 2 comes where chunk 1 is due',
    });
    expect(addAll([chunkAt(large, 1)]).at(-1)).toMatchObject({ kind: 'refused' });
    expect(addAll([chunkAt(large, 0), chunkAt(large, 0)]).at(-1)).toMatchObject({ kind: 'refused' });
  });

  it('when two uploads interleave', () => {
    expect(addAll([chunkAt(large, 0), chunkAt(chunksOf(uploadOf(1), 3n), 0)]).at(-1)).toEqual({
      kind: 'refused',
      reason: 'chunk 0 of upload 3 comes before the end of upload 2',
    });
  });

  it('when an upload comes again', () => {
    const assembler = new UploadAssembler(maxBytes);
    addAll(large, assembler);
    expect(assembler.add(chunkAt(large, 0))).toEqual({
      kind: 'refused',
      reason: 'chunk 0 of upload 2 comes after upload 2',
    });
  });

  it('when it grows past the limit, with nothing kept', () => {
    const assembler = new UploadAssembler(300_000);
    expect(addAll(large.slice(0, 2), assembler).at(-1)).toEqual({
      kind: 'refused',
      reason: 'upload 2 has more than 300000 bytes',
    });
    expect(assembler.pendingBytes).toBe(0);
  });

  it('when a chunk is too large, or empty', () => {
    const data = new Uint8Array(chunkBytes + 1);
    expect(addAll([{ upload: 1n, index: 0, data, end: undefined }])).toEqual([
      { kind: 'refused', reason: 'chunk 0 of upload 1 has 262145 bytes, more than 262144' },
    ]);
    expect(addAll([{ upload: 1n, index: 0, data: new Uint8Array(0), end: undefined }])).toEqual([
      { kind: 'refused', reason: 'chunk 0 of upload 1 is empty and not the last' },
    ]);
  });

  it('when the end mark has another count or another digest', () => {
    const [whole] = chunksOf(uploadOf(9), 1n);
    if (whole?.end === undefined) throw new Error('no end');
    expect(addAll([{ ...whole, end: { ...whole.end, chunks: 2 } }])).toEqual([
      { kind: 'refused', reason: 'upload 1 ends after 1 chunks, its end mark says 2' },
    ]);
    expect(addAll([{ ...whole, end: { ...whole.end, digest: digestBytes(digest('')) } }])).toEqual([
      { kind: 'refused', reason: 'upload 1 has not the digest of its end mark' },
    ]);
  });

  it('when it is whole, and no upload', () => {
    const data = new Uint8Array([255, 255, 255]);
    expect(addAll([{ upload: 1n, index: 0, data, end: { chunks: 1, digest: digestBytes(digest(data)) } }])).toEqual([
      { kind: 'refused', reason: 'upload 1 is no upload that can be read' },
    ]);
  });

  it('and never throws, and never gives what its digest does not stand for', () => {
    const sent = uploadOf(200);
    const frame = wire.Chunk.encode(chunkAt(chunksOf(sent, 1n), 0)).finish();
    fc.assert(
      fc.property(fc.array(randomEdit, { minLength: 1, maxLength: 3 }), (edits) => {
        const chunk = chunkOf(edits.reduce((edited: Uint8Array, edit) => edit(edited), frame));
        const assembled = chunk === null ? null : new UploadAssembler(maxBytes).add(chunk);
        if (assembled?.kind === 'whole') expect(assembled.upload).toEqual(sent);
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );
  });
});

function chunkOf(bytes: Uint8Array): wire.Chunk | null {
  try {
    return wire.Chunk.decode(bytes);
  } catch {
    return null;
  }
}
