/**
 * Elements of sets and maps, named or written in a rule, made ready to be asked for.
 *
 *     elements = { 10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https,
 *                  203.0.113.10 . tcp . 80 comment "edge/ingress:http" : drop }
 *     elements = { 10.244.3.2 expires 8m25s280ms }
 *     { 10.0.0.0/8, 198.51.100.0/24 }
 */
import { type Address, parseAddress, parseWhole } from '../../../proto/address.ts';
import { addressSet, contains, parsePrefix, type PrefixSet, prefixSet, rangeSet } from '../../../proto/prefixes.ts';
import type { Verdict } from './rule.ts';
import { unquoted, type WordReader } from './words.ts';

/** One element as it is written: the words of its key, one for each part, and those behind the colon. */
export interface WrittenElement {
  readonly key: readonly string[];
  /** Null where the element maps to nothing. */
  readonly value: readonly string[] | null;
}

/** Words of an element that say something beside what it is, and how many words come with each. */
const attributes: ReadonlyMap<string, number> = new Map([
  ['comment', 1],
  ['timeout', 1],
  ['expires', 1],
  ['counter', 0],
  ['packets', 1],
  ['bytes', 1],
]);

/**
 * Reads elements up to the closing brace; the opening one is already taken.
 * @returns false when they are anything else, or end before the brace.
 */
export function readElements(words: WordReader, found: (element: WrittenElement) => void): boolean {
  if (words.takes('}')) return true;
  for (;;) {
    const key: string[] = [];
    if (!readParts(words, key)) return false;
    let value: string[] | null = null;
    if (words.takes(':')) {
      value = [];
      if (!readParts(words, value)) return false;
    }
    if (key.length === 0) return false;
    found({ key, value });
    if (words.takes('}')) return true;
    if (!words.takes(',')) return false;
  }
}

/** The words of a key or value; dots between them and attributes are left out. */
function readParts(words: WordReader, parts: string[]): boolean {
  for (let word = words.peek(); word !== null; word = words.peek()) {
    if (word === ',' || word === '}' || word === ':') return true;
    if (word === '{' || word === ';') return false;
    words.take();
    if (word === '.') continue;
    const following = attributes.get(word);
    if (following === undefined) parts.push(word);
    else for (let i = 0; i < following; i++) words.take();
  }
  return false;
}

/** The verdict behind an element's colon; null when it is none. */
export function verdictOf(value: readonly string[]): Verdict | null {
  const [kind, chain] = value;
  switch (kind) {
    case 'jump':
    case 'goto':
      return chain === undefined || value.length > 2 ? null : { kind, chain: unquoted(chain) };
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
      return value.length === 1 ? { kind } : null;
    default:
      return null;
  }
}

/** What one part of a key is: `address`, `protocol` and `port` of a packet, or something that is not known here. */
export type Part = 'address' | 'protocol' | 'port' | 'other';

/** What is asked of one part of a key; a number is a port. */
export type Asked = Address | 'tcp' | 'udp' | 'sctp' | number;

/** A key that stands for several values. */
interface Wide {
  readonly key: readonly string[];
  readonly verdict: Verdict | null;
}

/** The elements of one set or map, by key. */
export class ElementIndex {
  readonly #parts: readonly Part[];
  readonly #exact = new Map<string, Verdict | null>();
  readonly #wide: Wide[] = [];
  /** Elements, each once. */
  size = 0;
  /** False where some element means nothing here: what is not found may be there all the same. */
  isRead = true;

