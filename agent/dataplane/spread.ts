/**
 * The end of a service chain: picks among endpoint chains (endpoint-chain.ts) that depend on chance and on nothing else.
 *
 *     -A KUBE-SVC-DEF -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-ABC
 *     -A KUBE-SVC-DEF -j KUBE-SEP-XYZ
 */
import type { Backend } from '../../proto/address.ts';
import { type Route, wholeShare } from '../../proto/forwarding.ts';
import { type Endpoints, type MarkChange, readEndpoints } from './endpoint-chain.ts';
import type { Condition } from './rule-plan.ts';
import type { WalkedTable } from './rule-tables.ts';
import { type Choice, isEvenPart, type Spreading, type Sticky, spreadingOf } from './spreading.ts';

/** One choice of a spread. */
export interface Pick extends Choice {
  /** The mark that packets from the backend's own address get first; null when they get none. */
  readonly ownMark: MarkChange | null;
}

/** The end of a chain from rule `from` on: picks that depend on chance and on nothing else. */
export interface Spread {
  readonly from: number;
  readonly protocol: string | null;
  readonly stickies: readonly Sticky[];
  /** The distinct marks of the picks. */
  readonly ownMarks: readonly (MarkChange | null)[];
  /** Reads the picks again: only packets that a rule told apart before need them. */
  readonly picks: () => readonly Pick[];
  /** The part that no pick takes, 0 to 1: it leaves the chain at its end. */
  readonly lost: number;
  readonly spreading: Spreading;
  /** The route of packets that all reach it: shared by its frontends and origins. */
  readonly route: Route;
}

type ReadSpread = Omit<Spread, 'picks' | 'route'>;

interface ReadPicks {
  readonly picks: readonly Pick[];
  readonly stickies: readonly Sticky[];
  readonly lost: number;
  readonly protocol: string | null;
}

type Chance = Extract<Condition, { kind: 'chance' }>;

/** The spreads of one table, each worked out when it is first met. */
export class Spreads {
  readonly #table: WalkedTable;
  #endpoints: Endpoints | null = null;
  readonly #spreads = new Map<number, Spread | null>();
  /** Word of a probability -> its number: there are as many as there are sizes of services. */
  readonly #chances = new Map<number, number>();
  /** Rules left -> the word that was found to be their even probability. */
  readonly #evenWords: number[] = [];

  constructor(table: WalkedTable) {
    this.#table = table;
  }

  /** The spread at the end of a chain; null when its last rule is no pick. */
  at(chain: number): Spread | null {
    let spread = this.#spreads.get(chain);
    if (spread === undefined) {
      spread = this.#readSpread(chain);
      this.#spreads.set(chain, spread);
    }
    return spread;
  }

  #readSpread(chain: number): Spread | null {
    const end = this.#table.endOfRules(chain);
    if (end === this.#table.firstRule(chain) || this.#pickedChain(end - 1) < 0) return null;
    this.#endpoints ??= readEndpoints(this.#table);
    const even = this.#readEven(chain, this.#endpoints);
    if (even !== null) return this.#spreadOf(end, even);
    const from = this.#firstPick(chain, this.#endpoints);
    const uneven = from === end ? null : this.#readUneven(from, end);
    return uneven === null || uneven.lost === 1 ? null : this.#spreadOf(end, uneven);
  }

  #spreadOf(end: number, read: ReadSpread): Spread {
    const { backends, affinitySeconds } = read.spreading;
    const route: Route = { action: 'forward', backends, affinitySeconds, sources: 'any', otherwise: 'drop' };
    return { ...read, route, picks: () => this.#readPicks(read.from, end).picks };
  }

