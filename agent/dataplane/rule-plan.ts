/**
 * What a rule asks of a packet, worked out once per shape of rule. Thousands of rules share a shape (see
 * node-iptables-parse): they differ only in their operands, which a plan names by position.
 *
 * Follows iptables-extensions(8). Sample lines:
 *   -A KUBE-SEP-ABC -s 10.244.1.2/32 -j KUBE-MARK-MASQ
 *   -A KUBE-SVC-DEF -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-ABC
 *   -A KUBE-SEP-ABC -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:8080
 */
import type { Match, Rule, Slot } from 'node-iptables-parse';
import type { UnknownReason } from '../../proto/forwarding.ts';
import { balancedBy } from './ipvs/balanced-match.ts';
import type { ServerKey } from './ipvs/server.ts';
import { type Action, actionOf } from './rule-action.ts';
import { type Operand, operandOf } from './rule-operand.ts';

/** One thing asked of a packet. What holds for every new connection, or only counts, is left out. */
export type Condition =
  | { readonly kind: 'protocol'; readonly protocol: string; readonly negated: boolean }
  | { readonly kind: 'source'; readonly prefix: Operand; readonly negated: boolean }
  | { readonly kind: 'destination'; readonly prefix: Operand; readonly negated: boolean }
  | { readonly kind: 'destination-port'; readonly port: Operand; readonly negated: boolean }
  | {
      readonly kind: 'destination-ports';
      readonly ports: readonly { readonly first: number; readonly last: number }[];
      readonly negated: boolean;
    }
  | { readonly kind: 'in-interface'; readonly pattern: string; readonly negated: boolean }
  | { readonly kind: 'out-interface'; readonly pattern: string; readonly negated: boolean }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number; readonly negated: boolean }
  | {
      readonly kind: 'address-type';
      readonly which: 'source' | 'destination';
      readonly types: readonly string[];
      readonly negated: boolean;
    }
  | { readonly kind: 'chance'; readonly probability: Operand | number; readonly negated: boolean }
  /** Seen before, within so many seconds: recent --rcheck or --update. */
  | { readonly kind: 'seen'; readonly name: Operand; readonly seconds: number | null; readonly negated: boolean }
  | {
      readonly kind: 'set';
      readonly name: string;
      readonly sides: readonly ('src' | 'dst')[];
      readonly negated: boolean;
    }
  /** Came in by a port of a bridge. */
  | { readonly kind: 'bridge-port'; readonly negated: boolean }
  /** The kernel's load balancer has it in hand, for this virtual server; null = for any. */
  | { readonly kind: 'balanced'; readonly server: ServerKey | null; readonly negated: boolean }
  | { readonly kind: 'never' }
  /** Cannot be decided from the rules alone. */
  | { readonly kind: 'undecided'; readonly reason: UnknownReason };

export interface Plan {
  readonly conditions: readonly Condition[];
  readonly action: Action;
  /** The operand that recent --set stores the source under; null when the rule stores none. */
  readonly stores: Operand | null;
}

/**
 * Works out the plan of a rule's shape.
 * @param rule any rule of the shape, typed.
 * @param slots the shape's slots; pass none to take every value from this very rule.
 */
export function planRule(rule: Rule, slots: readonly Slot[]): Plan {
  const conditions: Condition[] = [];
  let stores: Operand | null = null;
  for (const match of rule.matches) {
    if (match.kind === 'recent' && match.action === 'set' && !match.negated) {
      stores = operandOf(slots, 'recent-name', match.name);
      continue;
    }
    for (const condition of conditionsOf(match, slots)) {
      // `-p tcp -m tcp` asks for the protocol twice.
      const again = condition.kind === 'protocol' && conditions.some((known) => isSameProtocol(known, condition));
      if (!again) conditions.push(condition);
    }
  }
  conditions.sort((a, b) => rank(a) - rank(b));
  const action: Action =
    rule.unreadable === null ? actionOf(rule.target, slots) : { kind: 'unreadable', reason: 'unreadable-rule' };
  return { conditions, action, stores };
}

function isSameProtocol(a: Condition, b: Extract<Condition, { kind: 'protocol' }>): boolean {
  return a.kind === 'protocol' && a.protocol === b.protocol && a.negated === b.negated;
}

/** Whether a shape holds the same slot twice, so that its operands do not say which match they belong to. */
export function hasAmbiguousSlots(slots: readonly Slot[]): boolean {
  return new Set(slots).size !== slots.length;
}

/** Cheap and excluding conditions first; those that split a packet's sources, then chance, then doubt last. */
function rank(condition: Condition): number {
  switch (condition.kind) {
    case 'never':
      return 0;
    case 'protocol':
      return 1;
    case 'destination':
      return 2;
    case 'destination-port':
    case 'destination-ports':
      return 3;
    case 'mark':
    case 'address-type':
    case 'balanced':
      return 4;
    case 'in-interface':
    case 'out-interface':
      return 5;
    case 'source':
      return 6;
    // Without the sets they are as undecided as the others.
    case 'set':
    case 'bridge-port':
    case 'undecided':
      return 7;
    case 'seen':
      return 8;
    case 'chance':
      return 9;
  }
}

const never: readonly Condition[] = [{ kind: 'never' }];
const always: readonly Condition[] = [];

function undecided(reason: UnknownReason = 'undecided-match'): readonly Condition[] {
  return [{ kind: 'undecided', reason }];
}

/** `true` and `false` under a possible negation. */
function decided(holds: boolean, negated: boolean): readonly Condition[] {
  return holds !== negated ? always : never;
}

