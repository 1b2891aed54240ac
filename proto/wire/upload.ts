/**
 * Uploads in pieces. What is large travels in chunks of 256 KiB with an end mark, since a stream that ended well may
 * still have been cut: an upload is whole when the count and the digest of its end mark say so.
 */
import { digest } from '../canonical.ts';
import * as wire from '../generated/plumbline/agent/v1/agent.ts';
import { digestBytes, digestText } from './digest-bytes.ts';

/** The most data that one chunk may carry. */
export const chunkBytes = 256 * 1024;

/**
 * An upload cut into its chunks, in their order.
 * @param number rises with each upload of an epoch; the first is 1.
 */
export function chunksOf(upload: wire.Upload, number: bigint): readonly wire.Chunk[] {
  const bytes = wire.Upload.encode(upload).finish();
  const count = Math.max(1, Math.ceil(bytes.length / chunkBytes));
  const end: wire.ChunkEnd = { chunks: count, digest: digestBytes(digest(bytes)) };
  return Array.from({ length: count }, (_, index) => ({
    upload: number,
    index,
    data: bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
    end: index === count - 1 ? end : undefined,
  }));
}

/** What a chunk led to. After `refused` nothing of its upload is kept. */
export type Assembled =
  | { readonly kind: 'more' }
  | { readonly kind: 'whole'; readonly upload: wire.Upload; readonly bytes: number }
  | { readonly kind: 'refused'; readonly reason: string };

interface OpenUpload {
  readonly number: bigint;
  readonly pieces: Uint8Array[];
  bytes: number;
}

/** Puts the chunks of one stream together. Holds at most one upload, of at most `maxBytes`. */
export class UploadAssembler {
  readonly #maxBytes: number;
  #open: OpenUpload | null = null;
  #last = 0n;

  /** @param maxBytes the most that one upload may have. Decoded, empty messages take up to 40 times their bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the upload that is under way. */
  get pendingBytes(): number {
    return this.#open?.bytes ?? 0;
  }

  /** Takes the next chunk of the stream. Its data is copied: it lies in a frame that is used again. */
  add(chunk: wire.Chunk): Assembled {
    const reason = this.#objection(chunk);
    if (reason !== null) return this.#refuse(reason);
    const open = this.#open ?? { number: chunk.upload, pieces: [], bytes: 0 };
    this.#open = open;
    this.#last = chunk.upload;
    open.pieces.push(new Uint8Array(chunk.data));
    open.bytes += chunk.data.length;
    return chunk.end === undefined ? { kind: 'more' } : this.#finish(open, chunk.end);
  }

  /** Why the chunk does not go on with what came before; null when it does. */
  #objection({ upload, index, data, end }: wire.Chunk): string | null {
    const open = this.#open;
    const name = `chunk ${index} of upload ${upload}`;
    if (open === null && upload <= this.#last) return `${name} comes after upload ${this.#last}`;
    if (open !== null && upload !== open.number) return `${name} comes before the end of upload ${open.number}`;
    const next = open?.pieces.length ?? 0;
    if (index !== next) return `${name} comes where chunk ${next} is due`;
    if (data.length > chunkBytes) return `${name} has ${data.length} bytes, more than ${chunkBytes}`;
    if (data.length === 0 && end === undefined) return `${name} is empty and not the last`;
    const bytes = (open?.bytes ?? 0) + data.length;
    return bytes > this.#maxBytes ? `upload ${upload} has more than ${this.#maxBytes} bytes` : null;
  }

  #finish({ number, pieces, bytes }: OpenUpload, end: wire.ChunkEnd): Assembled {
    this.#open = null;
    if (end.chunks !== pieces.length) {
      return this.#refuse(`upload ${number} ends after ${pieces.length} chunks, its end mark says ${end.chunks}`);
    }
    const whole = joined(pieces, bytes);
    const found = digest(whole);
    if (digestText(end.digest) !== found) return this.#refuse(`upload ${number} has not the digest of its end mark`);
    const upload = decodeUpload(whole);
    if (upload?.content === undefined) return this.#refuse(`upload ${number} is no upload that can be read`);
    return { kind: 'whole', upload, bytes };
  }

  #refuse(reason: string): Assembled {
    this.#open = null;
    return { kind: 'refused', reason };
  }
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Null where the bytes are no message: the generated reader throws on those. */
function decodeUpload(bytes: Uint8Array): wire.Upload | null {
  try {
    return wire.Upload.decode(bytes);
  } catch {
    return null;
  }
}
