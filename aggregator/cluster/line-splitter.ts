/** Lines out of an endless answer, piece by piece: a watch is one JSON document a line. */

const newline = 0x0a;

export type Lines =
  | { readonly ok: true; readonly lines: readonly string[] }
  /** A line is longer than it may be; what follows cannot be told apart any more. */
  | { readonly ok: false };

export class LineSplitter {
  readonly #maxBytes: number;
  #begun: Uint8Array[] = [];
  #begunBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in this piece; empty ones are left out. */
  push(piece: Uint8Array): Lines {
    const lines: string[] = [];
    let from = 0;
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, from)) {
      const line = this.#finish(piece.subarray(from, end));
      if (line === null) return { ok: false };
      if (line.trim() !== '') lines.push(line);
      from = end + 1;
    }
    if (from < piece.byteLength) {
      this.#begun.push(piece.subarray(from));
      this.#begunBytes += piece.byteLength - from;
    }
    return this.#begunBytes > this.#maxBytes ? { ok: false } : { ok: true, lines };
  }

  #finish(last: Uint8Array): string | null {
    const bytes = this.#begunBytes + last.byteLength;
    const line = bytes > this.#maxBytes ? null : Buffer.concat([...this.#begun, last], bytes).toString('utf8');
    this.#begun = [];
    this.#begunBytes = 0;
    return line;
  }
}
