/**
 * What one backend's rules of one family do with the packets of one frontend, hook by hook:
 *
 *   pod, outside ──▶ raw, mangle, nat PREROUTING ──DNAT──▶ a backend
 *                          │un-NATed
 *                          ├─ to the node ──▶ mangle, filter INPUT ────▶ none
 *                          └─ elsewhere ────▶ mangle, filter FORWARD ──▶ none
 *   node ──▶ raw, mangle, nat OUTPUT ──DNAT──▶ a backend
 *                          │un-NATed
 *                          └──▶ filter OUTPUT ─ to the node ──▶ over lo ──▶ mangle, filter INPUT ──▶ none
 *
 * In ipvs mode the load balancer stands behind OUTPUT and INPUT, see ipvs/balancer.ts.
 *
 * A packet that nat sent to a backend is no longer addressed to the frontend: what filter does with it is not judged here.
 */
import type { Ruleset } from 'node-iptables-parse';
import type { Address } from '../../proto/address.ts';
import { type Fate, type Forwarding, type Frontend, type Origin, origins } from '../../proto/forwarding.ts';
import type { Excerpt, RuleLine } from '../../proto/parts.ts';
import { sourcesOf } from '../../proto/origin-sources.ts';
import { everything, isEmpty, type PrefixSet } from '../../proto/prefixes.ts';
import { Spreads } from './spread.ts';
import { fateOf, type Masquerades, sameFate, unknownFate } from './fate.ts';
import { Balancer, type Ipvs } from './ipvs/balancer.ts';
import { listFrontends, type Listing } from './listed-frontends.ts';
import { masqueradesOf } from './masquerading.ts';
import { carryingLinks, interfacesOf, isLocal, type NodeFacts } from './node-facts.ts';
import { Doubts, type Packet, type Piece, type Walk } from './pieces.ts';
import { type RuleTables, ruleTables, type WalkedTable } from './rule-tables.ts';
import { walkHook } from './walk.ts';

/** Combinations of doubts beyond which nothing is claimed. */
const maxWalks = 64;
/**
 * Rules met by the packets of all frontends together, beyond which nothing is claimed of the rest: some seconds. A node
 * with 10,000 Services needs a fiftieth of it.
 */
const maxStepsOfAll = 20_000_000;

/** Packets of one origin to one frontend. */
export interface Question {
  readonly frontend: Frontend;
  /** The frontend's address; for a `node` frontend the one of the node's that stands for all. */
  readonly destination: Address;
  readonly origin: Origin;
  readonly sources: PrefixSet;
  /** The table that is walked last; filter unless told. */
  readonly until?: 'nat' | 'filter';
}

interface Hook {
  readonly table: WalkedTable;
  readonly spreads: Spreads;
  readonly chain: string;
}

const hooksOf = {
  forwarded: ['raw PREROUTING', 'mangle PREROUTING', 'nat PREROUTING'],
  made: ['raw OUTPUT', 'mangle OUTPUT', 'nat OUTPUT'],
  input: ['mangle INPUT', 'filter INPUT'],
  forward: ['mangle FORWARD', 'filter FORWARD'],
  output: ['filter OUTPUT'],
} as const;

/** One backend's tables of one family, ready to be asked. */
export class FamilyTracer {
  readonly listing: Listing;
  readonly masquerades: Masquerades;
  readonly #balancer: Balancer | null;
  readonly #tables: RuleTables;
  readonly #hooks: { readonly [way in keyof typeof hooksOf]: readonly Hook[] };
  readonly #facts: NodeFacts;
  readonly #sources: ReturnType<typeof sourcesOf>;
  readonly #local: ReadonlySet<Address>;
  readonly #links: readonly string[] | null;
  readonly #interfacesOf = new Map<Origin, readonly string[]>();
  #stepsLeft = maxStepsOfAll;

