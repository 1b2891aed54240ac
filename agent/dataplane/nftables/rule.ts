/**
 * One rule of nf_tables as steps that a packet takes from left to right, nft(8), EXPRESSIONS and STATEMENTS: a match
 * lets it pass or ends the rule, a statement does something to it.
 *
 *     ip daddr @cluster-ips ip saddr != 10.244.0.0/16 meta mark set meta mark | 0x00004000
 *     ip daddr . meta l4proto . th dport vmap @service-ips
 *     meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }
 */
import type { Address } from '../../../proto/address.ts';
import type { UnknownReason } from '../../../proto/forwarding.ts';
import type { ElementIndex } from './elements.ts';

/** What of a packet a match may ask for, alone or together with others. */
export type Field = 'source' | 'destination' | 'protocol' | 'port';

/** Where a match or map looks: in a set of the table, or in the rule itself. */
export type Among = { readonly set: string } | { readonly elements: ElementIndex };

export type Verdict =
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'return' | 'continue' };

/** What a number of chance stands for: the part of connections that gets it, and what it is. */
export interface Chance<T> {
  /** 0 to 1. */
  readonly part: number;
  readonly value: T;
}

/** Where DNAT sends a packet; a null port stays as it is. */
export interface Destination {
  readonly address: Address;
  readonly port: number | null;
}

export type Step =
  | {
      readonly kind: 'asks';
      readonly fields: readonly Field[];
      readonly negated: boolean;
      readonly among: Among;
    }
  /** mark & mask is, or is not, value. */
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number; readonly negated: boolean }
  /** Patterns as iptables writes them: `veth+`. */
  | {
      readonly kind: 'interface';
      readonly way: 'in' | 'out';
      readonly patterns: readonly string[];
      readonly negated: boolean;
    }
  | {
      readonly kind: 'address-type';
      readonly of: 'source' | 'destination';
      readonly types: readonly string[];
      readonly negated: boolean;
    }
  /** Whether the packet's destination was translated. */
  | { readonly kind: 'translated'; readonly negated: boolean }
  /** Can be read, and not be decided without the packet. */
  | { readonly kind: 'undecided' }
  /** No packet of a new connection gets further. */
  | { readonly kind: 'never' }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'verdict-map'; readonly fields: readonly Field[]; readonly among: Among }
  | { readonly kind: 'chance'; readonly choices: readonly Chance<Verdict>[] }
  | { readonly kind: 'dnat'; readonly choices: readonly Chance<Destination>[] }
  /** mark = (mark & ~mask) ^ value */
  | { readonly kind: 'set-mark'; readonly value: number; readonly mask: number }
  /** Puts the client into a set; null = for as long as the set says. */
  | { readonly kind: 'remember'; readonly set: string; readonly seconds: number | null }
  | { readonly kind: 'masquerade' | 'untrack' }
  | { readonly kind: 'unreadable'; readonly reason: UnknownReason };

export interface Rule {
  /** The rule as nft prints it, without counters. */
  readonly text: string;
  readonly steps: readonly Step[];
}

export const unreadable: Step = { kind: 'unreadable', reason: 'unreadable-rule' };
export const unreadableTarget: Step = { kind: 'unreadable', reason: 'unreadable-target' };
