/**
 * iptables rules of one node to its ForwardingTable, by walking them (see family-tracer.ts for the way of a packet).
 *
 * Both backends can hold rules at once; each is walked alone. Beside strangers' rules kube-proxy's do what they would
 * alone, unless both act on the frontend. Where they disagree, or two kube-proxies do, the hook that was registered last
 * decides, no dump shows which that is, and the frontend is unknown.
 */
import type { Ruleset } from 'node-iptables-parse';
import { type Address, type Family, familyOf, type Prefix } from '../../proto/address.ts';
import type {
  Entry,
  Fate,
  Forwarding,
  ForwardingTable,
  Frontend,
  FrontendKey,
  Origin,
  OwnerHints,
  UnknownReason,
} from '../../proto/forwarding.ts';
import type { Excerpt, IptablesBackend, RuleLine } from '../../proto/parts.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import { FamilyTracer } from './family-tracer.ts';
import { sameFate, unknownFate } from './fate.ts';
import type { ListedFrontend } from './listed-frontends.ts';
import { type NodeFacts, reachableAddresses } from './node-facts.ts';
import { isNothing, overAddresses, perOrigin, unknownNodePort } from './over-addresses.ts';
import { OwnerClaims } from './owner-claims.ts';

export interface BackendRules {
  readonly backend: IptablesBackend;
  readonly family: Family;
  readonly ruleset: Ruleset;
}

export interface TraceInput extends TracedPlace {
  readonly rulesets: readonly BackendRules[];
}

/** What decides, beside the rules, what becomes of packets. */
export interface TracedPlace {
  readonly localAddresses: readonly Address[];
  readonly localDetector: { readonly [family in Family]: LocalDetector };
  /** The node's links; absent = not known. */
  readonly links?: readonly string[];
  /** The addresses that answer node ports, from kube-proxy's configuration; absent = every one of the node's own. */
  readonly nodePortAddresses?: 'all' | readonly Prefix[];
}

export interface Traced {
  readonly table: ForwardingTable;
  /** Whose each frontend is, as far as rules claim it and prove it. Proving takes a hash for each. */
  readonly owners: () => OwnerHints;
  /** The same of one frontend, null where nothing is proved. May be asked when the rulesets are long released. */
  readonly ownerHint: (key: FrontendKey) => string | null;
  /** Backends that hold kube-proxy's service rules. */
  readonly serviceBackends: readonly IptablesBackend[];
  /** Why a frontend that is not in the table may be served all the same; null = it is not. */
  readonly unlisted: UnknownReason | null;
  /** Patterns of links that the walks asked for: what is not told apart by them changes no fate (see linksAsSeen). */
  readonly linkPatterns: readonly string[];
  /** The rules that packets to a frontend meet and match. Holds the rulesets as long as it is held. */
  readonly explain: (key: FrontendKey) => Excerpt<RuleLine>;
}

/** Rule lines shown per frontend. */
const maxLines = 40;
const noLines: Excerpt<RuleLine> = { total: 0, first: [] };

interface FamilyResult {
  readonly frontend: Frontend;
  readonly forwarding: Forwarding;
  readonly listed: ListedFrontend;
  readonly lines: () => Excerpt<RuleLine>;
}

/** Walks every frontend that kube-proxy's chains list, in every backend. */
export function traceIptables(input: TraceInput): Traced {
  const entries = new Map<FrontendKey, Entry>();
  const claims = new OwnerClaims();
  const lines = new Map<FrontendKey, () => Excerpt<RuleLine>>();
  const patterns = new Set<string>();
  const serviceBackends = new Set<IptablesBackend>();
  let complete = true;
  for (const family of ['ipv4', 'ipv6'] as const) {
    const own = input.rulesets.filter((rules) => rules.family === family);
    const backends = own.map(({ backend, ruleset }) => ({
      backend,
      tracer: new FamilyTracer(ruleset, factsOf(input, family)),
    }));
    for (const { backend, tracer } of backends) {
      if (tracer.listing.frontends.size > 0) serviceBackends.add(backend);
      complete &&= tracer.listing.complete;
      for (const pattern of tracer.interfacePatterns(['in-interface', 'out-interface'])) patterns.add(pattern);
    }
    const detector = input.localDetector[family];
    if (detector.kind === 'interface') patterns.add(detector.pattern);
    for (const [key, result] of traceFamily(
      backends.map(({ tracer }) => tracer),
      nodePortAddressesOf(input, family),
    )) {
      entries.set(key, { frontend: result.frontend, forwarding: result.forwarding });
      claims.add(key, result.listed);
      lines.set(key, result.lines);
    }
  }
  return {
    table: entries,
    owners: () => claims.proved(),
    ownerHint: hintsOf(claims),
    serviceBackends: [...serviceBackends].sort(),
    unlisted: complete ? null : 'unreadable-rule',
    linkPatterns: [...patterns].sort(),
    explain: (key) => lines.get(key)?.() ?? noLines,
  };
}

/** A function of its own, so that holding its result holds the claims and none of the rules. */
function hintsOf(claims: OwnerClaims): Traced['ownerHint'] {
  return (key) => claims.hint(key);
}

/** What the walk must know of one family of the node. */
export function factsOf(input: TracedPlace, family: Family): NodeFacts {
  return {
    family,
    localAddresses: input.localAddresses,
    localDetector: input.localDetector[family],
    links: input.links,
  };
}

