/** kube-proxy's tables of both families to the node's ForwardingTable; see family-tracer.ts for the way of a packet. */
import { type Address, type Family, familyOf } from '../../../proto/address.ts';
import type {
  Entry,
  Forwarding,
  ForwardingTable,
  Frontend,
  FrontendKey,
  OwnerHints,
  UnknownReason,
} from '../../../proto/forwarding.ts';
import type { Excerpt, RuleLine } from '../../../proto/parts.ts';
import type { LocalDetector } from '../../../proto/profile.ts';
import { type NodeFacts, reachableAddresses } from '../node-facts.ts';
import { isNothing, overAddresses, unknownNodePort } from '../over-addresses.ts';
import { NftClaims } from './claims.ts';
import { NftFamilyTracer } from './family-tracer.ts';
import type { NftTable } from './table.ts';

/** kube-proxy's table of one family. */
export interface FamilyTable {
  readonly family: Family;
  readonly table: NftTable;
}

export interface NftTraceInput {
  readonly tables: readonly FamilyTable[];
  readonly localAddresses: readonly Address[];
  readonly localDetector: { readonly [family in Family]: LocalDetector };
  /** The node's links; absent = not known. */
  readonly links?: readonly string[];
}

/** As Traced of the iptables mode. Only `explain` holds the tables. */
export interface TracedNft {
  readonly table: ForwardingTable;
  /** Whose each frontend is, as far as chains' names claim it and prove it. */
  readonly owners: () => OwnerHints;
  /** The same of one frontend, null where nothing is proved. May be asked when the tables are long released. */
  readonly ownerHint: (key: FrontendKey) => string | null;
  /** Why a frontend that is not in the table may be served all the same; null = it is not. */
  readonly unlisted: UnknownReason | null;
  /** Patterns of links that the walks asked for, as iptables writes them. */
  readonly linkPatterns: readonly string[];
  /** The rules and map elements that packets to a frontend meet and match. */
  readonly explain: (key: FrontendKey) => Excerpt<RuleLine>;
}

/** Rule lines shown per frontend. */
const maxLines = 40;
const noLines: Excerpt<RuleLine> = { total: 0, first: [] };

/** The set of addresses that answer node ports, where not every address of the node does. */
const nodePortSet = 'nodeport-ips';

/** Walks every frontend that kube-proxy's maps list. */
export function traceNftables(input: NftTraceInput): TracedNft {
  const entries = new Map<FrontendKey, Entry>();
  const claims = new NftClaims();
  const patterns = new Set<string>();
  const tracers = new Map<Family, { tracer: NftFamilyTracer; nodeAddresses: readonly Address[] | null }>();
  let complete = true;
  for (const { family, table } of input.tables) {
    const facts = factsOf(input, family);
    const tracer = new NftFamilyTracer(table, facts);
    const nodeAddresses = nodePortAddressesOf(tracer, facts);
    tracers.set(family, { tracer, nodeAddresses });
    complete &&= tracer.listing.complete;
    for (const [key, { frontend, verdict }] of tracer.listing.frontends) {
      const forwarding = forwardingOf(tracer, frontend, nodeAddresses);
      if (forwarding === null || isNothing(forwarding)) continue;
      entries.set(key, { frontend, forwarding });
      claims.add(key, verdict);
    }
    for (const pattern of tracer.linkPatterns) patterns.add(pattern);
    if (facts.localDetector.kind === 'interface') patterns.add(facts.localDetector.pattern);
  }
  return {
    table: entries,
    owners: () => claims.proved(),
    ownerHint: hintsOf(claims),
    unlisted: complete ? null : 'unreadable-rule',
    linkPatterns: [...patterns].sort(),
    explain: (key) => {
      const frontend = entries.get(key)?.frontend;
      const asked = frontend === undefined ? undefined : tracers.get(frontend.family);
      if (frontend === undefined || asked === undefined) return noLines;
      const destination = frontend.address === 'node' ? asked.nodeAddresses?.[0] : frontend.address;
      return destination === undefined ? noLines : asked.tracer.path(frontend, destination, maxLines);
    },
  };
}

/** A function of its own, so that holding its result holds the claims and none of the rules. */
function hintsOf(claims: NftClaims): TracedNft['ownerHint'] {
  return (key) => claims.hint(key);
}

function factsOf(input: NftTraceInput, family: Family): NodeFacts {
  return {
    family,
    localAddresses: input.localAddresses,
    localDetector: input.localDetector[family],
    links: input.links,
  };
}

/** The node's addresses that stand for `node` frontends; null where the node's addresses are not known. */
function nodePortAddressesOf({ plans }: NftFamilyTracer, facts: NodeFacts): readonly Address[] | null {
  // A node without any address cannot be: they were not read.
  if (facts.localAddresses.length === 0) return null;
  const own = reachableAddresses(facts);
  const chosen = plans.table.sets.get(nodePortSet)?.elements;
  if (chosen?.isRead !== true) return own;
  return own.filter((address) => familyOf(address) === facts.family && chosen.find([address]) !== undefined);
}

/** Null where no address stands for the frontend. */
function forwardingOf(
  tracer: NftFamilyTracer,
  frontend: Frontend,
  nodeAddresses: readonly Address[] | null,
): Forwarding | null {
  if (frontend.address !== 'node') return tracer.forwarding(frontend, frontend.address);
  if (nodeAddresses === null) return unknownNodePort;
  return overAddresses(nodeAddresses, (to) => tracer.forwarding(frontend, to));
}
