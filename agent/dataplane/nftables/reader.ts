/**
 * nft's text output of one table, nft(8), LIST:
 *
 *     table ip kube-proxy {
 *     	map service-ips {
 *     		type ipv4_addr . inet_proto . inet_service : verdict
 *     		elements = { 10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https }
 *     	}
 *
 *     	chain nat-prerouting {
 *     		type nat hook prerouting priority dstnat; policy accept;
 *     		jump services
 *     	}
 *     }
 *
 * Each block must end with its brace: cut output is never taken for a smaller table. What stands in a rule is not read
 * here, and what is not understood there does not fail the table.
 */
import type { Family } from '../../../proto/address.ts';
import type { Part } from './elements.ts';
import { type Line, nextLine } from './lines.ts';
import { type BaseHook, type Declared, NftChain, NftSet, type NftTable, type Place } from './table.ts';
import { secondsIn } from './times.ts';
import { unquoted } from './words.ts';

/** Where nft's output is not what it should be. */
export interface NftFailure {
  /** From 1, within the piece. */
  readonly line: number;
  readonly message: string;
}

export type NftParsed =
  | { readonly ok: true; readonly table: NftTable }
  | { readonly ok: false; readonly failure: NftFailure };

/** The whole output of one run of nft that lists one table, or one object of it. */
export type NftPiece = string | Uint8Array;

/**
 * Reads one table. Several pieces are put together, and what a later one holds takes the place of what an earlier one
 * calls by the same name.
 */
export function parseNftables(pieces: NftPiece | readonly NftPiece[]): NftParsed {
  const all = typeof pieces === 'string' || pieces instanceof Uint8Array ? [pieces] : pieces;
  const chains = new Map<string, NftChain>();
  const sets = new Map<string, NftSet>();
  let head: Head | null = null;
  for (const piece of all) {
    const text =
      typeof piece === 'string' ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString();
    const reader = new PieceReader(text, chains, sets);
    const read = reader.read();
    if (typeof read === 'string') return { ok: false, failure: { line: reader.line, message: read } };
    if (head !== null && (head.family !== read.family || head.name !== read.name)) {
      const message = `expected a further piece of table ${head.name} (${head.family}), got ${read.name} (${read.family})`;
      return { ok: false, failure: { line: 1, message } };
    }
    head = read;
  }
  if (head === null) return { ok: false, failure: { line: 1, message: 'expected `table ip NAME {`, got no output' } };
  return { ok: true, table: { ...head, chains, sets } };
}

interface Head {
  readonly family: Family;
  readonly name: string;
}

/** Objects that hold no rule and no element that a packet of a service meets. */
const otherObjects = new Set(['counter', 'quota', 'ct', 'limit', 'secmark', 'synproxy', 'flowtable', 'tunnel']);

/** Reads one piece; every method that reads gives back a message when it fails. */
class PieceReader {
  line = 0;
  readonly #text: string;
  readonly #chains: Map<string, NftChain>;
  readonly #sets: Map<string, NftSet>;
  #at = 0;

  constructor(text: string, chains: Map<string, NftChain>, sets: Map<string, NftSet>) {
    this.#text = text;
    this.#chains = chains;
    this.#sets = sets;
  }

  read(): Head | string {
    const first = this.#nextWritten();
    if (first === null) return 'expected `table ip NAME {`, got nothing';
    const head = headOf(this.#textOf(first));
    if (head === null) return `expected \`table ip NAME {\` or \`table ip6 NAME {\`, got ${shown(this.#textOf(first))}`;
    for (;;) {
      const line = this.#nextWritten();
      if (line === null) return `the output ends within table ${head.name}: expected \`}\``;
      if (this.#is(line, '}')) break;
      const problem = this.#readObject(this.#textOf(line));
      if (problem !== null) return problem;
    }
    const rest = this.#nextWritten();
    return rest === null ? head : `expected the end behind table ${head.name}, got ${shown(this.#textOf(rest))}`;
  }

  /** The next line that is not empty; null at the end. */
  #nextWritten(): Line | null {
    while (this.#at < this.#text.length) {
      const line = nextLine(this.#text, this.#at, this.#text.length);
      this.line++;
      this.#at = line.next;
      if (line.last > line.first) return line;
    }
    return null;
  }

  #textOf({ first, last }: Line): string {
    return this.#text.slice(first, last);
  }

  #is({ first, last }: Line, text: string): boolean {
    return last - first === text.length && this.#text.startsWith(text, first);
  }

