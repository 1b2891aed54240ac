/**
 * What becomes of one packet under a written table of nftables mode, by plain simulation: chances are weights, client
 * affinity is a state of the world. It knows no sets of sources and nothing of Services: the judge of whether a packet
 * can tell two tables apart. As elsewhere, filter chains are asked of packets that are still addressed to where they
 * were sent.
 */
import { type Address, parseHostPort } from '../../proto/address.ts';
import { contains } from '../../proto/prefixes.ts';
import { type Condition, type NftStatement, readStatements } from './nft-statements.ts';
import type { WrittenNft } from './nft-written.ts';
import type { TestPacket } from './packet-outcomes.ts';

/** A table whose sets and hooks are looked up once. */
export interface WordedNft {
  readonly chains: ReadonlyMap<string, readonly (readonly NftStatement[])[]>;
  /** Of sets and maps: key, and its verdict or ''. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly timeouts: ReadonlyMap<string, string>;
  /** Base chains of a hook, in the order in which packets meet them; nat apart. */
  readonly hooks: ReadonlyMap<string, readonly { readonly name: string; readonly isNat: boolean }[]>;
  readonly localAddresses: readonly Address[];
}

export function wordNft({ chains, sets }: WrittenNft, localAddresses: readonly Address[]): WordedNft {
  const hooked = [...chains].flatMap(([name, { head }]) => {
    const [, type, hook = '', priority = ''] = /^type (\w+) hook (\w+) priority ([^;]+);/.exec(head[0] ?? '') ?? [];
    return type === undefined ? [] : [{ name, hook, isNat: type === 'nat', priority: priorityOf(priority) }];
  });
  hooked.sort((a, b) => a.priority - b.priority);
  return {
    chains: new Map([...chains].map(([name, { rules }]) => [name, rules.map(readStatements)])),
    elements: new Map(
      [...sets].map(([name, { elements }]) => [name, new Map(elements.map(({ text }) => keyed(text)))]),
    ),
    timeouts: new Map(
      [...sets].map(([name, { head }]) => [name, head.find((line) => line.startsWith('timeout')) ?? '']),
    ),
    hooks: Map.groupBy(hooked, ({ hook }) => hook),
    localAddresses,
  };
}

/** What can happen, with its chance rounded to a millionth: `to 10.0.0.1:80 masqueraded`, `reject`, `none`. Sorted. */
export function nftOutcomes(table: WordedNft, packet: TestPacket): readonly string[] {
  const chances = new Map<string, number>();
  const isLocal = table.localAddresses.includes(packet.to);
  const made = packet.inInterface === null;
  const hooks = made ? (isLocal ? ['output', 'input'] : ['output']) : ['prerouting', isLocal ? 'input' : 'forward'];
  let live: readonly State[] = [start];
  for (const hook of hooks) {
    const met = hook === 'input' && made ? { ...packet, inInterface: 'lo' } : packet;
    for (const { name } of table.hooks.get(hook) ?? []) {
      const ends = live.flatMap((state) => walk({ table, packet: met, sentTo: null }, name, state));
      live = ends.filter(({ end }) => end === null || end === 'accept').map((state) => ({ ...state, end: null }));
      for (const { end, weight, note, mark } of ends) {
        if (end === null || end === 'accept') continue;
        const outcome = end.startsWith('to ') ? `${end}${note} ${sourceOf(table, packet, { end, mark })}` : end;
        chances.set(outcome, (chances.get(outcome) ?? 0) + weight);
      }
    }
  }
  for (const { weight } of live) chances.set('none', (chances.get('none') ?? 0) + weight);
  return [...chances]
    .filter(([, weight]) => weight > 1e-6)
    .map(([outcome, weight]) => `${outcome} ${weight.toFixed(6)}`)
    .sort();
}

/** A packet on its way, or where it ended: `end` is null as long as it goes on. */
interface State {
  readonly mark: number;
  readonly weight: number;
  /** What client affinity had to do with it. */
  readonly note: string;
  readonly end: string | null;
}

const start: State = { mark: 0, weight: 1, note: '', end: null };

interface Way {
  readonly table: WordedNft;
  readonly packet: TestPacket;
  /** Where DNAT has sent it. */
  readonly sentTo: { readonly address: Address; readonly port: number } | null;
}

function sourceOf(table: WordedNft, packet: TestPacket, { end, mark }: { end: string; mark: number }): string {
  const sentTo = parseHostPort(end.slice('to '.length));
  for (const { name, isNat } of table.hooks.get('postrouting') ?? []) {
    if (!isNat) continue;
    const ends = walk({ table, packet, sentTo }, name, { ...start, mark });
    if (ends.some((state) => state.end === 'masquerade')) return 'masqueraded';
  }
  return 'with its source';
}

