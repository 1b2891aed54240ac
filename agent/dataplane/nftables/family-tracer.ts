/**
 * What kube-proxy's table of one family does with the packets of one frontend, base chain by base chain:
 *
 *   pod, outside ──▶ prerouting: firewall-check, services ──DNAT──▶ a backend
 *                          │un-NATed
 *                          ├─ to the node ──▶ input: nodeport-endpoints-check, service-endpoints-check ──▶ none
 *                          └─ elsewhere ────▶ forward: service-endpoints-check, cluster-ips-check ──▶ none
 *   node ──▶ output: firewall-check, services ──DNAT──▶ a backend
 *                          │un-NATed
 *                          └──▶ service-endpoints-check, cluster-ips-check ─ to the node ──▶ over lo ──▶ input ──▶ none
 *
 * A packet that was sent to a backend is no longer addressed to the frontend: what filter chains do with it is not
 * judged here.
 */
import type { Address } from '../../../proto/address.ts';
import {
  type Fate,
  type Forwarding,
  type Frontend,
  type Origin,
  origins,
  type Protocol,
} from '../../../proto/forwarding.ts';
import { sourcesOf } from '../../../proto/origin-sources.ts';
import type { Excerpt, RuleLine } from '../../../proto/parts.ts';
import { everything, isEmpty, type PrefixSet } from '../../../proto/prefixes.ts';
import { sameFate, unknownFate } from '../fate.ts';
import { carryingLinks, interfacesOf, isLocal, type NodeFacts } from '../node-facts.ts';
import { Doubts, type Piece } from '../pieces.ts';
import { listsOwnEndpoints } from './facts.ts';
import { Fates } from './fates.ts';
import { type HookName, hookedChains } from './hooks.ts';
import { listFrontends, type NftListing } from './listing.ts';
import { ChainPlans } from './plans.ts';
import { Postrouting } from './postrouting.ts';
import { readRule } from './rule-text.ts';
import type { NftChain, NftTable } from './table.ts';
import type { NftWalk } from './rule-walk.ts';
import { walkBase } from './walk.ts';

/** Combinations of doubts beyond which nothing is claimed. */
const maxWalks = 64;
/** Rules met by the packets of all frontends together, beyond which nothing is claimed of the rest: some seconds. */
const maxStepsOfAll = 20_000_000;

/** Packets of one origin to one frontend. */
export interface Question {
  readonly frontend: Frontend;
  /** The frontend's address; for a `node` frontend the one of the node's that stands for all. */
  readonly destination: Address;
  readonly origin: Origin;
  readonly sources: PrefixSet;
}

/** One family's table, ready to be asked. */
export class NftFamilyTracer {
  readonly plans: ChainPlans;
  readonly listing: NftListing;
  readonly postrouting: Postrouting;
  readonly #facts: NodeFacts;
  readonly #sources: ReturnType<typeof sourcesOf>;
  readonly #local: ReadonlySet<Address>;
  readonly #links: readonly string[] | null;
  readonly #hooks: { readonly [hook in HookName]: readonly NftChain[] };
  readonly #fates = new Map<Protocol, Fates>();
  readonly #interfacesOf = new Map<Origin, readonly string[]>();
  #patterns: { readonly in: ReadonlySet<string>; readonly all: ReadonlySet<string> } | null = null;
  #stepsLeft = maxStepsOfAll;

