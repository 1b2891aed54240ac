/**
 * What rules do with packets that the load balancer has in hand. They are sent on from LOCAL_OUT, so filter OUTPUT sees
 * them, addressed to a backend now, and after it nat POSTROUTING:
 *
 *     -A KUBE-IPVS-OUT-FILTER -s 203.0.113.11/32 -m ipvs --vproto 6 --vaddr 203.0.113.11 --vport 80 -j DROP
 *     -A KUBE-POSTROUTING -m comment --comment "..." -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
 *
 * As everywhere, what strangers' rules do with packets to a backend is not judged: in filter OUTPUT a rule counts only
 * if it asks for the virtual server or for a mark, in POSTROUTING only if it asks for a set or a mark.
 */
import type { Address } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import { contains, emptySet, isEmpty, type PrefixSet, subtract, union } from '../../../proto/prefixes.ts';
import { matchesMark } from '../matching.ts';
import { changeMark } from '../pieces.ts';
import type { Condition } from '../rule-plan.ts';
import { cut, type WalkedTable } from '../rule-tables.ts';
import type { ServerKey } from './server.ts';

const maxDepth = 32;

/** Packets in the load balancer's hands. */
interface InHand {
  readonly server: ServerKey;
  readonly protocol: Protocol;
  readonly mark: number;
  readonly sources: PrefixSet;
}

interface Refused {
  readonly dropped: PrefixSet;
  readonly rejected: PrefixSet;
}

const nothingRefused: Refused = { dropped: emptySet, rejected: emptySet };

/** Filter OUTPUT, as packets meet it behind the load balancer. */
export class OutFilter {
  readonly #filter: WalkedTable | undefined;
  readonly #hook: number;
  /** Virtual servers that some rule asks for; null = some rule may refuse others too. */
  readonly #named: ReadonlySet<ServerKey> | null;

  constructor(filter: WalkedTable | undefined) {
    this.#filter = filter;
    this.#hook = filter?.table.findChain('OUTPUT') ?? -1;
    this.#named = filter === undefined || this.#hook < 0 ? new Set() : namedServers(filter);
  }

