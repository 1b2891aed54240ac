/**
 * Walks through single hooks of one family's tables, for questions beside the fate of service packets (family-tracer.ts):
 * what a stranger's rules do before kube-proxy's, and what becomes of packets among pods.
 */
import type { Address, Family } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { PrefixSet } from '../../proto/prefixes.ts';
import { isLocal, type NodeFacts } from './node-facts.ts';
import { Doubts, type Piece, type Walk } from './pieces.ts';
import type { RuleTables, WalkedTable } from './rule-tables.ts';
import { Spreads } from './spread.ts';

/** One family's tables, with what a walk through them needs. */
export interface Hooks {
  readonly tables: RuleTables;
  readonly facts: NodeFacts;
  readonly spreadsOf: (table: WalkedTable) => Spreads;
  readonly local: ReadonlySet<Address>;
}

/** Packets of one protocol and port to one address. */
export interface Destination {
  readonly address: Address;
  readonly protocol: Protocol;
  readonly port: number;
  readonly fromNode: boolean;
}

/** Makes the tables ready to be asked. */
export function hooksOf(tables: RuleTables, facts: NodeFacts): Hooks {
  const spreads = new Map<WalkedTable, Spreads>();
  const spreadsOf = (table: WalkedTable) => {
    const known = spreads.get(table) ?? new Spreads(table);
    spreads.set(table, known);
    return known;
  };
  return { tables, facts, spreadsOf, local: new Set(facts.localAddresses) };
}

/** A walk that has met nothing yet; it keeps its way. */
export function newWalk({ tables, local }: Hooks, to: Destination, doubts = new Doubts()): Walk {
  const { address, protocol, port, fromNode } = to;
  const family: Family = tables.family;
  return {
    packet: { family, protocol, destination: address, port, toNode: isLocal(address, local), fromNode },
    interface: fromNode ? null : '',
    leaving: 'not',
    doubts,
    leaves: [],
    path: [],
    unknown: null,
    askedInterface: false,
    acceptedByFilter: false,
    steps: 0,
  };
}

/** Packets without a mark, from these sources. */
export function unmarked(sources: PrefixSet): Piece {
  return { sources, mark: 0, weight: 1, seen: null };
}