  /** @param ipvs the kernel's load balancer, where it serves the node's Services. */
  constructor(ruleset: Ruleset, facts: NodeFacts, ipvs: Ipvs | null = null) {
    this.#tables = ruleTables(ruleset, facts.family, ipvs?.sets ?? null);
    this.listing = listFrontends(this.#tables);
    this.#balancer = ipvs === null ? null : new Balancer(ipvs, this.#tables);
    this.masquerades = this.#balancer?.masquerades ?? masqueradesOf(this.#tables.tables.get('nat'));
    const spreads = new Map([...this.#tables.tables].map(([name, table]) => [name, new Spreads(table)]));
    const find = (names: readonly string[]): readonly Hook[] =>
      names.flatMap((name) => {
        const [table = '', chain = ''] = name.split(' ');
        const walked = this.#tables.tables.get(table);
        const own = spreads.get(table);
        return walked === undefined || own === undefined ? [] : [{ table: walked, spreads: own, chain }];
      });
    this.#hooks = {
      forwarded: find(hooksOf.forwarded),
      made: find(hooksOf.made),
      input: find(hooksOf.input),
      forward: find(hooksOf.forward),
      output: find(hooksOf.output),
    };
    this.#facts = facts;
    this.#sources = sourcesOf(facts);
    this.#local = new Set(facts.localAddresses);
    this.#links = carryingLinks(facts);
  }

  /**
   * What becomes of packets to a frontend; `destination` is the address that stands for a `node` frontend.
   * @param until the table that is walked last: with `nat`, what goes on un-NATed is `none`.
   */
  forwarding(frontend: Frontend, destination: Address, until: 'nat' | 'filter' = 'filter'): Forwarding {
    const sources = this.#sources(frontend.address);
    const fate = (origin: Origin): Fate =>
      this.#fate({ frontend, destination, origin, sources: sources[origin], until });
    return { pod: fate('pod'), node: fate('node'), outside: fate('outside') };
  }

  /** The rules that packets to a frontend meet and match, in order, each once; at most `most` are shown. */
  path(frontend: Frontend, destination: Address, most: number): Excerpt<RuleLine> {
    const seen = new Set<string>();
    const first: RuleLine[] = [];
    const sources = this.#sources(frontend.address);
    for (const origin of origins) {
      const [walk] = this.walks({ frontend, destination, origin, sources: sources[origin] });
      for (const { table, rule } of walk?.path ?? []) {
        const name = `${table.table.name} ${rule}`;
        if (seen.has(name)) continue;
        seen.add(name);
        if (first.length < most) first.push(lineOf(table, rule));
      }
    }
    return { total: seen.size, first };
  }

  /**
   * Walks through all hooks with their paths, one for each combination of doubts.
   * @param from the interface that packets which the node does not make come in by, see `interfaces`.
   */
  *walks(question: Question, from = ''): Generator<Walk> {
    const doubts = new Doubts();
    for (let walks = 0; walks < maxWalks; walks++) {
      const walk = this.#walk(question, from, doubts, []);
      this.#pass(walk, question);
      yield walk;
      if (!doubts.next()) return;
    }
    yield { ...this.#walk(question, from, doubts, []), unknown: 'too-complex' };
  }

  #fate(asked: Question): Fate {
    // Addresses that could not be read may be any: no source is ruled out.
    const question = isEmpty(asked.sources) ? { ...asked, sources: everything(asked.frontend.family) } : asked;
    const first = this.#fateFrom(question, '');
    if (!first.askedInterface) return first.fate;
    let common: Fate | null = null;
    for (const name of this.interfaces(question.origin)) {
      const { fate } = this.#fateFrom(question, name);
      if (fate.route.action === 'unknown') return fate;
      if (common !== null && !sameFate(fate, common)) return unknownFate('interface-dependent');
      common = fate;
    }
    return common ?? first.fate;
  }

  /** The interfaces of an origin that rules may tell apart; '' = one that no rule names. */
  interfaces(origin: Origin): readonly string[] {
    let names = this.#interfacesOf.get(origin);
    if (names === undefined) {
      names = interfacesOf(this.#facts, origin, this.interfacePatterns(['in-interface']));
      this.#interfacesOf.set(origin, names);
    }
    return names;
  }

  /** @param from the interface that packets which the node does not make come in by. */
  #fateFrom(question: Question, from: string): { readonly fate: Fate; readonly askedInterface: boolean } {
    const doubts = new Doubts();
    let fate: Fate | null = null;
    let askedInterface = false;
    for (let walks = 0; walks < maxWalks && this.#stepsLeft > 0; walks++) {
      const walk = this.#walk(question, from, doubts, null);
      this.#pass(walk, question);
      this.#stepsLeft -= walk.steps;
      askedInterface ||= walk.askedInterface;
      const own = walk.unknown ? unknownFate(walk.unknown) : this.#fateOf(walk, question);
      if (fate !== null && !sameFate(fate, own)) {
        return { fate: unknownFate(doubts.reason ?? 'undecided-match'), askedInterface };
      }
      fate = own;
      if (!doubts.next()) return { fate, askedInterface };
    }
    return { fate: unknownFate('too-complex'), askedInterface };
  }

  #fateOf(walk: Walk, { sources }: Question): Fate {
    return this.#balancer?.fateOf(walk, sources) ?? fateOf(walk.leaves, sources, this.masquerades);
  }

  #walk({ frontend, destination, origin }: Question, from: string, doubts: Doubts, path: Walk['path']): Walk {
    const fromNode = origin === 'node';
    const packet: Packet = {
      family: frontend.family,
      protocol: frontend.protocol,
      destination,
      port: frontend.port,
      toNode: isLocal(destination, this.#local) || this.#balancer?.isBound(destination) === true,
      fromNode,
    };
    return {
      packet,
      interface: fromNode ? null : from,
      leaving: 'not',
      doubts,
      leaves: [],
      path,
      unknown: null,
      askedInterface: false,
      acceptedByFilter: false,
      steps: 0,
    };
  }

  /** Sends packets through the hooks; the leaves stay in the walk. */
  #pass(walk: Walk, { sources, until }: Question): void {
    const { toNode, fromNode } = walk.packet;
    const start: readonly Piece[] = [{ sources, mark: 0, weight: 1, seen: null }];
    if (fromNode) walk.leaving = toNode ? 'lo' : this.#links;
    const translated = this.#through(fromNode ? 'made' : 'forwarded', start, walk);
    // What the node makes meets the load balancer at once, all else behind filter INPUT.
    const untaken = fromNode ? this.#balanced(walk, translated) : translated;
    const live = until === 'nat' ? untaken : this.#filtered(walk, untaken);
    for (const piece of live) if (piece.seen === null) walk.leaves.push({ kind: 'accepted', piece });
  }

