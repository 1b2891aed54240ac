/**
 * Which service port a map's element claims to serve: the name of the chain that it leads to says so, with a hash that
 * proves it. Elements that lead to no chain of a service (`drop`) claim nothing.
 */
import { parseNftServiceChain } from '../../../proto/chain-names.ts';
import type { FrontendKey, OwnerHints } from '../../../proto/forwarding.ts';
import type { Verdict } from './rule.ts';
import { detached } from './words.ts';

/** The claims of one node's maps; the tables need not be there any more. */
export class NftClaims {
  readonly #chains = new Map<FrontendKey, string>();
  /** A service port has several addresses, and one name. */
  readonly #names = new Map<string, string>();

  /** Keeps what the element that lists a frontend claims, if it claims anything. */
  add(key: FrontendKey, verdict: Verdict | null): void {
    if (verdict === null || !('chain' in verdict) || !verdict.chain.includes('/')) return;
    let name = this.#names.get(verdict.chain);
    if (name === undefined) {
      name = detached(verdict.chain);
      this.#names.set(name, name);
    }
    this.#chains.set(key, name);
  }

  /** @returns `ns/name:port`, or null where nothing is claimed, or not proved. */
  hint(key: FrontendKey): string | null {
    const chain = this.#chains.get(key);
    const claimed = chain === undefined ? null : parseNftServiceChain(chain);
    return claimed !== null && key.startsWith(`${claimed.protocol} `) ? claimed.name : null;
  }

  /** Every hint that is proved. */
  proved(): OwnerHints {
    const owners = new Map<FrontendKey, string>();
    for (const key of this.#chains.keys()) {
      const owner = this.hint(key);
      if (owner !== null) owners.set(key, owner);
    }
    return owners;
  }
}