  /** @param parts what the words of each key are. */
  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  add({ key, value }: WrittenElement): void {
    this.size++;
    const verdict = value === null ? null : verdictOf(value);
    if (key.length !== this.#parts.length || (value !== null && verdict === null)) {
      this.isRead = false;
      return;
    }
    const exact = this.#exactKey(key);
    if (exact !== null) this.#exact.set(exact, verdict);
    else if (key.every((word, at) => isReadable(word, this.#parts[at] ?? 'other'))) this.#wide.push({ key, verdict });
    else this.isRead = false;
  }

  /** The element with this key: its verdict, or null where it has none; undefined where there is no such element. */
  find(asked: readonly Asked[]): Verdict | null | undefined {
    const exact = this.#exact.get(asked.join(' '));
    if (exact !== undefined) return exact;
    return this.#wide.find(({ key }) => key.every((word, at) => fits(word, asked[at])))?.verdict;
  }

  /**
   * The elements whose parts fit, with the addresses that each holds at one place.
   * @param asked what is asked of each part; undefined at the place whose addresses are wanted.
   */
  *addressesAt(place: number, asked: readonly (Asked | undefined)[]): Generator<readonly [PrefixSet, Verdict | null]> {
    for (const [text, verdict] of this.#exact) {
      const key = text.split(' ');
      if (!key.every((word, at) => at === place || word === String(asked[at]))) continue;
      const addresses = addressesIn(key[place] ?? '');
      if (addresses !== null) yield [addresses, verdict];
    }
    for (const { key, verdict } of this.#wide) {
      if (!key.every((word, at) => at === place || fits(word, asked[at]))) continue;
      const addresses = addressesIn(key[place] ?? '');
      if (addresses !== null) yield [addresses, verdict];
    }
  }

  /** Every key that stands for one value in each part, with its verdict. */
  entries(): Iterable<readonly [string, Verdict | null]> {
    return this.#exact;
  }

  /** The one key of an index that holds no other, where it stands for one value in each part; null otherwise. */
  get soleKey(): string | null {
    if (this.size !== 1) return null;
    for (const key of this.#exact.keys()) return key;
    return null;
  }

  /** The chains that elements lead to. */
  *targets(): Generator<string> {
    for (const verdict of this.#exact.values()) if (verdict !== null && 'chain' in verdict) yield verdict.chain;
    for (const { verdict } of this.#wide) if (verdict !== null && 'chain' in verdict) yield verdict.chain;
  }

  /** Whether some key stands for several values. */
  get hasWideKeys(): boolean {
    return this.#wide.length > 0;
  }

  #exactKey(key: readonly string[]): string | null {
    let text = '';
    for (let at = 0; at < key.length; at++) {
      const word = exactWord(key[at] ?? '', this.#parts[at] ?? 'other');
      if (word === null) return null;
      text = at === 0 ? word : `${text} ${word}`;
    }
    return text;
  }
}

function exactWord(word: string, part: Part): string | null {
  switch (part) {
    case 'address':
      return parseAddress(word);
    case 'protocol':
      return (
        protocolNames.get(word) ?? (parseWhole(word, 255) === null && !/^[a-z][a-z0-9-]*$/.test(word) ? null : word)
      );
    case 'port':
      return parseWhole(word, 65535) === null ? null : word;
    case 'other':
      return null;
  }
}

const protocolNames: ReadonlyMap<string, string> = new Map([
  ['6', 'tcp'],
  ['17', 'udp'],
  ['132', 'sctp'],
]);

function isReadable(word: string, part: Part): boolean {
  if (exactWord(word, part) !== null) return true;
  return part === 'address' ? addressesIn(word) !== null : part === 'port' && portsIn(word) !== null;
}

function fits(word: string, asked: Asked | undefined): boolean {
  if (asked === undefined) return false;
  if (typeof asked === 'number') {
    const ports = portsIn(word);
    return ports !== null && ports.first <= asked && asked <= ports.last;
  }
  if (asked === 'tcp' || asked === 'udp' || asked === 'sctp') return (protocolNames.get(word) ?? word) === asked;
  const addresses = addressesIn(word);
  return addresses !== null && contains(addresses, asked);
}

/** `80` or `80-90`; null when the word is neither. */
function portsIn(word: string): { readonly first: number; readonly last: number } | null {
  const dash = word.indexOf('-');
  const first = parseWhole(dash < 0 ? word : word.slice(0, dash), 65535);
  const last = dash < 0 ? first : parseWhole(word.slice(dash + 1), 65535);
  return first === null || last === null ? null : { first, last };
}

/** The addresses that `10.0.0.1`, `10.0.0.0/8` or `10.0.0.1-10.0.0.9` stands for; null when the word is none of them. */
function addressesIn(word: string): PrefixSet | null {
  const dash = word.indexOf('-');
  if (dash >= 0) {
    const first = parseAddress(word.slice(0, dash));
    const last = parseAddress(word.slice(dash + 1));
    return first === null || last === null ? null : rangeSet(first, last);
  }
  if (!word.includes('/')) {
    const address = parseAddress(word);
    return address === null ? null : addressSet([address]);
  }
  const prefix = parsePrefix(word);
  return prefix === null ? null : prefixSet([prefix]);
}
