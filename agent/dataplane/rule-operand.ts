/** Values of rules that share a shape: the same in all of them, or an operand of each. */
import type { Slot } from 'node-iptables-parse';

/** A value that either stands in every rule of the shape, or in each rule's operand. */
export type Operand = { readonly operand: number } | { readonly text: string };

/** The operand in a slot; where the shape has no such slot, the text that stands in every rule of it. */
export function operandOf(slots: readonly Slot[], slot: Slot, text: string): Operand {
  const operand = slots.indexOf(slot);
  return operand < 0 ? { text } : { operand };
}