/** All ways through a chain; who comes to its end, or returns, has `end` null. */
function walk(way: Way, chain: string, entry: State): readonly State[] {
  const done: State[] = [];
  let live: readonly State[] = [entry];
  for (const rule of way.table.chains.get(chain) ?? []) {
    const next: State[] = [];
    for (const state of live) {
      const { ended, returned, goesOn } = passRule(way, rule, state);
      done.push(...ended, ...returned);
      next.push(...goesOn);
    }
    live = next;
  }
  return [...done, ...live];
}

interface Passed {
  readonly ended: State[];
  /** Left the chain for its caller. */
  readonly returned: State[];
  readonly goesOn: State[];
}

function passRule(way: Way, rule: readonly NftStatement[], entry: State): Passed {
  const passed: Passed = { ended: [], returned: [], goesOn: [] };
  let state = entry;
  for (const statement of rule) {
    switch (statement.kind) {
      case 'match':
        if (holds(way, statement.condition, state)) break;
        passed.goesOn.push(state);
        return passed;
      case 'mark':
        state = { ...state, mark: ((state.mark & ~statement.clears) ^ statement.flips) >>> 0 };
        break;
      case 'note':
        state = { ...state, note: noted(state.note, ` in ${statement.set} ${way.table.timeouts.get(statement.set)}`) };
        break;
      case 'look-up': {
        const verdict = way.table.elements.get(statement.map)?.get(keyIn(way, statement.fields));
        if (verdict === undefined) passed.goesOn.push(state);
        else act(way, verdict, state, passed);
        return passed;
      }
      case 'draw': {
        const weight = state.weight / statement.mod;
        for (const outcome of statement.outcomes) act(way, outcome, { ...state, weight }, passed);
        const left = state.weight - weight * statement.outcomes.length;
        if (left > 1e-9) passed.goesOn.push({ ...state, weight: left });
        return passed;
      }
      case 'act':
        act(way, statement.verdict, state, passed);
        return passed;
    }
  }
  passed.goesOn.push(state);
  return passed;
}

/** What a set holds already is not put down again. */
function noted(note: string, more: string): string {
  return note.includes(more) ? note : note + more;
}

function act(way: Way, verdict: string, state: State, passed: Passed): void {
  const [verb = '', chain = ''] = verdict.split(' ');
  switch (verb) {
    case 'return':
      passed.returned.push(state);
      return;
    case 'jump':
    case 'goto':
      for (const end of walk(way, chain, state)) {
        if (end.end !== null) passed.ended.push(end);
        else (verb === 'goto' ? passed.returned : passed.goesOn).push(end);
      }
      return;
    default:
      passed.ended.push({ ...state, end: verdict });
  }
}

function holds(way: Way, condition: Condition, { mark }: State): boolean {
  return isTrue(way, condition, mark) !== condition.negated;
}

function isTrue({ table, packet, sentTo }: Way, condition: Condition, mark: number): boolean {
  const isOwn = (address: Address): boolean => table.localAddresses.includes(address);
  switch (condition.of) {
    case 'always':
      return true;
    case 'translated':
      return sentTo !== null;
    case 'mark':
      return (mark & condition.mask) >>> 0 === condition.value;
    case 'protocol':
      return packet.protocol === condition.protocol;
    case 'port':
      return packet.port === condition.port;
    case 'interface': {
      const name = packet.inInterface ?? '';
      return condition.pattern.endsWith('*')
        ? name.startsWith(condition.pattern.slice(0, -1))
        : name === condition.pattern;
    }
    // The address a packet of the node is sent to may be bound on the node, and then be its source.
    case 'local':
      return condition.side === 'saddr' ? isOwn(packet.from) || packet.inInterface === null : isOwn(packet.to);
    case 'within':
      return contains(condition.prefixes, condition.side === 'saddr' ? packet.from : (sentTo?.address ?? packet.to));
    case 'in set': {
      // A set that forgets knows clients, and the test says which one does.
      if (table.timeouts.get(condition.set)) return packet.knownTo === condition.set;
      return table.elements.get(condition.set)?.has(keyIn({ table, packet, sentTo }, condition.fields)) === true;
    }
  }
}

function keyIn({ packet, sentTo }: Way, fields: readonly string[]): string {
  const values: Readonly<Record<string, string>> = {
    saddr: packet.from,
    daddr: sentTo?.address ?? packet.to,
    l4proto: packet.protocol,
    dport: String(sentTo?.port ?? packet.port),
  };
  return fields.map((field) => values[field] ?? '').join(' . ');
}

/** `10.96.0.1 . tcp . 80 comment "shop/web" : drop` -> key and verdict. */
function keyed(text: string): readonly [string, string] {
  const plain = text.replace(/ comment "[^"]*"/, '');
  const at = plain.lastIndexOf(' : ');
  return at < 0 ? [plain, ''] : [plain.slice(0, at), plain.slice(at + 3)];
}

/** `dstnat - 10`, `filter`, `-90`. */
function priorityOf(text: string): number {
  const names: Readonly<Record<string, number>> = { dstnat: -100, filter: 0, srcnat: 100 };
  const [base = '', minus] = text.split(' - ');
  return (names[base] ?? Number(base)) - Number(minus ?? 0);
}
