/**
 * Takes the packet and byte counters off the rules of `iptables-save -c`.
 *
 *     [12:720] -A KUBE-SVC-X -j KUBE-SEP-Y      ->      -A KUBE-SVC-X -j KUBE-SEP-Y
 */

const newline = 10;
const bracket = 91;
const blank = 32;

/** Streams the dump without the counters; each piece is a buffer of its own. */
export async function* stripCounters(dump: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let atStart = true;
  let skipping = false;
  for await (const piece of dump) {
    const kept = Buffer.allocUnsafe(piece.length);
    let length = 0;
    for (const byte of piece) {
      if (atStart && byte === bracket) skipping = true;
      atStart = byte === newline;
      if (!skipping) kept[length++] = byte;
      // A line that ends inside its brackets is damaged: what follows is the parser's to judge.
      else if (byte === blank || byte === newline) skipping = false;
    }
    yield kept.subarray(0, length);
  }
}
