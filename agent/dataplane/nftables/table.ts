/**
 * One table of nf_tables as nft lists it. Chains and sets are kept as the places in the text where they stand, and are
 * read when they are asked for: of a large cluster they are sixty thousand, and each is needed once.
 */
import type { Family } from '../../../proto/address.ts';
import { ElementIndex, type Part, readElements } from './elements.ts';
import { nextLine } from './lines.ts';
import type { Rule } from './rule.ts';
import { readRule } from './rule-text.ts';
import { WordReader } from './words.ts';

/** A piece of text that something was read from. */
export interface Place {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Where a base chain hooks into the kernel. */
export interface BaseHook {
  /** `filter`, `nat` or `route`. */
  readonly type: string;
  /** `prerouting`, `input`, `forward`, `output`, `postrouting`, ... */
  readonly hook: string;
  /** Lower comes first. */
  readonly priority: number;
  readonly drops: boolean;
}

export class NftChain {
  readonly name: string;
  /** Null for a chain that others jump to. */
  readonly base: BaseHook | null;
  readonly ruleCount: number;
  readonly #body: Place;

  constructor(name: string, base: BaseHook | null, ruleCount: number, body: Place) {
    this.name = name;
    this.base = base;
    this.ruleCount = ruleCount;
    this.#body = body;
  }

  /** Reads the rules, anew each time. */
  rules(): readonly Rule[] {
    const rules: Rule[] = [];
    for (const line of this.lines()) rules.push(readRule(line));
    return rules;
  }

  /** The rules as nft prints them, without the blanks before them. */
  *lines(): Generator<string> {
    const { text, start, end } = this.#body;
    for (let at = start; at < end; ) {
      const line = nextLine(text, at, end);
      if (line.last > line.first) yield text.slice(line.first, line.last);
      at = line.next;
    }
  }
}

/** A set or a map. */
export class NftSet {
  readonly name: string;
  /** What the parts of its keys are; null when its type cannot be read. */
  readonly parts: readonly Part[] | null;
  readonly mapsToVerdicts: boolean;
  /** Rules put clients in, and time takes them out: what it holds just now says nothing of the rules. */
  readonly isDynamic: boolean;
  /** Seconds after which an element goes; null = never. */
  readonly timeoutSeconds: number | null;
  readonly #elements: Place | null;
  #index: ElementIndex | null = null;

  constructor(name: string, declared: Declared) {
    this.name = name;
    this.parts = declared.parts;
    this.mapsToVerdicts = declared.mapsToVerdicts;
    this.isDynamic = declared.isDynamic;
    this.timeoutSeconds = declared.timeoutSeconds;
    this.#elements = declared.elements;
  }

  /** Its elements, read once; none of a dynamic set. */
  get elements(): ElementIndex {
    this.#index ??= this.#readElements();
    return this.#index;
  }

  #readElements(): ElementIndex {
    const index = new ElementIndex(this.parts ?? []);
    if (this.#elements === null || this.isDynamic) return index;
    const { text, start, end } = this.#elements;
    const words = new WordReader(text, start, end);
    if (!words.takes('{') || !readElements(words, (element) => index.add(element))) index.isRead = false;
    return index;
  }
}

/** What the lines of a set say. */
export interface Declared {
  readonly parts: readonly Part[] | null;
  readonly mapsToVerdicts: boolean;
  readonly isDynamic: boolean;
  readonly timeoutSeconds: number | null;
  /** From the opening brace to behind the closing one. */
  readonly elements: Place | null;
}

export interface NftTable {
  readonly family: Family;
  readonly name: string;
  readonly chains: ReadonlyMap<string, NftChain>;
  /** Sets and maps: nft gives both from one stock of names. */
  readonly sets: ReadonlyMap<string, NftSet>;
}

/** `ip kube-proxy`, as nft's commands name it. */
export function tableName({ family, name }: NftTable): string {
  return `${family === 'ipv4' ? 'ip' : 'ip6'} ${name}`;
}
