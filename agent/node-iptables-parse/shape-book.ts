/** The shapes of a dump: what their bytes say, worked out when first asked for. */

import type { Shape, Slot } from './ruleset.ts';
import { PLACEHOLDER, SLOT_OF_OPTION } from './scan.ts';
import type { Words } from './words.ts';

export interface ReadShape extends Shape {
  /** The fixed text around the operands, one character per byte; one more than there are slots. */
  readonly pieces: readonly string[];
}

export class ShapeBook {
  /** The shapes' bytes, with a placeholder for each operand. */
  readonly words: Words;
  readonly #read: ReadShape[] = [];

  constructor(words: Words) {
    this.words = words;
  }

  get count(): number {
    return this.words.count;
  }

  /** @param id below `count` */
  shape(id: number): ReadShape {
    const known = this.#read[id];
    if (known !== undefined) return known;
    const pieces = Buffer.from(this.words.bytesOf(id)).toString('latin1').split(String.fromCharCode(PLACEHOLDER));
    const shape = { id, slots: pieces.slice(0, -1).map(slotAfter), pieces };
    this.#read[id] = shape;
    return shape;
  }
}

/** The slot behind text that ends in an option and a blank. */
function slotAfter(text: string): Slot {
  const slot = SLOT_OF_OPTION.get(text.slice(text.lastIndexOf(' ', text.length - 2) + 1, -1));
  // The scanner makes a placeholder behind those options only.
  if (slot === undefined) throw new Error(`no slot behind ${JSON.stringify(text)}`);
  return slot;
}
