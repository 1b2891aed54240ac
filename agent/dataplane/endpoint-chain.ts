/**
 * Chains that do one thing whatever the packet: the endpoint chain, which sends to one backend, and the end of a service
 * chain, which picks among endpoint chains by chance. Worked out once, they make a walk of a table with a hundred
 * thousand endpoints as short as one with ten. A chain that is anything else is walked rule by rule (walk.ts).
 */
import { type Backend, parseBackend } from '../../proto/address.ts';
import { wholeShare } from '../../proto/forwarding.ts';
import type { Condition, Plan } from './rule-plan.ts';
import type { WalkedTable } from './rule-tables.ts';
import { type Choice, type Spreading, type Sticky, spreadingOf } from './spreading.ts';

/** What a MARK target does: mark = (mark & ~mask) ^ value. */
export interface MarkChange {
  readonly value: number;
  readonly mask: number;
}

/** One choice of a spread. */
export interface Pick extends Choice {
  /** The mark that packets from the backend's own address get first; null when they get none. */
  readonly ownMark: MarkChange | null;
}

/** A pick before its weight is known, with the protocol its DNAT asks for; null = any. */
interface EndpointChain {
  readonly pick: { -readonly [key in keyof Pick]: Pick[key] };
  readonly protocol: string | null;
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
}

interface ReadPicks {
  readonly picks: readonly Pick[];
  readonly stickies: readonly Sticky[];
  readonly protocol: string | null;
  readonly from: number;
  readonly rest: number;
}

type Chance = Extract<Condition, { kind: 'chance' }>;

/** Remembers the chains of one table that were worked out. */
export class EndpointChains {
  readonly #table: WalkedTable;
  readonly #spreads = new Map<number, Spread | null>();
  readonly #markers = new Map<number, MarkChange | null>();
  /** Word of a probability -> its number: there are as many as there are sizes of services. */
  readonly #chances = new Map<number, number>();

  constructor(table: WalkedTable) {
    this.#table = table;
  }

  /** The spread at the end of a chain; null when its last rule is no pick. */
  spread(chain: number): Spread | null {
    let spread = this.#spreads.get(chain);
    if (spread === undefined) {
      spread = this.#readSpread(chain);
      this.#spreads.set(chain, spread);
    }
    return spread;
  }

  /** The mark a chain sets on every packet before it returns; null when it does anything else. */
  marker(chain: number): MarkChange | null {
    let marker = this.#markers.get(chain);
    if (marker === undefined) {
      marker = this.#readMarker(chain);
      this.#markers.set(chain, marker);
    }
    return marker;
  }

  #readMarker(chain: number): MarkChange | null {
    const table = this.#table;
    const first = table.firstRule(chain);
    if (table.endOfRules(chain) !== first + 1) return null;
    const { conditions, action } = table.plan(first);
    return conditions.length === 0 && action.kind === 'mark' ? { value: action.value, mask: action.mask } : null;
  }

  /** The chain as one that sends every packet of its protocol to one backend; null when it is something else. */
  #endpoint(chain: number): EndpointChain | null {
    const table = this.#table;
    const end = table.endOfRules(chain);
    let markedBy = -1;
    let ownMark: MarkChange | null = null;
    for (let rule = table.firstRule(chain); rule < end; rule++) {
      const plan = table.plan(rule);
      if (plan.action.kind === 'pass') continue;
      if (plan.action.kind === 'jump') {
        ownMark = markedBy < 0 ? this.#ownMark(rule, plan) : null;
        if (ownMark === null) return null;
        markedBy = rule;
        continue;
      }
      if (plan.action.kind !== 'dnat' || plan.conditions.length > 1) return null;
      const condition = plan.conditions[0];
      if (condition !== undefined && (condition.kind !== 'protocol' || condition.negated)) return null;
      const backend = parseBackend(table.operandText(rule, plan.action.to));
      if (backend === null || (markedBy >= 0 && !this.#isFrom(markedBy, backend))) return null;
      const stores = plan.stores === null ? null : table.operandText(rule, plan.stores);
      return { pick: { backend, weight: 0, stores, ownMark }, protocol: condition?.protocol ?? null };
    }
    return null;
  }

  /** What `-s HOST -j MARKER` marks: the rule by which an endpoint that calls itself is masqueraded. */
  #ownMark(rule: number, { action, conditions }: Plan): MarkChange | null {
    const condition = conditions[0];
    if (action.kind !== 'jump' || conditions.length !== 1 || condition?.kind !== 'source' || condition.negated)
      return null;
    return this.marker(this.#table.operandId(rule, action.operand));
  }

  /** Whether a rule asks for exactly the backend's address as source. */
  #isFrom(rule: number, backend: Backend): boolean {
    const condition = this.#table.plan(rule).conditions[0];
    if (condition?.kind !== 'source') return false;
    const colon = backend.lastIndexOf(':');
    if (this.#table.family === 'ipv4') return this.#table.operandIs(rule, condition.prefix, backend, colon, '/32');
    return this.#table.operandText(rule, condition.prefix) === `${backend.slice(1, colon - 1)}/128`;
  }

  #readSpread(chain: number): Spread | null {
    const end = this.#table.endOfRules(chain);
    const { picks, stickies, protocol, from, rest } = this.#readPicks(chain);
    if (from === end) return null;
    return {
      from,
      protocol,
      stickies,
      ownMarks: [...new Set(picks.map(({ ownMark }) => ownMark))],
      picks: () => this.#readPicks(chain).picks,
      lost: rest,
      spreading: spreadingOf(picks, stickies),
    };
  }

  #readPicks(chain: number): ReadPicks {
    const table = this.#table;
    const endpoints: EndpointChain[] = [];
    let from = table.endOfRules(chain);
    for (; from > table.firstRule(chain); from--) {
      const endpoint = this.#pickOf(from - 1);
      if (endpoint === null || (endpoints[0] !== undefined && endpoint.protocol !== endpoints[0].protocol)) break;
      endpoints.push(endpoint);
    }
    const picks: Pick[] = [];
    const stickies: Sticky[] = [];
    let rest = 1;
    for (let i = endpoints.length - 1, rule = from; i >= 0 && rest > 0; i--, rule++) {
      const pick = endpoints[i]?.pick;
      const condition = table.plan(rule).conditions[0];
      if (pick === undefined) break;
      if (condition?.kind === 'seen') {
        const name = table.operandText(rule, condition.name);
        stickies.push({ backend: pick.backend, name, seconds: condition.seconds });
        continue;
      }
      pick.weight = condition?.kind === 'chance' ? rest * (this.chance(rule, condition) ?? 0) : rest;
      picks.push(pick);
      rest -= pick.weight;
    }
    return { picks, stickies, protocol: endpoints[0]?.protocol ?? null, from, rest };
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

  /** The endpoint chain that a rule picks by chance, always, or for clients seen before; null for any other rule. */
  #pickOf(rule: number): EndpointChain | null {
    const { conditions, action } = this.#table.plan(rule);
    if (action.kind !== 'jump' || action.goto || conditions.length > 1) return null;
    const condition = conditions[0];
    if (condition !== undefined && condition.kind !== 'chance' && condition.kind !== 'seen') return null;
    if (condition?.kind === 'seen' && condition.negated) return null;
    if (condition?.kind === 'chance' && this.chance(rule, condition) === null) return null;
    return this.#endpoint(this.#table.operandId(rule, action.operand));
  }
}
