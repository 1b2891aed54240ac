/**
 * What `nft -s list table` prints, see nft(8), without what traffic changes by itself: the elements of sets that rules
 * fill as packets pass (kube-proxy's session affinity). They come and go with every client, forward nobody who is new,
 * and can be many more than all the rest.
 *
 *     table ip kube-proxy {
 *     	set affinity-IKJUARF5-shop/cart/tcp/redis__10.244.2.4/6379 {
 *     		type ipv4_addr
 *     		flags dynamic,timeout
 *     		timeout 10m
 *     		elements = { 10.244.3.2 expires 8m25s280ms,              left out,
 *     			     10.244.3.9 expires 2m1s }                   to the end of the list
 *     	}
 *
 * nft prints the flags of a set before its elements, and a list goes on as long as its lines end in a comma.
 */
import { createHash } from 'node:crypto';

const newline = 10;
const comma = 44;
const setHead = Buffer.from('\tset ');
const chainHead = Buffer.from('\tchain ');
const mapHead = Buffer.from('\tmap ');
const flagsHead = Buffer.from('\t\tflags ');
const elementsHead = Buffer.from('\t\telements = ');

/** One listing being read: push each piece, then finish. */
export class NftListing {
  readonly #hash = createHash('sha256');
  readonly #kept: Buffer[] = [];
  /** The unfinished line. */
  #carry: Buffer = Buffer.alloc(0);
  #inSet = false;
  #isFilledByPackets = false;
  #isLeftOut = false;

  /** The piece may be reused afterwards. */
  push(piece: Uint8Array): void {
    const bytes = Buffer.concat([this.#carry, piece]);
    let keptFrom = 0;
    let line = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, line)) {
      if (this.#leavesOut(bytes, line, end)) {
        this.#keep(bytes.subarray(keptFrom, line));
        keptFrom = end + 1;
      }
      line = end + 1;
    }
    this.#keep(bytes.subarray(keptFrom, line));
    this.#carry = bytes.subarray(line);
  }

  /** What was printed, and its SHA-256 as 64 hexadecimal digits: equal as long as nobody changes the table. */
  finish(): { readonly text: Uint8Array; readonly digest: string } {
    this.#keep(this.#carry);
    return { text: Buffer.concat(this.#kept), digest: this.#hash.digest('hex') };
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#hash.update(bytes);
    this.#kept.push(bytes);
  }

  #leavesOut(bytes: Buffer, from: number, end: number): boolean {
    if (this.#isLeftOut) {
      this.#isLeftOut = bytes[end - 1] === comma;
      return true;
    }
    if (beginsWith(bytes, from, setHead)) {
      this.#inSet = true;
      this.#isFilledByPackets = false;
    } else if (beginsWith(bytes, from, chainHead) || beginsWith(bytes, from, mapHead)) {
      this.#inSet = false;
    } else if (this.#inSet && beginsWith(bytes, from, flagsHead)) {
      const flags = bytes.toString('latin1', from + flagsHead.length, end).split(',');
      this.#isFilledByPackets = flags.includes('dynamic') && flags.includes('timeout');
    } else if (this.#inSet && this.#isFilledByPackets && beginsWith(bytes, from, elementsHead)) {
      this.#isLeftOut = bytes[end - 1] === comma;
      return true;
    }
    return false;
  }
}

function beginsWith(bytes: Buffer, from: number, head: Buffer): boolean {
  // Most lines differ in their second or third byte.
  return (
    bytes[from + 2] === head[2] && bytes[from + 1] === head[1] && bytes.subarray(from, from + head.length).equals(head)
  );
}
