/**
 * Endpoint chains: they send every packet of their protocol to one backend, whatever else it is.
 *
 *     -A KUBE-SEP-ABC -s 10.244.1.2/32 -j KUBE-MARK-MASQ
 *     -A KUBE-SEP-ABC -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:8080
 *
 * Worked out once, they make a walk of a table with a hundred thousand endpoints as short as one with ten. A chain that is
 * anything else is walked rule by rule (walk.ts).
 */
import { type Backend, parseBackend } from '../../proto/address.ts';
import type { Plan } from './rule-plan.ts';
import type { WalkedTable } from './rule-tables.ts';

/** What a MARK target does: mark = (mark & ~mask) ^ value. */
export interface MarkChange {
  readonly value: number;
  readonly mask: number;
}

/** What endpoint chains have in common: there are as many kinds as protocols. */
interface EndpointKind {
  /** The protocol that the DNAT asks for; null = any. */
  readonly protocol: string | null;
  readonly ownMark: MarkChange | null;
}

/** Chains that send every packet of their protocol to one backend, by chain; three arrays instead of an object each. */
export interface Endpoints {
  /** Undefined where the chain is something else. */
  readonly backends: readonly (Backend | undefined)[];
  /** Index into `kinds`. */
  readonly kindOf: Uint8Array;
  readonly kinds: readonly EndpointKind[];
  /** The list that remembers the client, where there is one. */
  readonly stores: ReadonlyMap<number, string>;
}

/**
 * All chains of a table at once and in order: they are asked for in the order of services, and a hundred thousand jumps
 * about in memory would cost more than all the rest.
 */
export function readEndpoints(table: WalkedTable): Endpoints {
  return new EndpointReader(table).readAll();
}

/** Remembers what marking chains do while all endpoint chains are read. */
class EndpointReader {
  readonly #table: WalkedTable;
  readonly #markers = new Map<number, MarkChange | null>();

  constructor(table: WalkedTable) {
    this.#table = table;
  }

  readAll(): Endpoints {
    const count = this.#table.table.chainCount;
    const backends = new Array<Backend | undefined>(count);
    const kindOf = new Uint8Array(count);
    const kinds: EndpointKind[] = [];
    const stores = new Map<number, string>();
    for (let chain = 0; chain < count; chain++) backends[chain] = this.#readEndpoint(chain, kindOf, kinds, stores);
    return { backends, kindOf, kinds, stores };
  }

  /** The one backend of a chain, noting its kind and list; undefined when the chain is something else. */
  #readEndpoint(
    chain: number,
    kindOf: Uint8Array,
    kinds: EndpointKind[],
    lists: Map<number, string>,
  ): Backend | undefined {
    const table = this.#table;
    const end = table.endOfRules(chain);
    let markedBy = -1;
    let ownMark: MarkChange | null = null;
    for (let rule = table.firstRule(chain); rule < end; rule++) {
      const plan = table.plan(rule);
      if (plan.action.kind === 'pass') continue;
      if (plan.action.kind === 'jump') {
        ownMark = markedBy < 0 ? this.#ownMark(rule, plan) : null;
        if (ownMark === null) return undefined;
        markedBy = rule;
        continue;
      }
      if (plan.action.kind !== 'dnat' || plan.conditions.length > 1) return undefined;
      const condition = plan.conditions[0];
      if (condition !== undefined && (condition.kind !== 'protocol' || condition.negated)) return undefined;
      const backend = parseBackend(table.operandText(rule, plan.action.to));
      if (backend === null || (markedBy >= 0 && !this.#isFrom(markedBy, backend))) return undefined;
      const kind = kindIndex(kinds, condition?.protocol ?? null, ownMark);
      if (kind > 255) return undefined;
      kindOf[chain] = kind;
      if (plan.stores !== null) lists.set(chain, table.operandText(rule, plan.stores));
      return backend;
    }
    return undefined;
  }

  /** What `-s HOST -j MARKER` marks: the rule by which an endpoint that calls itself is masqueraded. */
  #ownMark(rule: number, { action, conditions }: Plan): MarkChange | null {
    const condition = conditions[0];
    if (action.kind !== 'jump' || conditions.length !== 1 || condition?.kind !== 'source' || condition.negated)
      return null;
    return this.#marker(this.#table.operandId(rule, action.operand));
  }

  /** Whether a rule asks for exactly the backend's address as source. */
  #isFrom(rule: number, backend: Backend): boolean {
    const condition = this.#table.plan(rule).conditions[0];
    if (condition?.kind !== 'source') return false;
    const colon = backend.lastIndexOf(':');
    if (this.#table.family === 'ipv4') return this.#table.operandIs(rule, condition.prefix, backend, colon, '/32');
    return this.#table.operandText(rule, condition.prefix) === `${backend.slice(1, colon - 1)}/128`;
  }

  /** The mark a chain sets on every packet before it returns; null when it does anything else. */
  #marker(chain: number): MarkChange | null {
    let marker = this.#markers.get(chain);
    if (marker === undefined) {
      marker = this.#readMarker(chain);
      this.#markers.set(chain, marker);
    }
    return marker;
  }

  #readMarker(chain: number): MarkChange | null {
    const table = this.#table;
    const first = table.firstRule(chain);
    if (table.endOfRules(chain) !== first + 1) return null;
    const { conditions, action } = table.plan(first);
    return conditions.length === 0 && action.kind === 'mark' ? { value: action.value, mask: action.mask } : null;
  }
}

function kindIndex(kinds: EndpointKind[], protocol: string | null, ownMark: MarkChange | null): number {
  const known = kinds.findIndex((kind) => kind.protocol === protocol && kind.ownMark === ownMark);
  return known < 0 ? kinds.push({ protocol, ownMark }) - 1 : known;
}
