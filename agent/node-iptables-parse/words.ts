/**
 * Byte strings kept once each: id -> bytes in one arena, bytes -> id by open addressing.
 * No JavaScript string or object per word, so a million words cost a few garbage-free arrays.
 */

const FIRST_BYTES = 1 << 10;
const FIRST_WORDS = 1 << 6;
/**
 * At half load a random hash needs a dozen probes at worst. Whoever makes words collide on purpose gets them
 * stored twice, not a quadratic reader.
 */
const MOST_PROBES = 256;

/** A piece of the dump, readable by byte and by four bytes. */
export interface Text<Memory extends ArrayBufferLike = ArrayBufferLike> {
  readonly bytes: Uint8Array<Memory>;
  readonly view: DataView;
}

export function textOf<Memory extends ArrayBufferLike>(piece: Uint8Array<Memory>): Text<Memory> {
  const { buffer, byteOffset, byteLength } = piece;
  // A plain Uint8Array, so that the scanning loops see one kind of array whether Buffers or others come in.
  return { bytes: new Uint8Array(buffer, byteOffset, byteLength), view: new DataView(buffer, byteOffset, byteLength) };
}

/** Whether all of `piece` stands in `text` at `at`. */
export function standsAt(piece: Text, text: Text, at: number): boolean {
  const length = piece.bytes.length;
  if (at + length > text.bytes.length) return false;
  let i = 0;
  for (; i + 4 <= length; i += 4) if (piece.view.getInt32(i, true) !== text.view.getInt32(at + i, true)) return false;
  for (; i < length; i += 1) if (piece.bytes[i] !== text.bytes[at + i]) return false;
  return true;
}

/** Carries each bit into all others: neighbouring seeds give unlike hashes. */
export function spread(bits: number): number {
  const once = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}

