/**
 * Chains made ready to be walked many times: their rules, and how their end spreads connections over backends.
 *
 *     chain service-x {                                            chain endpoint-y {
 *       ip saddr @affinity-y goto endpoint-y                          ip saddr 10.244.1.2 jump mark-for-masquerade
 *       numgen random mod 1 vmap { 0 : goto endpoint-y }              update @affinity-y { ip saddr }
 *     }                                                              meta l4proto tcp dnat to 10.244.1.2:80
 *     chain service-z {                                            }
 *       meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 80, 1 : 10.244.1.3 . 80 }
 *     }
 *
 * A chain that is anything else is walked rule by rule (walk.ts).
 */
import { type Backend, backendOf } from '../../../proto/address.ts';
import type { Route } from '../../../proto/forwarding.ts';
import type { MarkChange } from '../endpoint-chain.ts';
import type { Pick, Spread } from '../spread.ts';
import { type Sticky, spreadingOf } from '../spreading.ts';
import type { Chance, Destination, Rule, Step, Verdict } from './rule.ts';
import type { NftTable } from './table.ts';
import { detached } from './words.ts';

export interface ChainPlan {
  readonly rules: readonly Rule[];
  /** What the rules from `spread.from` on do, the last one included; null when that is nothing so simple. */
  readonly spread: Spread | null;
}

/** A chain that sends every packet of its protocol to one backend. */
interface EndpointChain {
  readonly backend: Backend;
  readonly protocol: string | null;
  /** What the backend's own packets are marked with; null = nothing. */
  readonly ownMark: MarkChange | null;
  /** The set that remembers the client. */
  readonly stores: string | null;
}

/** What the last rule of a chain picks among. */
interface Picks {
  readonly picks: readonly Pick[];
  readonly protocol: string | null;
  readonly lost: number;
}

const emptyPlan: ChainPlan = { rules: [], spread: null };

/** The plans of one table, each worked out when it is first met. */
export class ChainPlans {
  readonly table: NftTable;
  readonly #plans = new Map<string, ChainPlan | null>();
  readonly #endpoints = new Map<string, EndpointChain | 'empty' | null>();
  readonly #markers = new Map<string, MarkChange | null>();
  readonly #backends = new Map<string, Backend>();

  constructor(table: NftTable) {
    this.table = table;
  }

  /** @returns null when there is no such chain. */
  plan(name: string): ChainPlan | null {
    let plan = this.#plans.get(name);
    if (plan === undefined) {
      plan = this.#readPlan(name);
      this.#plans.set(name, plan);
    }
    return plan;
  }

  /** One object per backend: a route holds it, and nothing of the text that it was read from. */
  backend({ address, port }: Destination, ownPort: number): Backend {
    const text = backendOf(address, port ?? ownPort);
    let backend = this.#backends.get(text);
    if (backend === undefined) {
      backend = detached(text) as Backend;
      this.#backends.set(backend, backend);
    }
    return backend;
  }

