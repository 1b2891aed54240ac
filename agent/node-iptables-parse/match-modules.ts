/**
 * The modules of `-m`, each read from its options as iptables-save prints them. A reader gives the typed match, or
 * why the words cannot be read.
 */

import { readOptions, type Option, type Token } from './tokens.ts';
import type { AddressTypes, Match, PlainMatchKind, PortRange, TransportKind } from './rule.ts';
import { parseMasked, parseProbability, parseRange, parseWhole, unquote } from './text.ts';

type Reader = (options: readonly Option[], words: readonly string[]) => Match | string;

const PLAIN: ReadonlySet<string> = new Set<PlainMatchKind>([
  'ah',
  'bpf',
  'cgroup',
  'cluster',
  'connbytes',
  'connlabel',
  'connlimit',
  'cpu',
  'devgroup',
  'dscp',
  'ecn',
  'esp',
  'hashlimit',
  'helper',
  'hl',
  'icmp',
  'icmp6',
  'iprange',
  'ipvs',
  'length',
  'limit',
  'mac',
  'owner',
  'physdev',
  'pkttype',
  'policy',
  'quota',
  'realm',
  'rpfilter',
  'socket',
  'string',
  'tcpmss',
  'time',
  'tos',
  'ttl',
  'u32',
]);

function isPlain(name: string): name is PlainMatchKind {
  return PLAIN.has(name);
}

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['tcp', (options) => readTransport('tcp', options)],
  ['udp', (options) => readTransport('udp', options)],
  ['sctp', (options) => readTransport('sctp', options)],
  ['udplite', (options) => readTransport('udplite', options)],
  ['dccp', (options) => readTransport('dccp', options)],
  ['comment', readComment],
  ['statistic', readStatistic],
  ['recent', readRecent],
  ['mark', (options) => readMark('mark', options)],
  ['connmark', (options) => readMark('connmark', options)],
  ['conntrack', readConntrack],
  ['state', readState],
  ['addrtype', readAddressTypes],
  ['multiport', readMultiport],
  ['nfacct', readNfacct],
  ['set', readSet],
]);

/** @returns the match, or why its words cannot be read */
export function readModule(name: string, tokens: readonly Token[]): Match | string {
  const words = tokens.map((token) => token.text);
  const reader = READERS.get(name);
  if (reader !== undefined) return reader(readOptions(tokens), words);
  const negated = words.includes('!');
  if (isPlain(name)) return { kind: name, words, negated };
  return { kind: 'other', module: name, words, negated };
}

/** The words of an option as printed. */
function wordsOf({ name, negated, values }: Option): readonly string[] {
  return [...(negated ? ['!'] : []), name, ...values.map((value) => value.text)];
}

/** The one value of an option, or null. */
function only(option: Option): string | null {
  const [value] = option.values;
  return value !== undefined && option.values.length === 1 ? value.text : null;
}

function unexpected(option: Option): string {
  return `cannot read ${wordsOf(option).join(' ')}`;
}

function readTransport(kind: TransportKind, options: readonly Option[]): Match | string {
  let sourcePorts: PortRange | null = null;
  let destinationPorts: PortRange | null = null;
  const other: string[] = [];
  for (const option of options) {
    if (option.name !== '--sport' && option.name !== '--dport') {
      if (option.name === '') return unexpected(option);
      other.push(...wordsOf(option));
      continue;
    }
    const range = parseRange(only(option) ?? '');
    const taken = option.name === '--sport' ? sourcePorts : destinationPorts;
    if (range === null || taken !== null) return unexpected(option);
    const ports = { ...range, negated: option.negated };
    if (option.name === '--sport') sourcePorts = ports;
    else destinationPorts = ports;
  }
  return { kind, sourcePorts, destinationPorts, other };
}

function readComment(options: readonly Option[], words: readonly string[]): Match | string {
  const [option] = options;
  const value = option === undefined ? null : only(option);
  if (option?.name !== '--comment' || value === null || option.negated || options.length > 1) {
    return `cannot read comment ${words.join(' ')}`;
  }
  return { kind: 'comment', text: unquote(value) };
}

function readStatistic(options: readonly Option[], words: readonly string[]): Match | string {
  const unreadable = `cannot read statistic ${words.join(' ')}`;
  const values = new Map(options.map((option) => [option.name, only(option) ?? '']));
  const negated = options.some((option) => option.negated);
  if (values.size !== options.length) return unreadable;
  if (values.get('--mode') === 'random' && values.size === 2) {
    const probability = parseProbability(values.get('--probability') ?? '');
    return probability === null ? unreadable : { kind: 'statistic', mode: 'random', probability, negated };
  }
  const every = parseWhole(values.get('--every') ?? '');
  const packet = parseWhole(values.get('--packet') ?? '0');
  const expected = values.has('--packet') ? 3 : 2;
  if (values.get('--mode') !== 'nth' || values.size !== expected || every === null || packet === null || every === 0) {
    return unreadable;
  }
  return { kind: 'statistic', mode: 'nth', every, packet, negated };
}

const RECENT_ACTIONS = new Map([
  ['--set', 'set'],
  ['--rcheck', 'rcheck'],
  ['--update', 'update'],
  ['--remove', 'remove'],
] as const);

function recentAction(name: string): 'set' | 'rcheck' | 'update' | 'remove' | undefined {
  for (const [option, action] of RECENT_ACTIONS) if (option === name) return action;
  return undefined;
}

