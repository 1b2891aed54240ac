/**
 * Rules as plain data, and what becomes of one packet under them, rule by rule, by chance as weights: it knows nothing of
 * sets of sources, of Services or of iptables' text. The judge of what the tracer claims of any rules.
 */
import type { Address } from '../proto/address.ts';
import type { RuleLines } from './rules-text.ts';

export interface PlainPacket {
  readonly from: Address;
  readonly to: Address;
  readonly port: number;
  readonly made: boolean;
  /** Null on the way out of the node that made it; `lo` when it comes back in. */
  readonly interface: string | null;
  readonly toNode: boolean;
  /** The ipsets that hold its source. */
  readonly sets: readonly string[];
}

/** One thing asked of a packet; two of one `slot` do not stand in one rule. */
export interface Asked {
  readonly slot: string;
  readonly text: string;
  /** The part of such packets that meets it. */
  readonly part: (packet: PlainPacket, mark: number) => number;
}

export type Does =
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'send'; readonly backend: string }
  | { readonly kind: PlainEnd };

export type PlainEnd = 'accept' | 'drop' | 'reject' | 'masquerade' | 'return' | 'none';

export interface PlainRule {
  readonly asked: readonly Asked[];
  readonly does: Does;
}

export interface PlainChain {
  /** Null for a chain that is not built in. */
  readonly policy: 'ACCEPT' | 'DROP' | null;
  readonly rules: readonly PlainRule[];
}

export type TableName = 'raw' | 'mangle' | 'nat' | 'filter';
export type PlainRules = { readonly [table in TableName]?: Readonly<Record<string, PlainChain>> };

/** The same rules as iptables-save prints them. */
export function linesOf(rules: PlainRules): RuleLines {
  const lines = Object.entries(rules).map(([table, chains]) => [table, Object.entries(chains).flatMap(chainLines)]);
  return Object.fromEntries(lines);
}

function chainLines([name, { policy, rules }]: readonly [string, PlainChain]): readonly string[] {
  const header = policy === null ? `:${name}` : `:${name} ${policy}`;
  return [
    header,
    ...rules.map(({ asked, does }) => ['-A', name, ...asked.map(({ text }) => text), ...doesText(does)].join(' ')),
  ];
}

function doesText(does: Does): readonly string[] {
  switch (does.kind) {
    case 'jump':
      return ['-j', does.chain];
    case 'goto':
      return ['-g', does.chain];
    case 'mark':
      return [`-j MARK --set-xmark 0x${does.value.toString(16)}/0x${does.mask.toString(16)}`];
    case 'send':
      return [`-j DNAT --to-destination ${does.backend}`];
    case 'none':
      return [];
    default:
      return ['-j', does.kind.toUpperCase()];
  }
}

/** A packet on its way, or where it ended. */
interface State {
  readonly mark: number;
  readonly weight: number;
  readonly end: string | null;
}

/** What can happen and its weight: `10.244.1.2:80 masqueraded`, `10.244.1.2:80 plain`, `drop`, `reject`, `none`. */
export function outcomesOf(rules: PlainRules, packet: PlainPacket): ReadonlyMap<string, number> {
  const { made } = packet;
  const overLoopback = made ? { ...packet, interface: 'lo' } : packet;
  const first = made ? 'OUTPUT' : 'PREROUTING';
  const hooks: (readonly [TableName, string, PlainPacket])[] = [
    ['raw', first, packet],
    ['mangle', first, packet],
    ['nat', first, packet],
  ];
  if (made) hooks.push(['filter', 'OUTPUT', packet]);
  if (packet.toNode) hooks.push(['mangle', 'INPUT', overLoopback], ['filter', 'INPUT', overLoopback]);
  else if (!made) hooks.push(['mangle', 'FORWARD', packet], ['filter', 'FORWARD', packet]);
  const outcomes = new Map<string, number>();
  let live: readonly State[] = [{ mark: 0, weight: 1, end: null }];
  for (const [table, hook, own] of hooks) {
    const states = live.flatMap((state) => walkHook({ rules, table, packet: own }, hook, state));
    for (const state of states) if (state.end !== null) add(outcomes, outcomeOf(rules, packet, state), state.weight);
    live = states.filter(({ end }) => end === null);
  }
  for (const { weight } of live) add(outcomes, 'none', weight);
  return outcomes;
}

function add(outcomes: Map<string, number>, outcome: string, weight: number): void {
  if (weight > 0) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + weight);
}

function outcomeOf(rules: PlainRules, packet: PlainPacket, { mark, end }: State): string {
  if (end === null || !end.includes(':')) return end ?? 'none';
  const [sent] = walkHook({ rules, table: 'nat', packet }, 'POSTROUTING', { mark, weight: 1, end: null });
  return sent?.end === 'masquerade' ? `${end} masqueraded` : `${end} plain`;
}

interface Way {
  readonly rules: PlainRules;
  readonly table: TableName;
  readonly packet: PlainPacket;
}

function walkHook(way: Way, hook: string, state: State): readonly State[] {
  const chain = way.rules[way.table]?.[hook];
  if (chain === undefined) return [state];
  const { ended, returned } = walkChain(way, hook, state);
  const accepted = ended.map((one) => (one.end === 'accept' ? { ...one, end: null } : one));
  return [...accepted, ...returned.map((one) => (chain.policy === 'DROP' ? { ...one, end: 'drop' } : one))];
}

interface Walked {
  readonly ended: readonly State[];
  readonly returned: readonly State[];
}

function walkChain(way: Way, name: string, state: State): Walked {
  const ended: State[] = [];
  const returned: State[] = [];
  let live: readonly State[] = [state];
  for (const { asked, does } of way.rules[way.table]?.[name]?.rules ?? []) {
    const next: State[] = [];
    for (const one of live) {
      const part = asked.reduce((product, each) => product * each.part(way.packet, one.mark), 1);
      if (part < 1) next.push({ ...one, weight: one.weight * (1 - part) });
      if (part === 0) continue;
      const taken = { ...one, weight: one.weight * part };
      switch (does.kind) {
        case 'jump':
        case 'goto': {
          const back = walkChain(way, does.chain, taken);
          ended.push(...back.ended);
          (does.kind === 'jump' ? next : returned).push(...back.returned);
          break;
        }
        case 'return':
          returned.push(taken);
          break;
        case 'none':
          next.push(taken);
          break;
        case 'mark':
          next.push({ ...taken, mark: ((taken.mark & ~does.mask) ^ does.value) >>> 0 });
          break;
        case 'send':
          ended.push({ ...taken, end: does.backend });
          break;
        default:
          ended.push({ ...taken, end: does.kind });
      }
    }
    live = next;
  }
  return { ended, returned: [...returned, ...live] };
}
