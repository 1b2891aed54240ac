/** What a rule does to the packets that it matches: iptables-extensions(8), target extensions. */
import type { Slot, Target } from 'node-iptables-parse';
import type { UnknownReason } from '../../proto/forwarding.ts';
import { type Operand, operandOf } from './rule-operand.ts';

/** What a rule does to a packet that meets all of its conditions. */
export type Action =
  | { readonly kind: 'jump'; readonly operand: number; readonly goto: boolean }
  | { readonly kind: 'dnat'; readonly to: Operand }
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'return' | 'masquerade' | 'untrack' }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  /** Counts, logs or does nothing that a connection to a service can tell. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'unreadable'; readonly reason: UnknownReason };

/** Targets that let a packet go on as it was, as far as a connection to a service can tell. */
const inert = new Set([
  'none',
  'log',
  'nflog',
  'ulog',
  'tcpmss',
  'classify',
  'checksum',
  'dscp',
  'tos',
  'ttl',
  'hl',
  'trace',
  'audit',
  'set',
  'secmark',
  'connsecmark',
  'connmark',
  'led',
  'rateest',
  'idletimer',
  'ecn',
  'tee',
  'tcpoptstrip',
]);

/** @param slots of the rule's shape: operands are named by their place in it. */
export function actionOf(target: Target, slots: readonly Slot[]): Action {
  switch (target.kind) {
    case 'jump': {
      const operand = slots.indexOf('jump');
      // A jump to a chain that does not exist cannot be loaded: it is a target without options that nobody here knows.
      if (operand < 0) return { kind: 'unreadable', reason: 'unreadable-target' };
      return { kind: 'jump', operand, goto: target.goto };
    }
    case 'dnat':
      return { kind: 'dnat', to: operandOf(slots, 'to-destination', target.to) };
    case 'snat':
    case 'masquerade':
    case 'netmap':
      return { kind: 'masquerade' };
    case 'accept':
    case 'drop':
    case 'return':
    case 'reject':
      return { kind: target.kind };
    case 'mark':
      return { kind: 'mark', value: target.value, mask: target.mask };
    case 'notrack':
      return { kind: 'untrack' };
    case 'ct':
      return target.words.includes('--notrack') ? { kind: 'untrack' } : { kind: 'pass' };
    default:
      return inert.has(target.kind) ? { kind: 'pass' } : { kind: 'unreadable', reason: 'unreadable-target' };
  }
}
