/** From the leaves of a walk to one origin's fate: ../fate.ts, and a short way for what nearly every frontend is. */
import { type Backend, parseHostPort } from '../../../proto/address.ts';
import type { Dress, Fate, Protocol } from '../../../proto/forwarding.ts';
import { contains, equals, type PrefixSet } from '../../../proto/prefixes.ts';
import { fateOf, type Masquerades } from '../fate.ts';
import type { MarkChange } from '../endpoint-chain.ts';
import { changeMark, type Leaf } from '../pieces.ts';
import type { Spread } from '../spread.ts';
import type { Postrouting } from './postrouting.ts';

/** The fates of packets of one protocol. */
export class Fates {
  readonly #masquerades: Masquerades;
  readonly #listsOwn: boolean;

  /** @param listsOwn whether the rules list the endpoints on the node that may reach themselves. */
  constructor(postrouting: Postrouting, protocol: Protocol, listsOwn: boolean) {
    this.#listsOwn = listsOwn;
    this.#masquerades = (mark, backend) => {
      const own = backend === undefined ? null : parseHostPort(backend);
      return own === null ? postrouting.masquerades(mark) : postrouting.masquerades(mark, { ...own, protocol });
    };
  }

  /**
   * @param leaves where the packets ended, see fateOf.
   * @param universe all of the origin's sources.
   */
  of(leaves: readonly Leaf[], universe: PrefixSet): Fate {
    const [only] = leaves;
    if (leaves.length === 1 && only?.kind === 'spread' && only.piece.weight === 1) {
      const { piece, spread } = only;
      if (equals(piece.sources, universe)) return this.#spreadFate(spread, piece.mark, universe);
    }
    // A firewall drops whom no range holds, also where a Service without endpoints would have rejected him.
    const fate = fateOf(leaves, universe, this.#masquerades, true);
    const { route, dress: worn } = fate;
    if (!this.#listsOwn || route.action !== 'forward' || worn === null || worn.masquerade === 'always') return fate;
    return { route, dress: { ...worn, hairpin: this.#listed(route.backends) } };
  }

  /** The fate of packets that all reach one spread with one mark. */
  #spreadFate(spread: Spread, mark: number, universe: PrefixSet): Fate {
    const { route, spreading } = spread;
    if (this.#masquerades(mark)) return { route, dress: dress(spreading.shares, 'always', 'all') };
    const hairpin = this.#listsOwn ? this.#listed(spreading.backends) : this.#hairpinOf(spread, mark, universe);
    return { route, dress: dress(spreading.shares, 'never', hairpin) };
  }

  /** How many of the backends are listed, whatever the origin: see Dress.hairpin. */
  #listed(backends: readonly Backend[]): Dress['hairpin'] {
    const count = backends.filter((backend) => this.#masquerades(0, backend)).length;
    return count === 0 ? 'none' : count === backends.length ? 'all' : 'some';
  }

  /** Of the backends that are among the sources; `all` where none is. */
  #hairpinOf(spread: Spread, mark: number, universe: PrefixSet): Dress['hairpin'] {
    const isMarked = (ownMark: MarkChange | null): boolean =>
      ownMark !== null && this.#masquerades(changeMark(mark, ownMark));
    // Only older releases mark in endpoint chains, and then in all of them.
    if (spread.ownMarks.every(isMarked)) return 'all';
    const marks = new Map<Backend, boolean>();
    if (spread.ownMarks.some((own) => own !== null)) {
      for (const { backend, ownMark } of spread.picks()) marks.set(backend, isMarked(ownMark));
    }
    let masqueraded = 0;
    let left = 0;
    for (const backend of spread.spreading.backends) {
      const address = parseHostPort(backend)?.address;
      if (address === undefined || !contains(universe, address)) continue;
      if (marks.get(backend) === true || this.#masquerades(mark, backend)) masqueraded++;
      else left++;
    }
    return left === 0 ? 'all' : masqueraded > 0 ? 'some' : 'none';
  }
}

type Hairpins = { readonly [hairpin in Dress['hairpin']]: Dress };

const evenDresses: { readonly [masquerade in 'always' | 'never']: Hairpins } = {
  always: evenDressesOf('always'),
  never: evenDressesOf('never'),
};

function evenDressesOf(masquerade: 'always' | 'never'): Hairpins {
  return {
    all: { shares: 'even', masquerade, hairpin: 'all' },
    some: { shares: 'even', masquerade, hairpin: 'some' },
    none: { shares: 'even', masquerade, hairpin: 'none' },
  };
}

/** Even shares are what nearly every frontend has: their few dresses are shared. */
function dress(shares: Dress['shares'], masquerade: 'always' | 'never', hairpin: Dress['hairpin']): Dress {
  return shares === 'even' ? evenDresses[masquerade][hairpin] : { shares, masquerade, hairpin };
}