/** The node's addresses that stand for `node` frontends; null where the node's addresses are not known. */
export function nodePortAddressesOf(input: TracedPlace, family: Family): readonly Address[] | null {
  // A node without any address cannot be: they were not read.
  if (input.localAddresses.length === 0) return null;
  const own = reachableAddresses(factsOf(input, family));
  const { nodePortAddresses: selected = 'all' } = input;
  if (selected === 'all') return own;
  const ofFamily = selected.filter((prefix) => familyOf(prefix) === family);
  // As kube-proxy reads nodePortAddresses: prefixes of the other family do not count.
  if (ofFamily.length === 0) return own;
  const set = prefixSet(ofFamily);
  return own.filter((address) => contains(set, address));
}

function* traceFamily(
  tracers: readonly FamilyTracer[],
  nodeAddresses: readonly Address[] | null,
): Generator<readonly [FrontendKey, FamilyResult]> {
  const listed = new Map<FrontendKey, ListedFrontend>();
  for (const tracer of tracers) {
    for (const [key, one] of tracer.listing.frontends) if (!listed.has(key)) listed.set(key, one);
  }
  for (const [key, one] of listed) {
    const { frontend } = one;
    if (frontend.address === 'node' && nodeAddresses === null) {
      yield [key, { frontend, forwarding: unknownNodePort, listed: one, lines: () => noLines }];
      continue;
    }
    const destinations = frontend.address === 'node' ? (nodeAddresses ?? []) : [frontend.address];
    const forwarding = forwardingOf(tracers, frontend, destinations);
    const [destination] = destinations;
    const lines = (): Excerpt<RuleLine> => {
      if (destination === undefined) return noLines;
      const paths = tracers.map((tracer) => tracer.path(frontend, destination, maxLines));
      return {
        total: paths.reduce((sum, { total }) => sum + total, 0),
        first: paths.flatMap(({ first }) => first).slice(0, maxLines),
      };
    };
    if (forwarding !== null && !isNothing(forwarding)) yield [key, { frontend, forwarding, listed: one, lines }];
  }
}

/** What becomes of packets to a frontend that all backends see; null where no address stands for it. */
function forwardingOf(
  tracers: readonly FamilyTracer[],
  frontend: Frontend,
  destinations: readonly Address[],
): Forwarding | null {
  const wholes = tracers.map((tracer) => overAddresses(destinations, (to) => tracer.forwarding(frontend, to)));
  const [first, second] = wholes;
  if (first === undefined || first === null || second === undefined || second === null) return first ?? null;
  if (tracers.every(({ listing }) => listing.frontends.size > 0)) return perOrigin(first, second, ofTwoProxies);
  if (isNothing(first)) return second;
  if (isNothing(second)) return first;
  const [a, b] = tracers.map((tracer, index): OfBackend => {
    const translated = overAddresses(destinations, (to) => tracer.forwarding(frontend, to, 'nat'));
    const whole = index === 0 ? first : second;
    return { translated: translated ?? whole, whole };
  });
  if (a === undefined || b === undefined) return first;
  return { pod: inBoth(a, b, 'pod'), node: inBoth(a, b, 'node'), outside: inBoth(a, b, 'outside') };
}

/** What only one of two kube-proxies serves is most often what the other one has taken back: nothing is claimed of it. */
export function ofTwoProxies(a: Fate, b: Fate): Fate {
  return sameFate(a, b) ? a : unknownFate('order-not-visible');
}

/** What one backend does with packets to one frontend. */
interface OfBackend {
  /** Until nat has seen them: where the other backend's nat may come first. */
  readonly translated: Forwarding;
  /** To the end, as if the other backend held nothing. */
  readonly whole: Forwarding;
}

/**
 * The fates of one origin in two backends, one of them strangers', as one. Every packet passes the hooks of both, raw
 * and mangle before nat, nat before filter. What only one of the two acts on, happens.
 */
function inBoth(a: OfBackend, b: OfBackend, origin: Origin): Fate {
  const early = [a, b].map(({ translated }) => translated[origin]);
  const drop = early.find(({ route }) => route.action === 'drop');
  if (drop !== undefined) return drop;
  const [first, second] = [a.whole[origin], b.whole[origin]];
  if (sameFate(first, second)) return first;
  const acting = [a, b].filter(({ translated }) => translated[origin].route.action !== 'none');
  const [only, other] = acting;
  if (other !== undefined) return unknownFate('order-not-visible');
  if (only === undefined) return afterBothFilters(first, second);
  const fate = only.whole[origin];
  // What is sent to a backend is no longer addressed to the frontend when the other one's filter sees it.
  return sendsAll(fate) ? fate : afterBothFilters(first, second);
}

/** The fate of packets that no nat translates, or not all of them, where the two filters do not do the same. */
function afterBothFilters(a: Fate, b: Fate): Fate {
  if (b.route.action === 'none') return a;
  return a.route.action === 'none' ? b : unknownFate('order-not-visible');
}

function sendsAll({ route, dress }: Fate): boolean {
  if (route.action !== 'forward' || route.sources !== 'any') return false;
  return dress !== null && (dress.shares === 'even' || dress.shares.lost === 0);
}
