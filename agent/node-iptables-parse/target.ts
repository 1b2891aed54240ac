/** The target of a rule, typed: what `-j TARGET ...` and `-g CHAIN` say (iptables-extensions(8)). */

import type { PlainTargetKind, Target } from './rule.ts';
import { parseMasked, parseWhole } from './text.ts';
import { readOptions, type Option, type Token } from './tokens.ts';
import type { Built, Segment } from './typed-shape.ts';

const PLAIN = new Map<string, PlainTargetKind>([
  ['AUDIT', 'audit'],
  ['CHECKSUM', 'checksum'],
  ['CLASSIFY', 'classify'],
  ['CLUSTERIP', 'clusterip'],
  ['CONNMARK', 'connmark'],
  ['CONNSECMARK', 'connsecmark'],
  ['CT', 'ct'],
  ['DSCP', 'dscp'],
  ['ECN', 'ecn'],
  ['HL', 'hl'],
  ['HMARK', 'hmark'],
  ['IDLETIMER', 'idletimer'],
  ['LED', 'led'],
  ['LOG', 'log'],
  ['NETMAP', 'netmap'],
  ['NFLOG', 'nflog'],
  ['NFQUEUE', 'nfqueue'],
  ['NOTRACK', 'notrack'],
  ['RATEEST', 'rateest'],
  ['SECMARK', 'secmark'],
  ['SET', 'set'],
  ['SYNPROXY', 'synproxy'],
  ['TCPMSS', 'tcpmss'],
  ['TCPOPTSTRIP', 'tcpoptstrip'],
  ['TEE', 'tee'],
  ['TOS', 'tos'],
  ['TPROXY', 'tproxy'],
  ['TRACE', 'trace'],
  ['TTL', 'ttl'],
  ['ULOG', 'ulog'],
]);

const VERDICTS = new Map<string, Target>([
  ['ACCEPT', { kind: 'accept' }],
  ['DROP', { kind: 'drop' }],
  ['RETURN', { kind: 'return' }],
  ['QUEUE', { kind: 'queue' }],
]);

export function buildTarget(segment: Segment): Built<Target> {
  const [name, ...words] = segment.words;
  if (name === undefined) return { part: { kind: 'none' }, unreadable: `${segment.letter} without a target` };
  const jump: Target = { kind: 'jump', chain: name.text, goto: segment.letter === '-g' };
  if (segment.declared || jump.goto) {
    return { part: jump, unreadable: words.length === 0 ? null : 'words behind a jump' };
  }
  const verdict = VERDICTS.get(name.text);
  if (verdict !== undefined) return { part: verdict, unreadable: words.length === 0 ? null : 'words behind a verdict' };
  const plain = PLAIN.get(name.text);
  if (plain !== undefined) return { part: { kind: plain, words: words.map((word) => word.text) }, unreadable: null };
  return readTarget(name.text, words) ?? { part: words.length === 0 ? jump : keep(name.text, words), unreadable: null };
}

function keep(name: string, words: readonly Token[]): Target {
  return { kind: 'other', name, words: words.map((word) => word.text) };
}

/** @returns null for a target that this package does not know */
function readTarget(name: string, words: readonly Token[]): Built<Target> | null {
  const read = readKnown(name, readOptions(words));
  if (read === undefined) return null;
  if (read !== null) return { part: read, unreadable: null };
  const text = words.map((word) => word.text).join(' ');
  return { part: keep(name, words), unreadable: `cannot read ${name} ${text}` };
}

/** @returns undefined for an unknown target, null for one whose options cannot be read */
function readKnown(name: string, options: readonly Option[]): Target | null | undefined {
  switch (name) {
    case 'DNAT':
      return readTranslation('dnat', '--to-destination', options);
    case 'SNAT':
      return readTranslation('snat', '--to-source', options);
    case 'MASQUERADE':
      return readMasquerade(options);
    case 'REDIRECT':
      return readRedirect(options);
    case 'REJECT':
      return readReject(options);
    case 'MARK':
      return readMark(options);
    default:
      return undefined;
  }
}

interface Sorted {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly other: readonly string[];
}

/** Sorts options by what is known of them; null when one comes twice, is negated or has not its one value. */
function sort(options: readonly Option[], flags: readonly string[], valued: readonly string[]): Sorted | null {
  const seen = new Set<string>();
  const values = new Map<string, string>();
  const other: string[] = [];
  for (const option of options) {
    const { name } = option;
    if (seen.has(name) || option.negated || name === '') return null;
    seen.add(name);
    const [value] = option.values;
    if (flags.includes(name)) {
      if (value !== undefined) return null;
    } else if (valued.includes(name)) {
      if (value === undefined || option.values.length > 1) return null;
      values.set(name, value.text);
    } else {
      other.push(name, ...option.values.map((each) => each.text));
    }
  }
  return { flags: seen, values, other };
}

function readTranslation(kind: 'dnat' | 'snat', to: string, options: readonly Option[]): Target | null {
  const sorted = sort(options, ['--random', '--random-fully', '--persistent'], [to]);
  if (sorted === null) return null;
  return {
    kind,
    to: sorted.values.get(to) ?? '',
    random: sorted.flags.has('--random'),
    randomFully: sorted.flags.has('--random-fully'),
    persistent: sorted.flags.has('--persistent'),
    other: sorted.other,
  };
}

function readMasquerade(options: readonly Option[]): Target | null {
  const sorted = sort(options, ['--random', '--random-fully'], ['--to-ports']);
  if (sorted === null) return null;
  return {
    kind: 'masquerade',
    random: sorted.flags.has('--random'),
    randomFully: sorted.flags.has('--random-fully'),
    toPorts: sorted.values.get('--to-ports') ?? null,
    other: sorted.other,
  };
}

function readRedirect(options: readonly Option[]): Target | null {
  const sorted = sort(options, ['--random'], ['--to-ports']);
  if (sorted === null) return null;
  const toPorts = sorted.values.get('--to-ports') ?? null;
  return { kind: 'redirect', toPorts, random: sorted.flags.has('--random'), other: sorted.other };
}

function readReject(options: readonly Option[]): Target | null {
  const sorted = sort(options, [], ['--reject-with']);
  if (sorted === null || sorted.other.length > 0) return null;
  return { kind: 'reject', with: sorted.values.get('--reject-with') ?? '' };
}

/** All five ways to set a mark come down to one: mark = (mark & ~mask) ^ value. */
function readMark(options: readonly Option[]): Target | null {
  const [option] = options;
  const [word] = option?.values ?? [];
  if (option === undefined || word === undefined || options.length > 1 || option.values.length > 1 || option.negated) {
    return null;
  }
  const masked = parseMasked(word.text);
  if (masked === null) return null;
  const whole = parseWhole(word.text);
  switch (option.name) {
    case '--set-xmark':
      return { kind: 'mark', ...masked };
    case '--set-mark':
      return { kind: 'mark', value: masked.value, mask: (masked.value | masked.mask) >>> 0 };
    case '--and-mark':
      return whole === null ? null : { kind: 'mark', value: 0, mask: ~whole >>> 0 };
    case '--or-mark':
      return whole === null ? null : { kind: 'mark', value: whole, mask: whole };
    case '--xor-mark':
      return whole === null ? null : { kind: 'mark', value: whole, mask: 0 };
    default:
      return null;
  }
}