function conditionsOf(match: Match, slots: readonly Slot[]): readonly Condition[] {
  switch (match.kind) {
    case 'comment':
    case 'nfacct':
      return always;
    case 'source':
    case 'destination':
      return [{ kind: match.kind, prefix: operandOf(slots, match.kind, match.prefix), negated: match.negated }];
    case 'protocol':
      return [{ kind: 'protocol', protocol: match.protocol, negated: match.negated }];
    case 'inInterface':
      return [{ kind: 'in-interface', pattern: match.name, negated: match.negated }];
    case 'outInterface':
      return [{ kind: 'out-interface', pattern: match.name, negated: match.negated }];
    case 'fragment':
      return decided(false, match.negated);
    case 'mark':
      return [{ kind: 'mark', value: match.value, mask: match.mask, negated: match.negated }];
    // The connection is new: its mark is 0 until a rule saves one, which none of kube-proxy's does.
    case 'connmark':
      return decided(match.value === 0, match.negated);
    case 'tcp':
    case 'udp':
    case 'sctp':
    case 'udplite':
    case 'dccp':
      return portConditions(match, slots);
    case 'multiport':
      if (match.which !== 'destination') return undecided();
      return [{ kind: 'destination-ports', ports: match.ports, negated: match.negated }];
    case 'statistic':
      return [chanceOf(match, slots)];
    case 'recent':
      if (match.action === 'rcheck' || match.action === 'update') {
        const name = operandOf(slots, 'recent-name', match.name);
        return [{ kind: 'seen', name, seconds: match.seconds, negated: match.negated }];
      }
      return undecided();
    case 'conntrack':
      return conntrackConditions(match);
    case 'state':
      return decided(match.states.includes('NEW'), match.negated);
    case 'addrtype':
      return addressTypeConditions(match);
    case 'set': {
      const { name, dimensions: sides, negated, other } = match;
      return other.length > 0 ? undecided('set-not-read') : [{ kind: 'set', name, sides, negated }];
    }
    case 'physdev':
      return match.words.filter((word) => word !== '!').join(' ') === '--physdev-is-in'
        ? [{ kind: 'bridge-port', negated: match.negated }]
        : undecided();
    case 'ipvs': {
      const balanced = balancedBy(match.words);
      return balanced === null ? undecided() : [{ kind: 'balanced', ...balanced }];
    }
    // A packet that matters came in where its answer would go out.
    case 'rpfilter':
      return decided(!match.words.includes('--invert'), false);
    case 'other':
      return undecided('unreadable-match');
    default:
      return undecided();
  }
}

type PortMatch = Extract<Match, { destinationPorts: unknown }>;

function portConditions(match: PortMatch, slots: readonly Slot[]): readonly Condition[] {
  const { destinationPorts, sourcePorts } = match;
  const conditions: Condition[] = [{ kind: 'protocol', protocol: match.kind, negated: false }];
  if (destinationPorts !== null) {
    const { first, last, negated } = destinationPorts;
    const port = operandOf(slots, 'destination-port', first === last ? `${first}` : `${first}:${last}`);
    conditions.push({ kind: 'destination-port', port, negated });
  }
  // A client's port can be any: only a match on all of them is decided.
  if (sourcePorts !== null && !(sourcePorts.first === 0 && sourcePorts.last === 65535 && !sourcePorts.negated)) {
    conditions.push({ kind: 'undecided', reason: 'undecided-match' });
  }
  if (match.other.length > 0) conditions.push(...flagConditions(match.other));
  return conditions;
}

/** A new TCP connection begins with SYN alone: that decides the usual flag matches. */
function flagConditions(words: readonly string[]): readonly Condition[] {
  const negated = words[0] === '!';
  const [option, mask, wanted] = negated ? words.slice(1) : words;
  if (option === '--syn') return decided(true, negated);
  if (option !== '--tcp-flags' || mask === undefined || wanted === undefined || words.length > (negated ? 4 : 3)) {
    return undecided();
  }
  const masked = mask === 'ALL' || mask.split(',').includes('SYN');
  return decided(masked ? wanted === 'SYN' : wanted === 'NONE', negated);
}

function chanceOf(match: Extract<Match, { kind: 'statistic' }>, slots: readonly Slot[]): Condition {
  if (match.mode === 'nth') return { kind: 'chance', probability: 2 ** 31 / match.every, negated: match.negated };
  const operand = slots.indexOf('probability');
  const probability = operand < 0 ? match.probability : { operand };
  return { kind: 'chance', probability, negated: match.negated };
}

function conntrackConditions(match: Extract<Match, { kind: 'conntrack' }>): readonly Condition[] {
  const conditions: Condition[] = [];
  if (match.states !== null) conditions.push(...decided(match.states.names.includes('NEW'), match.states.negated));
  if (match.other.length > 0) conditions.push({ kind: 'undecided', reason: 'undecided-match' });
  return conditions;
}

function addressTypeConditions(match: Extract<Match, { kind: 'addrtype' }>): readonly Condition[] {
  const conditions: Condition[] = [];
  const { sourceType, destinationType } = match;
  if (sourceType !== null) {
    conditions.push({ kind: 'address-type', which: 'source', types: sourceType.types, negated: sourceType.negated });
  }
  if (destinationType !== null) {
    const { types, negated } = destinationType;
    conditions.push({ kind: 'address-type', which: 'destination', types, negated });
  }
  if (match.limitIn || match.limitOut) conditions.push({ kind: 'undecided', reason: 'undecided-match' });
  return conditions;
}
