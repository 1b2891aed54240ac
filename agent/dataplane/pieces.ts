/**
 * Packets on their way through one table: what is fixed of them, the pieces that went the same way so far, where they
 * end, and what a walk keeps account of.
 */
import type { Address, Backend, Family } from '../../proto/address.ts';
import type { Protocol, UnknownReason } from '../../proto/forwarding.ts';
import { equals, intersect, isEmpty, type PrefixSet, union } from '../../proto/prefixes.ts';
import type { MarkChange } from './endpoint-chain.ts';
import type { Spread } from './spread.ts';
import type { WalkedTable } from './rule-tables.ts';

/** What is fixed of the packets of one walk. */
export interface Packet {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly destination: Address;
  readonly port: number;
  /** Whether the destination is one of the node's own addresses. */
  readonly toNode: boolean;
  /** Whether the node itself made the packet. */
  readonly fromNode: boolean;
}

/** Packets that have gone the same way so far. */
export interface Piece {
  readonly sources: PrefixSet;
  /** The packet mark, unsigned. */
  readonly mark: number;
  /** The part of new connections, 0 to 1. */
  readonly weight: number;
  /** Set on the side way of clients that were seen before. */
  readonly seen: { readonly name: string; readonly seconds: number | null } | null;
}

/** Where packets end in one table. */
export type Leaf =
  | { readonly kind: 'sent'; readonly piece: Piece; readonly backend: Backend; readonly stores: string | null }
  | { readonly kind: 'spread'; readonly piece: Piece; readonly spread: Spread }
  | { readonly kind: 'accepted' | 'dropped' | 'rejected' | 'untracked'; readonly piece: Piece };

/** Answers to what the rules alone do not decide; asked in the walk's order, repeated for each combination. */
export class Doubts {
  #given: readonly boolean[] = [];
  #asked: boolean[] = [];
  reason: UnknownReason | null = null;

  answer(reason: UnknownReason): boolean {
    const answer = this.#given[this.#asked.length] ?? false;
    this.#asked.push(answer);
    this.reason ??= reason;
    return answer;
  }

  /** Prepares the next combination; false when all were walked. */
  next(): boolean {
    const last = this.#asked.lastIndexOf(false);
    if (last < 0) return false;
    this.#given = [...this.#asked.slice(0, last), true];
    this.#asked = [];
    return true;
  }
}

/** One walk: where it is told of doubts and interfaces, and what it collects. */
export interface Walk {
  readonly packet: Packet;
  /** The interface the packets came in by; null for packets the node made; '' = one that no rule names. */
  interface: string | null;
  /**
   * Where the packets leave by in this hook: `not` (before routing, or to the node itself), over `lo`, or by one of the
   * links that may carry them; null = the links are not known.
   */
  leaving: 'not' | 'lo' | readonly string[] | null;
  readonly doubts: Doubts;
  readonly leaves: Leaf[];
  /** Rules met, in order, where someone wants to see the way; null otherwise. */
  readonly path: { readonly table: WalkedTable; readonly rule: number }[] | null;
  /** Set when a rule was met whose effect cannot be read: nothing can be said. */
  unknown: UnknownReason | null;
  /** Set when a rule asked for the interface. */
  askedInterface: boolean;
  /** Set when a filter rule, not a policy, accepted packets. */
  acceptedByFilter: boolean;
  /** The work done: rules met by each piece, and the intervals of sources that they cut. */
  steps: number;
}

/** mark = (mark & ~mask) ^ value, unsigned 32 bits. */
export function changeMark(mark: number, { value, mask }: MarkChange): number {
  return ((mark & ~mask) ^ value) >>> 0;
}

/** Joins pieces that differ only in weight, or only in sources. */
export function merge(pieces: readonly Piece[]): readonly Piece[] {
  if (pieces.length < 2) return pieces;
  const merged: Piece[] = [];
  for (const piece of pieces) {
    const at = merged.findIndex(
      (other) => other.mark === piece.mark && other.seen === piece.seen && areJoinable(other, piece),
    );
    const other = merged[at];
    if (other === undefined) merged.push(piece);
    else if (equals(other.sources, piece.sources)) merged[at] = { ...other, weight: other.weight + piece.weight };
    else merged[at] = { ...other, sources: union(other.sources, piece.sources) };
  }
  return merged;
}

function areJoinable(a: Piece, b: Piece): boolean {
  if (equals(a.sources, b.sources)) return true;
  return a.weight === b.weight && isEmpty(intersect(a.sources, b.sources));
}