  /** Where the picks of one protocol begin that end a chain; the chain's end when its last rule is none. */
  #firstPick(chain: number, { backends, kindOf, kinds }: Endpoints): number {
    const first = this.#table.firstRule(chain);
    let from = this.#table.endOfRules(chain);
    let protocol: string | null | undefined;
    for (; from > first; from--) {
      const picked = this.#pickedChain(from - 1);
      if (picked < 0 || backends[picked] === undefined) break;
      const own = kinds[kindOf[picked] ?? 0]?.protocol ?? null;
      if (protocol !== undefined && own !== protocol) break;
      protocol = own;
    }
    return from;
  }

  #readUneven(from: number, end: number): ReadSpread {
    const { picks, stickies, lost, protocol } = this.#readPicks(from, end);
    const ownMarks = [...new Set(picks.map(({ ownMark }) => ownMark))];
    return { from, protocol, stickies, ownMarks, lost, spreading: spreadingOf(picks, stickies) };
  }

  /** The chain that a rule picks by chance, always, or for clients seen before; -1 for any other rule. */
  #pickedChain(rule: number): number {
    const { conditions, action } = this.#table.plan(rule);
    if (action.kind !== 'jump' || action.goto || conditions.length > 1) return -1;
    const condition = conditions[0];
    if (condition === undefined) return this.#table.operandId(rule, action.operand);
    if (condition.kind === 'seen' ? condition.negated : condition.kind !== 'chance') return -1;
    if (condition.kind === 'chance' && this.chance(rule, condition) === null) return -1;
    return this.#table.operandId(rule, action.operand);
  }

  /** What kube-proxy writes for nearly every Service: even shares in the order of backends; null for all else. */
  #readEven(chain: number, { backends, kindOf, kinds }: Endpoints): ReadSpread | null {
    const first = this.#table.firstRule(chain);
    const end = this.#table.endOfRules(chain);
    const found: Backend[] = [];
    let kind = -1;
    let rule = end - 1;
    for (let left = 1; rule >= first; rule--, left++) {
      const picked = this.#pickedChain(rule);
      const backend = backends[picked];
      if (picked < 0 || backend === undefined) break;
      // Of n rules left, the next one takes 1/n of what comes to it.
      if (!this.#isEven(rule, left)) return null;
      if (kind >= 0 && kindOf[picked] !== kind) return null;
      const after = found[left - 2];
      if (after !== undefined && backend >= after) return null;
      kind = kindOf[picked] ?? 0;
      found.push(backend);
    }
    const own = kinds[kind];
    if (own === undefined) return null;
    const spreading: Spreading = { backends: found.reverse(), shares: 'even', affinitySeconds: 0 };
    return { from: rule + 1, protocol: own.protocol, stickies: [], ownMarks: [own.ownMark], lost: 0, spreading };
  }

  #isEven(rule: number, left: number): boolean {
    const condition = this.#table.plan(rule).conditions[0];
    if (condition === undefined) return left === 1;
    if (condition.kind !== 'chance') return false;
    const { probability } = condition;
    const word = typeof probability !== 'number' && 'operand' in probability ? probability.operand : -1;
    const id = word < 0 ? -1 : this.#table.operandId(rule, word);
    if (id >= 0 && this.#evenWords[left] === id) return true;
    const even = isEvenPart(this.chance(rule, condition) ?? 0, left);
    if (even && id >= 0) this.#evenWords[left] = id;
    return even;
  }

  #readPicks(from: number, end: number): ReadPicks {
    const table = this.#table;
    const { backends, kindOf, kinds, stores } = this.#endpoints ?? noEndpoints;
    const picks: Pick[] = [];
    const stickies: Sticky[] = [];
    const protocol = kinds[kindOf[this.#pickedChain(from)] ?? 0]?.protocol ?? null;
    let lost = 1;
    for (let rule = from; rule < end && lost > 0; rule++) {
      const chain = this.#pickedChain(rule);
      const backend = backends[chain];
      const condition = table.plan(rule).conditions[0];
      if (backend === undefined) break;
      if (condition?.kind === 'seen') {
        stickies.push({ backend, name: table.operandText(rule, condition.name), seconds: condition.seconds });
        continue;
      }
      const weight = condition?.kind === 'chance' ? lost * (this.chance(rule, condition) ?? 0) : lost;
      // What chance never picks serves nobody.
      if (weight === 0) continue;
      const ownMark = kinds[kindOf[chain] ?? 0]?.ownMark ?? null;
      picks.push({ backend, weight, stores: stores.get(chain) ?? null, ownMark });
      lost -= weight;
    }
    return { picks, stickies, lost, protocol };
  }

  /** The part of packets that a rule by chance takes, 0 to 1; null when its number cannot be read. */
  chance(rule: number, { probability, negated }: Chance): number | null {
    let parts: number;
    if (typeof probability === 'number') {
      parts = probability;
    } else {
      const word = 'operand' in probability ? this.#table.operandId(rule, probability.operand) : -1;
      const known = this.#chances.get(word);
      const written = known ?? Number(this.#table.operandText(rule, probability));
      if (word >= 0) this.#chances.set(word, written);
      if (!(written >= 0 && written <= 1)) return null;
      // The kernel keeps whole parts of 2^31; iptables-save prints enough digits to find them again.
      parts = Math.round(written * wholeShare);
    }
    const part = parts / wholeShare;
    return negated ? 1 - part : part;
  }
}

const noEndpoints: Endpoints = { backends: [], kindOf: new Uint8Array(0), kinds: [], stores: new Map() };