  #readObject(header: string): string | null {
    if (/^(comment|flags) /.test(header)) return null;
    const [, kind = '', rest = ''] = /^(\S+) (.*?) ?\{( # handle \d+)?$/.exec(header) ?? [];
    const name = unquoted(rest);
    if (kind === 'chain') return this.#readChain(name);
    if (kind === 'set' || kind === 'map') return this.#readSet(name, kind);
    if (otherObjects.has(kind)) return this.#readOther(`${kind} ${rest}`);
    return `expected a chain, set or map, got ${shown(header)}`;
  }

  #readChain(name: string): string | null {
    let base: BaseHook | null = null;
    let count = 0;
    let start = -1;
    let end = -1;
    for (;;) {
      const line = this.#nextWritten();
      if (line === null) return `the output ends within chain ${name}: expected \`}\``;
      if (this.#is(line, '}')) break;
      if (count === 0 && this.#text.startsWith('comment "', line.first)) continue;
      if (count === 0 && this.#text.startsWith('type ', line.first)) {
        base = baseOf(this.#textOf(line));
        if (base === null) return `expected \`type T hook H priority P; policy P;\`, got ${shown(this.#textOf(line))}`;
        continue;
      }
      if (start < 0) start = line.first;
      end = line.last;
      count++;
    }
    this.#chains.set(
      name,
      new NftChain(name, base, count, { text: this.#text, start, end: count === 0 ? start : end }),
    );
    return null;
  }

  #readSet(name: string, kind: 'set' | 'map'): string | null {
    let type = '';
    let isDynamic = false;
    let timeoutSeconds: number | null = null;
    let elements: Place | null = null;
    for (;;) {
      const line = this.#nextWritten();
      if (line === null) return `the output ends within ${kind} ${name}: expected \`}\``;
      if (this.#is(line, '}')) break;
      const text = this.#text.startsWith('elements = ', line.first) ? 'elements' : this.#textOf(line);
      if (text === 'elements') {
        const place = this.#readElements(line);
        if (place === null) return `the output ends within the elements of ${kind} ${name}: expected \`}\``;
        elements = place;
      } else if (/^type(of)? /.test(text)) {
        type = text.slice(text.indexOf(' ') + 1);
      } else if (text.startsWith('flags ')) {
        isDynamic = /\b(dynamic|timeout)\b/.test(text);
      } else if (text.startsWith('timeout ')) {
        timeoutSeconds = secondsIn(text.slice(8).replace(/;.*/, ''));
      }
    }
    this.#sets.set(name, new NftSet(name, { ...typeOf(type, kind), isDynamic, timeoutSeconds, elements }));
    return null;
  }

  /** From the brace behind `elements =` to its closing one, over as many lines as it takes. */
  #readElements(first: Line): Place | null {
    const start = first.first + 'elements = '.length;
    for (let line: Line | null = first; line !== null; line = this.#nextWritten()) {
      if (this.#text[line.last - 1] === '}') return { text: this.#text, start, end: line.last };
    }
    return null;
  }

  #readOther(name: string): string | null {
    for (let line = this.#nextWritten(); line !== null; line = this.#nextWritten()) {
      if (this.#is(line, '}')) return null;
    }
    return `the output ends within ${name}: expected \`}\``;
  }
}

function shown(text: string): string {
  return text.length > 80 ? `\`${text.slice(0, 80)}...\`` : `\`${text}\``;
}

function headOf(line: string): Head | null {
  const [, family, name] = /^table (ip6?) (\S+) \{( # handle \d+)?$/.exec(line) ?? [];
  return name === undefined ? null : { family: family === 'ip' ? 'ipv4' : 'ipv6', name: unquoted(name) };
}

const namedPriorities: ReadonlyMap<string, number> = new Map([
  ['raw', -300],
  ['mangle', -150],
  ['dstnat', -100],
  ['filter', 0],
  ['security', 50],
  ['srcnat', 100],
]);

/** `type filter hook prerouting priority dstnat - 10; policy accept;` */
function baseOf(line: string): BaseHook | null {
  const [, type, hook, priority = '', policy] =
    /^type (\S+) hook (\S+) priority ([^;]+);(?: policy (accept|drop);)?( # .*)?$/.exec(line) ?? [];
  if (type === undefined || hook === undefined) return null;
  const number = priorityOf(priority);
  return number === null ? null : { type, hook, priority: number, drops: policy === 'drop' };
}

function priorityOf(text: string): number | null {
  const [, name = '', sign, offset = '0'] = /^([a-z]+)(?: ([+-]) (\d+))?$/.exec(text) ?? [];
  const base = namedPriorities.get(name);
  if (base !== undefined) return base + (sign === '-' ? -1 : 1) * Number(offset);
  return /^-?\d+$/.test(text) ? Number(text) : null;
}

const partsByType: ReadonlyMap<string, Part> = new Map([
  ['ipv4_addr', 'address'],
  ['ipv6_addr', 'address'],
  ['inet_proto', 'protocol'],
  ['inet_service', 'port'],
  ['ip saddr', 'address'],
  ['ip daddr', 'address'],
  ['ip6 saddr', 'address'],
  ['ip6 daddr', 'address'],
  ['meta l4proto', 'protocol'],
  ['th dport', 'port'],
]);

/** `ipv4_addr . inet_proto . inet_service : verdict` */
function typeOf(text: string, kind: 'set' | 'map'): Pick<Declared, 'parts' | 'mapsToVerdicts'> {
  const [key = '', value] = text.split(' : ');
  const parts = key.split(' . ').map((part) => partsByType.get(part.trim()));
  const known = parts.filter((part) => part !== undefined);
  const mapsToVerdicts = kind === 'map' && value?.trim() === 'verdict';
  const isKnown = known.length === parts.length && (kind === 'set' || mapsToVerdicts);
  return { parts: isKnown ? known : null, mapsToVerdicts };
}
