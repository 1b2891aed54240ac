/** Matches: what of a packet is asked for, and among what. */
import { ElementIndex, type Part, readElements, type WrittenElement } from './elements.ts';
import { readMarkStep } from './mark-text.ts';
import { type Among, type Field, type Step, unreadable } from './rule.ts';
import { unquoted, type WordReader } from './words.ts';

/** `nothing` = all packets of new connections meet it. */
type StepOrNothing = Step | 'nothing';

const undecided: Step = { kind: 'undecided' };

/**
 * Reads a match or a verdict map.
 * @param before the steps of the rule so far: a match of `tcp dport` adds one for the protocol.
 */
export function readMatch(words: WordReader, before: Step[]): StepOrNothing {
  const first = words.take();
  switch (first) {
    case 'ct':
      return readConntrack(words);
    case 'fib':
      return readFib(words);
    case 'iifname':
    case 'iif':
      return readInterface(words, 'in');
    case 'oifname':
    case 'oif':
      return readInterface(words, 'out');
    case 'meta':
      return readMeta(words, before);
    default:
      return readFields(words, before, fieldOf(first, words, before));
  }
}

function readMeta(words: WordReader, before: Step[]): StepOrNothing {
  switch (words.peek()) {
    case 'mark':
      words.take();
      return readMarkStep(words);
    case 'iifname':
    case 'iif':
      words.take();
      return readInterface(words, 'in');
    case 'oifname':
    case 'oif':
      words.take();
      return readInterface(words, 'out');
    default:
      return readFields(words, before, fieldOf('meta', words, before));
  }
}

/** A part of a key whose first word is taken; `other` = one that is not known before a packet is, null = no match. */
function fieldOf(first: string | null, words: WordReader, before: Step[]): Field | 'other' | null {
  const second = words.take();
  switch (`${first} ${second}`) {
    case 'ip saddr':
    case 'ip6 saddr':
      return 'source';
    case 'ip daddr':
    case 'ip6 daddr':
      return 'destination';
    case 'meta l4proto':
    case 'ip protocol':
    case 'ip6 nexthdr':
      return 'protocol';
    case 'th dport':
      return 'port';
    case 'tcp dport':
    case 'udp dport':
    case 'sctp dport':
      before.push(isProtocol(first ?? ''));
      return 'port';
    case 'th sport':
    case 'tcp sport':
    case 'udp sport':
    case 'sctp sport':
    case 'meta skuid':
    case 'meta skgid':
      return 'other';
    default:
      return null;
  }
}

function isProtocol(protocol: string): Step {
  const elements = new ElementIndex(['protocol']);
  elements.add({ key: [protocol], value: null });
  return { kind: 'asks', fields: ['protocol'], negated: false, among: { elements } };
}

/** The rest of a match or map behind its first field. */
function readFields(words: WordReader, before: Step[], first: Field | 'other' | null): StepOrNothing {
  const fields: (Field | 'other')[] = [];
  for (let field = first; ; field = fieldOf(words.take(), words, before)) {
    if (field === null) return unreadable;
    fields.push(field);
    if (!words.takes('.')) break;
  }
  const known = fields.filter((field) => field !== 'other');
  if (words.takes('vmap')) {
    const among = readAmong(words, known);
    return among === null || known.length < fields.length ? unreadable : { kind: 'verdict-map', fields: known, among };
  }
  const negated = words.takes('!=');
  if (!negated) words.takes('==');
  const among = readAmong(words, known);
  if (among === null) return unreadable;
  return known.length < fields.length ? undecided : { kind: 'asks', fields: known, negated, among };
}

const partOf: { readonly [field in Field]: Part } = {
  source: 'address',
  destination: 'address',
  protocol: 'protocol',
  port: 'port',
};

/** A named set, elements in braces, or one element. */
function readAmong(words: WordReader, fields: readonly Field[]): Among | null {
  const first = words.take();
  if (first === null) return null;
  if (first.startsWith('@')) return { set: unquoted(first.slice(1)) };
  const elements = new ElementIndex(fields.map((field) => partOf[field]));
  const found: WrittenElement[] = [];
  if (first === '{') {
    if (!readElements(words, (element) => found.push(element))) return null;
  } else {
    const key = [first];
    while (words.takes('.')) key.push(words.take() ?? '');
    found.push({ key, value: null });
  }
  for (const element of found) elements.add(element);
  // Of a field that is not known here nobody asks for the elements.
  return elements.isRead || fields.length === 0 ? { elements } : null;
}

/** `ct state new`, `ct state { established, new }`, `ct state established,related`, `ct status dnat` */
function readConntrack(words: WordReader): StepOrNothing {
  const what = words.take();
  if (what === 'direction') return words.take() === 'original' ? 'nothing' : { kind: 'never' };
  if (what !== 'state' && what !== 'status') return unreadable;
  const negated = words.takes('!=');
  const names = readNames(words);
  if (names === null) return unreadable;
  if (what === 'state') return names.includes('new') === negated ? { kind: 'never' } : 'nothing';
  return names.length === 1 && names[0] === 'dnat' ? { kind: 'translated', negated } : undecided;
}

/** `new`, `new,established`, `{ "eth0", "eth1" }`; null when something else stands there. */
function readNames(words: WordReader): readonly string[] | null {
  const names: string[] = [];
  const braced = words.takes('{');
  do {
    const name = words.take();
    if (name === null || name === 'vmap' || !/^["A-Za-z0-9]/.test(name)) return null;
    names.push(unquoted(name));
  } while (words.takes(','));
  return !braced || words.takes('}') ? names : null;
}

/** `fib daddr type local`, `fib saddr type != { local, broadcast }` */
function readFib(words: WordReader): Step {
  const of = words.take();
  if ((of !== 'saddr' && of !== 'daddr') || !words.takes('type')) return unreadable;
  const negated = words.takes('!=');
  const types = readNames(words);
  if (types === null) return unreadable;
  return { kind: 'address-type', of: of === 'saddr' ? 'source' : 'destination', types, negated };
}

/** `iifname != "veth*"`; nft writes `*` where iptables writes `+`. */
function readInterface(words: WordReader, way: 'in' | 'out'): Step {
  const negated = words.takes('!=');
  const names = readNames(words);
  if (names === null || words.peek() === '.') return unreadable;
  return { kind: 'interface', way, patterns: names.map((name) => name.replace(/\*$/, '+')), negated };
}