  #readPlan(name: string): ChainPlan | null {
    const chain = this.table.chains.get(name);
    if (chain === undefined) return null;
    if (chain.ruleCount === 0) return emptyPlan;
    const rules = chain.rules();
    const spread = this.#readSpread(rules, () => chain.rules());
    // The rules of a spread are read again in the rare case that someone walks them one by one.
    return { rules: spread === null ? rules : rules.slice(0, spread.from), spread };
  }

  /** All rules of a chain, those of its spread included. */
  rules(name: string): readonly Rule[] | null {
    const plan = this.plan(name);
    return plan?.spread == null ? (plan?.rules ?? null) : (this.table.chains.get(name)?.rules() ?? null);
  }

  #readSpread(rules: readonly Rule[], reread: () => readonly Rule[]): Spread | null {
    const picked = this.#readPicks(rules);
    if (picked === null || picked.picks.length === 0) return null;
    const { stickies, from } = this.#readStickies(rules, picked.protocol);
    const spreading = spreadingOf(picked.picks, stickies);
    const { backends, affinitySeconds } = spreading;
    const route: Route = { action: 'forward', backends, affinitySeconds, sources: 'any', otherwise: 'drop' };
    const ownMarks = [...new Set(picked.picks.map(({ ownMark }) => ownMark))];
    const picks = (): readonly Pick[] => this.#readPicks(reread())?.picks ?? [];
    const { protocol, lost } = picked;
    return { from, protocol, stickies, ownMarks, picks, lost, spreading, route };
  }

  #readPicks(rules: readonly Rule[]): Picks | null {
    const steps = rules.at(-1)?.steps ?? [];
    const protocol = protocolAsked(steps[0]);
    const last = steps[protocol === null ? 0 : 1];
    if (last === undefined || steps.length > (protocol === null ? 1 : 2)) return null;
    if (last.kind === 'dnat') return this.#destinations(last.choices, protocol);
    return last.kind === 'chance' && protocol === null ? this.#chains(last.choices) : null;
  }

  #destinations(choices: readonly Chance<Destination>[], protocol: string | null): Picks | null {
    const picks: Pick[] = [];
    let lost = 1;
    for (const { part, value } of choices) {
      if (value.port === null) return null;
      picks.push({ backend: this.backend(value, value.port), weight: part, stores: null, ownMark: null });
      lost -= part;
    }
    return { picks, protocol, lost: withoutRounding(lost) };
  }

  #chains(choices: readonly Chance<Verdict>[]): Picks | null {
    const picks: Pick[] = [];
    let protocol: string | null | undefined;
    let lost = 1;
    for (const { part, value } of choices) {
      const chain = 'chain' in value ? this.#endpoint(value.chain) : null;
      if (chain === null) return null;
      // Whoever comes to an empty chain comes back, and goes on as if no number had been drawn.
      if (chain === 'empty') continue;
      if (protocol !== undefined && chain.protocol !== protocol) return null;
      protocol = chain.protocol;
      const { backend, stores, ownMark } = chain;
      picks.push({ backend, weight: part, stores, ownMark });
      lost -= part;
    }
    return { picks, protocol: protocol ?? null, lost: withoutRounding(lost) };
  }

  /** The rules just before the last one that send clients seen before to their backend. */
  #readStickies(rules: readonly Rule[], protocol: string | null): { stickies: readonly Sticky[]; from: number } {
    const stickies: Sticky[] = [];
    let from = rules.length - 1;
    for (; from > 0; from--) {
      const sticky = this.#stickyOf(rules[from - 1], protocol);
      if (sticky === null) break;
      stickies.unshift(sticky);
    }
    return { stickies, from };
  }

  #stickyOf(rule: Rule | undefined, protocol: string | null): Sticky | null {
    const [asks, goes, more] = rule?.steps ?? [];
    if (asks?.kind !== 'asks' || goes?.kind !== 'verdict' || more !== undefined || asks.negated) return null;
    if (asks.fields.length !== 1 || asks.fields[0] !== 'source' || !('set' in asks.among)) return null;
    const set = this.table.sets.get(asks.among.set);
    const chain = 'chain' in goes.verdict ? this.#endpoint(goes.verdict.chain) : null;
    if (set?.isDynamic !== true || chain === null || chain === 'empty' || chain.protocol !== protocol) return null;
    return { backend: chain.backend, name: set.name, seconds: set.timeoutSeconds };
  }

  /** @returns null when the chain does anything else, or is not there. */
  #endpoint(name: string): EndpointChain | 'empty' | null {
    let chain = this.#endpoints.get(name);
    if (chain === undefined) {
      const found = this.table.chains.get(name);
      chain = found === undefined ? null : found.ruleCount === 0 ? 'empty' : this.#readEndpoint(found.rules());
      this.#endpoints.set(name, chain);
    }
    return chain;
  }

  #readEndpoint(rules: readonly Rule[]): EndpointChain | null {
    let caller: string | null = null;
    let ownMark: MarkChange | null = null;
    let stores: string | null = null;
    for (const { steps } of rules) {
      const [first, second, more] = steps;
      if (first === undefined || more !== undefined) return null;
      if (first.kind === 'remember' && second === undefined) {
        // A time of its own makes it another list than the set.
        stores = first.seconds === null ? first.set : `${first.set} for ${first.seconds} s`;
        continue;
      }
      const host = soleAsked(first, 'source');
      if (host !== null && second !== undefined) {
        ownMark = caller === null ? this.#markOf(second) : null;
        if (ownMark === null) return null;
        caller = host;
        continue;
      }
      const protocol = protocolAsked(first);
      const dnat = protocol === null ? first : second;
      const sent = dnat?.kind === 'dnat' && dnat.choices.length === 1 ? dnat.choices[0] : undefined;
      if (sent === undefined || sent.part !== 1 || sent.value.port === null) return null;
      if (caller !== null && caller !== sent.value.address) return null;
      return { backend: this.backend(sent.value, sent.value.port), protocol, ownMark, stores };
    }
    return null;
  }

  /** What a step marks packets with: by itself, or in a chain that does nothing else. */
  #markOf(step: Step): MarkChange | null {
    if (step.kind === 'set-mark') return step;
    if (step.kind !== 'verdict' || step.verdict.kind !== 'jump') return null;
    const { chain } = step.verdict;
    let mark = this.#markers.get(chain);
    if (mark === undefined) {
      const [rule, second] = this.plan(chain)?.rules ?? [];
      const [only, more] = rule?.steps ?? [];
      mark = only?.kind === 'set-mark' && more === undefined && second === undefined ? only : null;
      this.#markers.set(chain, mark);
    }
    return mark;
  }
}

/** Parts of a whole are thirds and sevenths: what is left of them after rounding is nothing. */
function withoutRounding(lost: number): number {
  return lost < 1e-9 ? 0 : lost;
}

/** The one value that a match asks of a field; null for any other step. */
function soleAsked(step: Step | undefined, field: 'source' | 'protocol'): string | null {
  if (step?.kind !== 'asks' || step.negated || step.fields.length !== 1 || step.fields[0] !== field) return null;
  return 'elements' in step.among ? step.among.elements.soleKey : null;
}

function protocolAsked(step: Step | undefined): string | null {
  return soleAsked(step, 'protocol');
}
