/**
 * What becomes of one packet under written rules, by plain simulation: chances are weights, client affinity is a state of
 * the world. It knows no sets of sources and nothing of Services: the judge of whether a packet can tell two rule sets
 * apart.
 */
import type { Address } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import { contains, parsePrefix, prefixSet } from '../../proto/prefixes.ts';
import type { WrittenRules } from './written-rules.ts';
import { chainOf } from './written-rules.ts';

export interface TestPacket {
  readonly from: Address;
  readonly to: Address;
  readonly port: number;
  readonly protocol: Protocol;
  /** Null = made by the node itself. */
  readonly inInterface: string | null;
  /** The affinity list that already knows the client; null = a new client. */
  readonly knownTo: string | null;
}

/** Rules split into words once, by table and chain. */
export interface WordedRules {
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, readonly (readonly string[])[]>>;
  readonly localAddresses: readonly Address[];
}

/** Comments go first: their words are none of the rule's. */
export function wordRules(rules: WrittenRules, localAddresses: readonly Address[]): WordedRules {
  const tables = rules.map(({ name, chains, rules: lines }) => {
    const worded = new Map<string, (readonly string[])[]>(chains.map((chain) => [chain.name, []]));
    for (const line of lines) {
      const words = line.replaceAll(/ -m comment --comment "[^"]*"/g, '').split(/ +/);
      worded.get(chainOf(line))?.push(words.slice(2));
    }
    return [name, worded] as const;
  });
  return { tables: new Map(tables), localAddresses };
}

/** What can happen, with its chance rounded to a millionth: `10.0.0.1:80 masqueraded`, `reject`, `none`. Sorted. */
export function outcomes(rules: WordedRules, packet: TestPacket): readonly string[] {
  const chances = new Map<string, number>();
  const add = (outcome: string, weight: number): unknown => chances.set(outcome, (chances.get(outcome) ?? 0) + weight);
  const isMade = packet.inInterface === null;
  for (const end of walk(rules, packet, 'nat', isMade ? 'OUTPUT' : 'PREROUTING', start)) {
    if (end.verdict?.startsWith('to ')) add(`${end.verdict}${end.note} ${sourceOf(rules, packet, end)}`, end.weight);
    else for (const [verdict, weight] of filterEnds(rules, packet, end)) add(verdict, weight);
  }
  return [...chances]
    .filter(([, weight]) => weight > 1e-6)
    .map(([outcome, weight]) => `${outcome} ${weight.toFixed(6)}`)
    .sort();
}

/** A packet on its way, or where it ended: `verdict` is null as long as it goes on. */
interface State {
  readonly mark: number;
  readonly weight: number;
  /** What client affinity had to do with it. */
  readonly note: string;
  readonly verdict: string | null;
}

const start: State = { mark: 0, weight: 1, note: '', verdict: null };

function sourceOf(rules: WordedRules, packet: TestPacket, state: State): string {
  const ends = walk(rules, packet, 'nat', 'POSTROUTING', { ...state, verdict: null });
  return ends.some(({ verdict }) => verdict === 'MASQUERADE') ? 'masqueraded' : 'with its source';
}

/** Filter on the way of a packet that is still addressed to where it was sent. */
function filterEnds(rules: WordedRules, packet: TestPacket, state: State): readonly (readonly [string, number])[] {
  const isLocal = rules.localAddresses.includes(packet.to);
  const hooks =
    packet.inInterface === null ? (isLocal ? ['OUTPUT', 'INPUT'] : ['OUTPUT']) : [isLocal ? 'INPUT' : 'FORWARD'];
  let live: readonly State[] = [{ ...state, verdict: null }];
  const ended: (readonly [string, number])[] = [];
  for (const hook of hooks) {
    const over = hook === 'INPUT' && packet.inInterface === null ? { ...packet, inInterface: 'lo' } : packet;
    const ends = live.flatMap((one) => walk(rules, over, 'filter', hook, one));
    for (const { verdict, weight } of ends) {
      if (verdict === 'DROP' || verdict === 'REJECT') ended.push([verdict.toLowerCase(), weight]);
    }
    live = ends
      .filter(({ verdict }) => verdict === null || verdict === 'ACCEPT')
      .map((end) => ({ ...end, verdict: null }));
  }
  return [...ended, ...live.map(({ weight }) => ['none', weight] as const)];
}

/** A built-in chain: whoever gets to its end meets the policy, which is ACCEPT in all written rules. */
function walk(rules: WordedRules, packet: TestPacket, table: string, chain: string, state: State): readonly State[] {
  return walkChain({ rules, packet, chains: rules.tables.get(table) ?? new Map() }, chain, state);
}