  #filtered(walk: Walk, translated: readonly Piece[]): readonly Piece[] {
    const { toNode, fromNode } = walk.packet;
    let live = translated;
    if (fromNode) {
      live = this.#through('output', live, walk);
      if (toNode) walk.interface = 'lo';
    }
    if (toNode) {
      walk.leaving = 'not';
      const arrived = this.#through('input', live, walk);
      return fromNode ? arrived : this.#balanced(walk, arrived);
    }
    if (fromNode) return live;
    walk.leaving = this.#links;
    return this.#through('forward', live, walk);
  }

  #balanced(walk: Walk, pieces: readonly Piece[]): readonly Piece[] {
    return this.#balancer?.take(walk, pieces) ?? pieces;
  }

  #through(way: keyof typeof hooksOf, pieces: readonly Piece[], walk: Walk): readonly Piece[] {
    let live = pieces;
    for (const { table, spreads, chain } of this.#hooks[way]) {
      if (live.length === 0 || walk.unknown !== null) return live;
      live = walkHook(table, spreads, chain, live, walk);
    }
    return live;
  }

  /** Every interface pattern that some rule asks for, on the way in or out. */
  interfacePatterns(kinds: readonly ('in-interface' | 'out-interface')[]): ReadonlySet<string> {
    const patterns = new Set<string>();
    const shapes = new Set<number>();
    for (const table of this.#tables.tables.values()) {
      for (let rule = 0; rule < table.table.ruleCount; rule++) {
        const shape = table.table.shapeOf[rule] ?? 0;
        if (shapes.has(shape)) continue;
        shapes.add(shape);
        for (const condition of table.plan(rule).conditions) {
          const asksInterface = condition.kind === 'in-interface' || condition.kind === 'out-interface';
          if (asksInterface && kinds.includes(condition.kind)) patterns.add(condition.pattern);
        }
      }
    }
    return patterns;
  }
}

/** A rule as the dump prints it. */
export function lineOf(table: WalkedTable, rule: number): RuleLine {
  return {
    table: table.table.name,
    chain: table.table.chainName(table.table.chainOf(rule)),
    rule: table.table.text(rule),
  };
}