const RECENT_FLAGS = new Set(['--set', '--rcheck', '--update', '--remove', '--reap', '--rttl', '--rsource', '--rdest']);
const RECENT_VALUES = new Set(['--seconds', '--hitcount', '--name', '--mask']);

function readRecent(options: readonly Option[], words: readonly string[]): Match | string {
  const unreadable = `cannot read recent ${words.join(' ')}`;
  const values = new Map<string, string>();
  let negated = false;
  for (const option of options) {
    const known = RECENT_FLAGS.has(option.name) ? option.values.length === 0 : RECENT_VALUES.has(option.name);
    const value = RECENT_VALUES.has(option.name) ? only(option) : '';
    if (!known || value === null || values.has(option.name)) return unreadable;
    if (option.negated && recentAction(option.name) === undefined) return unreadable;
    negated ||= option.negated;
    values.set(option.name, value);
  }
  const actions = options.map((option) => recentAction(option.name)).filter((action) => action !== undefined);
  const [action] = actions;
  const seconds = values.has('--seconds') ? parseWhole(values.get('--seconds') ?? '') : undefined;
  const hitcount = values.has('--hitcount') ? parseWhole(values.get('--hitcount') ?? '') : undefined;
  if (action === undefined || actions.length > 1 || seconds === null || hitcount === null) return unreadable;
  return {
    kind: 'recent',
    action,
    name: values.get('--name') ?? 'DEFAULT',
    seconds: seconds ?? null,
    hitcount: hitcount ?? null,
    reap: values.has('--reap'),
    ttl: values.has('--rttl'),
    side: values.has('--rdest') ? 'dest' : 'source',
    mask: values.get('--mask') ?? null,
    negated,
  };
}

function readMark(kind: 'mark' | 'connmark', options: readonly Option[]): Match | string {
  const [option] = options;
  if (option === undefined || options.length > 1) return `cannot read ${kind}`;
  const masked = parseMasked(only(option) ?? '');
  if (option.name !== '--mark' || masked === null) return unexpected(option);
  return { kind, ...masked, negated: option.negated };
}

function readConntrack(options: readonly Option[]): Match | string {
  let states: { readonly names: readonly string[]; readonly negated: boolean } | null = null;
  const other: string[] = [];
  for (const option of options) {
    if (option.name === '') return unexpected(option);
    if (option.name !== '--ctstate') {
      other.push(...wordsOf(option));
      continue;
    }
    const names = only(option);
    if (names === null || states !== null) return unexpected(option);
    states = { names: names.split(','), negated: option.negated };
  }
  return { kind: 'conntrack', states, other };
}

function readState(options: readonly Option[]): Match | string {
  const [option] = options;
  if (option === undefined || options.length > 1) return 'cannot read state';
  const states = only(option);
  if (option.name !== '--state' || states === null) return unexpected(option);
  return { kind: 'state', states: states.split(','), negated: option.negated };
}

function readAddressTypes(options: readonly Option[]): Match | string {
  let sourceType: AddressTypes | null = null;
  let destinationType: AddressTypes | null = null;
  let limitIn = false;
  let limitOut = false;
  for (const option of options) {
    const { name, negated } = option;
    if (name === '--limit-iface-in' || name === '--limit-iface-out') {
      if (negated || option.values.length > 0) return unexpected(option);
      limitIn ||= name === '--limit-iface-in';
      limitOut ||= name === '--limit-iface-out';
      continue;
    }
    const types = only(option);
    const taken = name === '--src-type' ? sourceType : destinationType;
    if ((name !== '--src-type' && name !== '--dst-type') || types === null || taken !== null) return unexpected(option);
    if (name === '--src-type') sourceType = { types: types.split(','), negated };
    else destinationType = { types: types.split(','), negated };
  }
  return { kind: 'addrtype', sourceType, destinationType, limitIn, limitOut };
}

function readMultiport(options: readonly Option[]): Match | string {
  const [option] = options;
  if (option === undefined || options.length > 1) return 'cannot read multiport';
  const which = multiportSide(option.name);
  const ports = (only(option) ?? '').split(',').map(parseRange);
  const known = ports.filter((range) => range !== null);
  if (which === null || known.length < ports.length) return unexpected(option);
  return { kind: 'multiport', which, ports: known, negated: option.negated };
}

function multiportSide(name: string): 'source' | 'destination' | 'either' | null {
  switch (name) {
    case '--sports':
      return 'source';
    case '--dports':
      return 'destination';
    case '--ports':
      return 'either';
    default:
      return null;
  }
}

function readNfacct(options: readonly Option[]): Match | string {
  const [option] = options;
  const name = option === undefined ? null : only(option);
  if (option?.name !== '--nfacct-name' || name === null || option.negated || options.length > 1) {
    return 'cannot read nfacct';
  }
  return { kind: 'nfacct', name };
}

function readSet(options: readonly Option[]): Match | string {
  const [option, ...rest] = options;
  const [name, dimensions] = option?.values ?? [];
  if (option === undefined || name === undefined || dimensions === undefined) return 'cannot read set';
  const sides = dimensions.text.split(',');
  const known = sides.filter((side) => side === 'src' || side === 'dst');
  if (option.name !== '--match-set' || option.values.length > 2 || known.length < sides.length)
    return unexpected(option);
  const { negated } = option;
  return { kind: 'set', name: name.text, dimensions: known, negated, other: rest.flatMap(wordsOf) };
}