interface Way {
  readonly rules: WordedRules;
  readonly packet: TestPacket;
  readonly chains: ReadonlyMap<string, readonly (readonly string[])[]>;
}

function walkChain(way: Way, chain: string, entry: State): readonly State[] {
  const ended: State[] = [];
  const returned: State[] = [];
  let live: readonly State[] = [entry];
  for (const words of way.chains.get(chain) ?? []) {
    const next: State[] = [];
    for (const state of live) {
      const chance = chanceOf(way, words, state);
      if (chance < 1) next.push({ ...state, weight: state.weight * (1 - chance) });
      if (chance === 0) continue;
      const matched = { ...state, weight: state.weight * chance, note: state.note + noteOf(words) };
      for (const end of act(way, words, matched)) {
        if (end.verdict === 'RETURN') returned.push({ ...end, verdict: null });
        // Whoever goes on does so as if the affinity rules that led nowhere had not been.
        else if (end.verdict === null) next.push({ ...end, note: state.note });
        else ended.push(end);
      }
    }
    live = next;
  }
  return [...ended, ...returned, ...live];
}

function act(way: Way, words: readonly string[], state: State): readonly State[] {
  const target = wordAfter(words, '-j');
  switch (target) {
    case null:
      return [state];
    case 'ACCEPT':
    case 'DROP':
    case 'REJECT':
    case 'RETURN':
    case 'MASQUERADE':
      return [{ ...state, verdict: target }];
    case 'DNAT':
      return [{ ...state, verdict: `to ${wordAfter(words, '--to-destination')}` }];
    case 'MARK': {
      const [value = 0, mask = 0] = (wordAfter(words, '--set-xmark') ?? '').split('/').map(Number);
      return [{ ...state, mark: ((state.mark & ~mask) ^ value) >>> 0 }];
    }
    default:
      return walkChain(way, target, state);
  }
}

function noteOf(words: readonly string[]): string {
  if (words.includes('--set')) return ` remembered in ${wordAfter(words, '--name')}`;
  return words.includes('--rcheck') ? ` for ${wordAfter(words, '--seconds')} s` : '';
}

/** The chance that a rule matches: 0, 1, or its own where everything else of it matches. */
function chanceOf({ rules, packet }: Way, words: readonly string[], { mark }: State): number {
  let chance = 1;
  for (let i = 0; i < words.length && words[i] !== '-j'; i++) {
    const negated = words[i] === '!';
    if (negated) i++;
    const option = words[i] ?? '';
    const value = words[i + 1] ?? '';
    if (option === '--probability') chance = negated ? 1 - Number(value) : Number(value);
    else if (holds(rules, packet, { option, value, mark, words }) === negated) return 0;
  }
  return chance;
}

interface Condition {
  readonly option: string;
  readonly value: string;
  readonly mark: number;
  readonly words: readonly string[];
}

function holds(rules: WordedRules, packet: TestPacket, { option, value, mark, words }: Condition): boolean {
  const isOwn = (address: Address): boolean => rules.localAddresses.includes(address);
  switch (option) {
    case '-s':
      return isInside(packet.from, value);
    case '-d':
      return isInside(packet.to, value);
    case '-i':
      return value.endsWith('+')
        ? (packet.inInterface ?? '').startsWith(value.slice(0, -1))
        : packet.inInterface === value;
    case '-p':
      return packet.protocol === value;
    case '--dport':
      return packet.port === Number(value);
    case '--src-type':
      // The address a packet of the node is sent to may be bound on the node, and then be its source.
      return isOwn(packet.from) || packet.inInterface === null;
    case '--dst-type':
      return isOwn(packet.to);
    case '--ctstate':
      return value.split(',').includes('NEW');
    case '--mark': {
      const [wanted = 0, mask = 0] = value.split('/').map(Number);
      return (mark & mask) >>> 0 === wanted;
    }
    case '--rcheck':
      return packet.knownTo !== null && packet.knownTo === wordAfter(words, '--name');
    default:
      return true;
  }
}

const prefixes = new Map<string, ReturnType<typeof prefixSet>>();

function isInside(address: Address, text: string): boolean {
  const known = prefixes.get(text);
  if (known !== undefined) return contains(known, address);
  const prefix = parsePrefix(text);
  const set = prefixSet(prefix === null ? [] : [prefix]);
  prefixes.set(text, set);
  return contains(set, address);
}

function wordAfter(words: readonly string[], option: string): string | null {
  const at = words.indexOf(option);
  return at < 0 ? null : (words[at + 1] ?? null);
}
