/**
 * Which service port a rule claims to serve, where the claim can be proved:
 *
 *     -A KUBE-SERVICES -d 10.96.7.7/32 ... --comment "shop/web:http cluster IP" ... -j KUBE-SVC-RSLLHHAHMDUVAXRL
 *
 * The name in the comment counts only if it hashes to the chain that the rule jumps to: comments are free text, and a
 * wrong owner would send someone to the wrong team. Few frontends are ever asked for, so the claims are kept as bytes,
 * a tenth of the memory that the same as objects would take, and proved when asked.
 */
import { chainHash, parseHashedChain } from '../../proto/chain-names.ts';
import type { FrontendKey, OwnerHints, Protocol } from '../../proto/forwarding.ts';
import type { ListedFrontend } from './listed-frontends.ts';

const BLANK = 32;
const QUOTE = 34;
/** One byte holds the length: `ns/name:port` has at most 143 characters. */
const longest = 255;
const firstBytes = 4096;

/** The claims of one node's rules; the rules themselves need not be there any more. */
export class OwnerClaims {
  /** Where in `#bytes` a frontend's claim begins: chain, then name, each behind its length. */
  readonly #starts = new Map<FrontendKey, number>();
  #bytes = Buffer.allocUnsafe(firstBytes);
  #used = 0;

  /** Keeps what the rule that lists a frontend claims, if it claims anything. */
  add(key: FrontendKey, { table, rule }: ListedFrontend): void {
    const chain = table.jumpTarget(rule);
    const comment = chain === null ? null : table.commentBytes(rule);
    if (chain === null || comment === null) return;
    // Quotes stand around a comment with a blank, which is all that kube-proxy writes; no name holds a character that
    // would be escaped.
    const start = comment[0] === QUOTE ? 1 : 0;
    const blank = comment.indexOf(BLANK);
    const name = comment.subarray(start, blank < 0 ? comment.length - start : blank);
    if (chain.length > longest || name.length > longest) return;
    this.#grow(2 + chain.length + name.length);
    this.#starts.set(key, this.#used);
    this.#used = this.#bytes.writeUInt8(chain.length, this.#used);
    this.#used += this.#bytes.write(chain, this.#used, 'latin1');
    this.#used = this.#bytes.writeUInt8(name.length, this.#used);
    this.#bytes.set(name, this.#used);
    this.#used += name.length;
  }

  /** @returns `ns/name:port`, or null where nothing is claimed, or not proved. */
  hint(key: FrontendKey): string | null {
    const start = this.#starts.get(key);
    if (start === undefined) return null;
    const nameStart = start + 1 + (this.#bytes[start] ?? 0);
    const chain = parseHashedChain(this.#bytes.toString('latin1', start + 1, nameStart));
    if (chain?.kind !== 'service') return null;
    const name = this.#bytes.toString('utf8', nameStart + 1, nameStart + 1 + (this.#bytes[nameStart] ?? 0));
    return chainHash(name, protocolOf(key)) === chain.hash ? name : null;
  }

  /** Every hint that is proved. */
  proved(): OwnerHints {
    const owners = new Map<FrontendKey, string>();
    for (const key of this.#starts.keys()) {
      const owner = this.hint(key);
      if (owner !== null) owners.set(key, owner);
    }
    return owners;
  }

  #grow(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(this.#bytes.length * 2);
    this.#bytes.copy(grown, 0, 0, this.#used);
    this.#bytes = grown;
  }
}

/** A key begins with its protocol. */
function protocolOf(key: FrontendKey): Protocol {
  if (key.startsWith('tcp ')) return 'tcp';
  return key.startsWith('udp ') ? 'udp' : 'sctp';
}