  /** The sources whose packets are refused. */
  refuses(packets: InHand): Refused {
    if (this.#filter === undefined || this.#hook < 0 || this.#named?.has(packets.server) === false) {
      return nothingRefused;
    }
    const refused = { dropped: emptySet, rejected: emptySet };
    refuse({ filter: this.#filter, packets, refused }, this.#hook, packets.sources, 0);
    return refused;
  }
}

function namedServers(filter: WalkedTable): ReadonlySet<ServerKey> | null {
  const named = new Set<ServerKey>();
  for (let rule = 0; rule < filter.table.ruleCount; rule++) {
    const { conditions, action } = filter.plan(rule);
    if (action.kind !== 'drop' && action.kind !== 'reject') continue;
    for (const condition of conditions) {
      if (condition.kind === 'mark' || (condition.kind === 'balanced' && condition.server === null)) return null;
      if (condition.kind === 'balanced' && condition.server !== null) named.add(condition.server);
    }
  }
  return named;
}

interface Refusing {
  readonly filter: WalkedTable;
  readonly packets: InHand;
  readonly refused: { dropped: PrefixSet; rejected: PrefixSet };
}

/** Walks a chain; returns the sources that come back to the caller. */
function refuse(way: Refusing, chain: number, arriving: PrefixSet, depth: number): PrefixSet {
  const { filter, refused } = way;
  if (depth > maxDepth || filter.isIdle(chain)) return arriving;
  let live = arriving;
  let returned = emptySet;
  for (let rule = filter.firstRule(chain); rule < filter.endOfRules(chain) && !isEmpty(live); rule++) {
    const { conditions, action } = filter.plan(rule);
    const isJump = action.kind === 'jump';
    if (!isJump && !conditions.some(({ kind }) => kind === 'balanced' || kind === 'mark')) continue;
    const met = sourcesMeeting(way, rule, live);
    if (isEmpty(met)) continue;
    const others = subtract(live, met);
    if (isJump) live = union(others, refuse(way, filter.operandId(rule, action.operand), met, depth + 1));
    else if (action.kind === 'drop') refused.dropped = union(refused.dropped, met);
    else if (action.kind === 'reject') refused.rejected = union(refused.rejected, met);
    else if (action.kind === 'return') returned = union(returned, met);
    if (['drop', 'reject', 'return', 'accept'].includes(action.kind)) live = others;
  }
  return union(live, returned);
}

/** The sources that meet every condition of a rule; none where it asks for what is not judged here. */
function sourcesMeeting({ filter, packets }: Refusing, rule: number, sources: PrefixSet): PrefixSet {
  let met = sources;
  for (const condition of filter.plan(rule).conditions) {
    if (condition.kind === 'source') {
      const set = filter.prefixes(rule, condition.prefix);
      if (set === null) return emptySet;
      const { inside, outside } = cut(met, set);
      met = (condition.negated ? outside : inside) ?? emptySet;
    } else if (!holds(condition, packets)) return emptySet;
  }
  return met;
}

function holds(condition: Condition, { server, protocol, mark }: InHand): boolean {
  switch (condition.kind) {
    case 'balanced':
      return (condition.server === null || condition.server === server) !== condition.negated;
    case 'mark':
      return matchesMark(condition, mark);
    case 'protocol':
      return (condition.protocol === protocol) !== condition.negated;
    default:
      return false;
  }
}

/** Says of each backend whether it is masqueraded when it reaches itself; the answers are remembered. */
export function hairpinsOf(nat: WalkedTable | undefined): (protocol: Protocol, backend: Reached) => boolean {
  const hook = nat?.table.findChain('POSTROUTING') ?? -1;
  if (nat === undefined || hook < 0) return () => false;
  const answers = new Map<string, boolean>();
  return (protocol, { address, port }) => {
    const key = `${protocol} ${address} ${port}`;
    let answer = answers.get(key);
    if (answer === undefined) {
      answer = endOf({ nat, protocol, address, port }, hook, 0, 0) === 'masqueraded';
      answers.set(key, answer);
    }
    return answer;
  };
}

/** A backend that packets go to. */
interface Reached {
  readonly address: Address;
  readonly port: number;
}

interface Hairpin extends Reached {
  readonly nat: WalkedTable;
  readonly protocol: Protocol;
}

type End = 'masqueraded' | 'accepted' | { readonly mark: number };

/** Walks a chain with a packet from a backend to itself. */
function endOf(way: Hairpin, chain: number, arriving: number, depth: number): End {
  const { nat } = way;
  if (depth > maxDepth || nat.isIdle(chain)) return { mark: arriving };
  let mark = arriving;
  for (let rule = nat.firstRule(chain); rule < nat.endOfRules(chain); rule++) {
    const { conditions, action } = nat.plan(rule);
    if (!conditions.every((asked) => holdsForHairpin(way, asked, mark))) continue;
    if (action.kind === 'masquerade') return 'masqueraded';
    if (action.kind === 'accept') return 'accepted';
    if (action.kind === 'return') return { mark };
    if (action.kind === 'mark') mark = changeMark(mark, action);
    if (action.kind !== 'jump') continue;
    const end = endOf(way, nat.operandId(rule, action.operand), mark, depth + 1);
    if (typeof end === 'string' || action.goto) return end;
    mark = end.mark;
  }
  return { mark };
}

function holdsForHairpin({ nat, protocol, address, port }: Hairpin, condition: Condition, mark: number): boolean {
  switch (condition.kind) {
    case 'mark':
      return matchesMark(condition, mark);
    case 'protocol':
      return (condition.protocol === protocol) !== condition.negated;
    case 'set': {
      const family = nat.family;
      const found = nat.sets?.sources(condition.name, condition.sides, {
        family,
        protocol,
        destination: address,
        port,
        fromNode: false,
      });
      return found !== null && found !== undefined && contains(found, address) !== condition.negated;
    }
    default:
      return false;
  }
}