/** Words by id. `intern` and `find` run over `text` from `start` to `end` (exclusive). */
export class Words {
  count = 0;
  /** Words that are stored, but that `find` and `intern` miss because too many others collide with them. */
  lost = 0;
  #own = textOf(new Uint8Array(FIRST_BYTES));
  /** The same memory: only a Buffer makes strings of a part without an object for the part. */
  #buffer: Buffer | null = null;
  #starts = new Uint32Array(FIRST_WORDS + 1);
  #hashes = new Int32Array(FIRST_WORDS);
  /** id + 1, 0 where free. */
  #slots = new Int32Array(FIRST_WORDS * 2);
  readonly seed: number;
  /** The state that hashing begins with. */
  readonly #initial: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#initial = spread(seed);
  }

  /** The id of the word, stored now if it is new. */
  intern(text: Text, start: number, end: number): number {
    const hash = this.#hash(text, start, end);
    const found = this.#lookUp(text, start, end, hash);
    return found >= 0 ? found : this.#add(text.bytes, start, end, hash);
  }

  /** The id of the word, or -1. */
  find(text: Text, start: number, end: number): number {
    return this.#lookUp(text, start, end, this.#hash(text, start, end));
  }

  /** True when word `id` stands at `start`; what follows it there is not looked at. */
  standsAt(id: number, text: Text, start: number): boolean {
    const from = this.#start(id);
    const length = this.#start(id + 1) - from;
    if (start + length > text.bytes.length) return false;
    return this.#equals(from, text, start, length);
  }

  lengthOf(id: number): number {
    return this.#start(id + 1) - this.#start(id);
  }

  bytesOf(id: number): Uint8Array {
    return this.#own.bytes.subarray(this.#start(id), this.#start(id + 1));
  }

  /** The word, one character per byte. */
  text(id: number): string {
    this.#buffer ??= Buffer.from(this.#own.bytes.buffer);
    return this.#buffer.toString('latin1', this.#start(id), this.#start(id + 1));
  }

  /** Whether the word is the first `length` characters of `text` followed by `suffix`; makes no string. */
  isText(id: number, text: string, length: number, suffix: string): boolean {
    const start = this.#start(id);
    if (this.#start(id + 1) - start !== length + suffix.length) return false;
    const bytes = this.#own.bytes;
    for (let i = 0; i < length; i += 1) if (bytes[start + i] !== text.charCodeAt(i)) return false;
    for (let i = 0; i < suffix.length; i += 1) if (bytes[start + length + i] !== suffix.charCodeAt(i)) return false;
    return true;
  }

  /** Gives up finding: frees what only `intern` and `find` need. */
  seal(): void {
    this.#slots = new Int32Array(0);
    this.#hashes = new Int32Array(0);
  }

  /** Frees all memory at once: the collector would take it for little and wait long. Nothing can be read any more. */
  release(): void {
    this.seal();
    this.#buffer = null;
    this.#own.bytes.buffer.transfer(0);
    this.#own = textOf(new Uint8Array(0));
    this.#starts.buffer.transfer(0);
    this.#starts = new Uint32Array(0);
    this.count = 0;
  }

  #start(id: number): number {
    return this.#starts[id] ?? 0;
  }

  #lookUp(text: Text, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let probes = 0; probes < MOST_PROBES; probes += 1) {
      const id = (slots[slot] ?? 0) - 1;
      if (id < 0) return -1;
      if (this.#hashes[id] === hash) {
        const from = this.#start(id);
        if (this.#start(id + 1) - from === end - start && this.#equals(from, text, start, end - start)) return id;
      }
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** `standsAt` for a part of the arena. */
  #equals(from: number, text: Text, start: number, length: number): boolean {
    const own = this.#own;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      if (own.view.getInt32(from + i, true) !== text.view.getInt32(start + i, true)) return false;
    }
    for (; i < length; i += 1) if (own.bytes[from + i] !== text.bytes[start + i]) return false;
    return true;
  }

  /** Each step mixes high bits down: words that collide under one seed do not under another. */
  #hash(text: Text, start: number, end: number): number {
    const view = text.view;
    const bytes = text.bytes;
    let hash = this.#initial ^ (end - start);
    let at = start;
    for (; at + 4 <= end; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x85ebca6b) ^ (hash >>> 13);
    return spread(hash);
  }

  #add(from: Uint8Array, start: number, end: number, hash: number): number {
    const id = this.count;
    const at = this.#start(id);
    const length = end - start;
    if (at + length > this.#own.bytes.length) this.#growBytes(at + length);
    const bytes = this.#own.bytes;
    for (let i = 0; i < length; i += 1) bytes[at + i] = from[start + i] ?? 0;
    this.#starts[id + 1] = at + length;
    this.#hashes[id] = hash;
    this.count = id + 1;
    this.#claim(hash, id);
    if (this.count === this.#hashes.length) this.#growWords();
    return id;
  }

  #growBytes(needed: number): void {
    let length = this.#own.bytes.length;
    while (length < needed) length *= 2;
    this.#buffer = null;
    // transfer() frees the old memory at once instead of leaving it to the collector.
    this.#own = textOf(new Uint8Array(this.#own.bytes.buffer.transfer(length)));
  }

  #growWords(): void {
    const length = this.#hashes.length * 2;
    this.#starts = new Uint32Array(this.#starts.buffer.transfer((length + 1) * 4));
    this.#hashes = new Int32Array(this.#hashes.buffer.transfer(length * 4));
    // Emptied before the new one is made, so that both never stand side by side.
    this.#slots.buffer.transfer(0);
    this.#slots = new Int32Array(length * 2);
    this.lost = 0;
    for (let id = 0; id < this.count; id += 1) this.#claim(this.#hashes[id] ?? 0, id);
  }

  /** Gives a word that is not in the table its slot; without one, when the probes run out, it cannot be found again. */
  #claim(hash: number, id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let probes = 0; probes < MOST_PROBES; probes += 1) {
      if (slots[slot] === 0) {
        slots[slot] = id + 1;
        return;
      }
      slot = (slot + 1) & mask;
    }
    this.lost += 1;
  }
}