  constructor(table: NftTable, facts: NodeFacts) {
    this.plans = new ChainPlans(table);
    this.listing = listFrontends(this.plans);
    this.postrouting = new Postrouting(this.plans);
    this.#facts = facts;
    this.#sources = sourcesOf(facts);
    this.#local = new Set(facts.localAddresses);
    this.#links = carryingLinks(facts);
    this.#hooks = {
      prerouting: hookedChains(table, 'prerouting'),
      input: hookedChains(table, 'input'),
      forward: hookedChains(table, 'forward'),
      output: hookedChains(table, 'output'),
      postrouting: [],
    };
  }

  /** What becomes of packets to a frontend; `destination` is the address that stands for a `node` frontend. */
  forwarding(frontend: Frontend, destination: Address): Forwarding {
    const sources = this.#sources(frontend.address);
    const fate = (origin: Origin): Fate => this.#fate({ frontend, destination, origin, sources: sources[origin] });
    return { pod: fate('pod'), node: fate('node'), outside: fate('outside') };
  }

  /** The rules that packets to a frontend meet and match, in order, each once; at most `most` are shown. */
  path(frontend: Frontend, destination: Address, most: number): Excerpt<RuleLine> {
    const seen = new Set<string>();
    const first: RuleLine[] = [];
    const sources = this.#sources(frontend.address);
    for (const origin of origins) {
      const [walk] = this.walks({ frontend, destination, origin, sources: sources[origin] });
      for (const line of walk?.path ?? []) {
        const name = `${line.chain}\n${line.rule}`;
        if (seen.has(name)) continue;
        seen.add(name);
        if (first.length < most) first.push(line);
      }
    }
    return { total: seen.size, first };
  }

  /**
   * Walks through all hooks with their paths, one for each combination of doubts.
   * @param from the interface that packets which the node does not make come in by, see `interfaces`.
   */
  *walks(question: Question, from = ''): Generator<NftWalk> {
    const doubts = new Doubts();
    for (let walks = 0; walks < maxWalks; walks++) {
      const walk = this.#walk(question, from, doubts, []);
      this.#pass(walk, question.sources);
      yield walk;
      if (!doubts.next()) return;
    }
    yield { ...this.#walk(question, from, doubts, []), unknown: 'too-complex' };
  }

  /** The interfaces of an origin that rules may tell apart; '' = one that no rule names. */
  interfaces(origin: Origin): readonly string[] {
    let names = this.#interfacesOf.get(origin);
    if (names === undefined) {
      names = interfacesOf(this.#facts, origin, this.#interfacePatterns().in);
      this.#interfacesOf.set(origin, names);
    }
    return names;
  }

  /** Every interface pattern that some rule asks for, as iptables writes them. */
  get linkPatterns(): ReadonlySet<string> {
    return this.#interfacePatterns().all;
  }

  #interfacePatterns(): { readonly in: ReadonlySet<string>; readonly all: ReadonlySet<string> } {
    if (this.#patterns !== null) return this.#patterns;
    const incoming = new Set<string>();
    const all = new Set<string>();
    for (const chain of this.plans.table.chains.values()) {
      for (const line of chain.lines()) {
        if (!line.includes('if')) continue;
        for (const step of readRule(line).steps) {
          if (step.kind !== 'interface') continue;
          for (const pattern of step.patterns) {
            all.add(pattern);
            if (step.way === 'in') incoming.add(pattern);
          }
        }
      }
    }
    this.#patterns = { in: incoming, all };
    return this.#patterns;
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

  #fateFrom(question: Question, from: string): { readonly fate: Fate; readonly askedInterface: boolean } {
    const doubts = new Doubts();
    let fate: Fate | null = null;
    let askedInterface = false;
    for (let walks = 0; walks < maxWalks && this.#stepsLeft > 0; walks++) {
      const walk = this.#walk(question, from, doubts, null);
      this.#pass(walk, question.sources);
      this.#stepsLeft -= walk.steps;
      askedInterface ||= walk.askedInterface;
      const own = walk.unknown
        ? unknownFate(walk.unknown)
        : this.#fatesOf(question.frontend.protocol).of(walk.leaves, question.sources);
      if (fate !== null && !sameFate(fate, own)) {
        return { fate: unknownFate(doubts.reason ?? 'undecided-match'), askedInterface };
      }
      fate = own;
      if (!doubts.next()) return { fate, askedInterface };
    }
    return { fate: unknownFate('too-complex'), askedInterface };
  }

  #fatesOf(protocol: Protocol): Fates {
    let fates = this.#fates.get(protocol);
    if (fates === undefined) {
      fates = new Fates(this.postrouting, protocol, listsOwnEndpoints(this.plans.table));
      this.#fates.set(protocol, fates);
    }
    return fates;
  }

  #walk({ frontend, destination, origin }: Question, from: string, doubts: Doubts, path: RuleLine[] | null): NftWalk {
    const fromNode = origin === 'node';
    const { family, protocol, port } = frontend;
    return {
      packet: { family, protocol, destination, port, toNode: isLocal(destination, this.#local), fromNode },
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
  #pass(walk: NftWalk, sources: PrefixSet): void {
    const { toNode, fromNode } = walk.packet;
    let live: readonly Piece[] = [{ sources, mark: 0, weight: 1, seen: null }];
    if (fromNode) {
      walk.leaving = toNode ? 'lo' : this.#links;
      live = this.#through(this.#hooks.output, live, walk);
      walk.leaving = 'not';
      if (toNode) {
        walk.interface = 'lo';
        // Its addresses were settled on the way out: nat chains do not see it again.
        live = this.#through(this.#hooks.prerouting.filter(isNoNat), live, walk);
        live = this.#through(this.#hooks.input.filter(isNoNat), live, walk);
      }
    } else {
      live = this.#through(this.#hooks.prerouting, live, walk);
      if (!toNode) walk.leaving = this.#links;
      live = this.#through(toNode ? this.#hooks.input.filter(isNoNat) : this.#hooks.forward, live, walk);
    }
    for (const piece of live) if (piece.seen === null) walk.leaves.push({ kind: 'accepted', piece });
  }

  #through(chains: readonly NftChain[], pieces: readonly Piece[], walk: NftWalk): readonly Piece[] {
    let live = pieces;
    for (const chain of chains) {
      if (live.length === 0 || walk.unknown !== null) return live;
      live = walkBase(this.plans, chain, live, walk);
    }
    return live;
  }
}

function isNoNat({ base }: NftChain): boolean {
  return base?.type !== 'nat';
}
