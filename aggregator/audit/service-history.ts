/**
 * Every Service, as it is and as it was in the last 24 hours, and which Services ask or asked for a frontend.
 *
 * The past is kept as the API's objects, not as what each node should have done: thousands of nodes share one past, and
 * what one of them should have done is worked out for the few frontends that drift on it.
 */
import type { Family } from '../../proto/address.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { EndpointSlice, Service } from '../model/cluster.ts';
import { ChangeLog } from './change-log.ts';
import { isSameService, withShared } from './same-input.ts';
import { ServiceState } from './service-state.ts';
import { UnfoldedStates } from './unfolded-states.ts';

/** A state of a Service, from this moment (Unix ms) to the start of the next span; null = there was no such Service. */
export interface Span {
  readonly from: number;
  readonly state: ServiceState | null;
}

/** One Service. The last span is the present; there always is one. */
export interface ServiceRecord {
  readonly key: string;
  readonly spans: readonly Span[];
}

export interface HistoryOptions {
  readonly historyHours: number;
  /** Past states of all Services that are kept; the one that ended first goes first. */
  readonly maxPast: number;
}

interface MutableRecord extends ServiceRecord {
  readonly spans: Span[];
}

/** In endpoints, of past states: some 20 MB. */
const mostUnfolded = 300_000;
const none: readonly ServiceRecord[] = [];
const nowhere: ReadonlySet<string> = new Set();

/** The state of a Service now; null when there is none. */
export function presentOf({ spans }: ServiceRecord): ServiceState | null {
  return spans.at(-1)?.state ?? null;
}

export class ServiceHistory {
  readonly #options: HistoryOptions;
  readonly #records = new Map<string, MutableRecord>();
  readonly #dependent = new Set<ServiceRecord>();
  /** By node, the Services with an endpoint there; null until somebody asks. */
  #byNode: Map<string, Set<ServiceRecord>> | null = null;
  readonly #claimants = new Map<FrontendKey, readonly ServiceRecord[]>();
  readonly #unfolded = new UnfoldedStates(mostUnfolded);
  readonly #endpoints: { [family in Family]: number } = { ipv4: 0, ipv6: 0 };
  /** One for each past span, in the order in which they ended; those before `#firstEnded` are gone. */
  #ended: { readonly record: MutableRecord; readonly at: number }[] = [];
  #firstEnded = 0;
  #dropped = 0;
  #begunAt: number | null = null;
  #reachesBackTo: number | null = null;
  readonly log = new ChangeLog();

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** Since when all Services are known, as far as nothing was dropped; null = not yet. Unix ms. */
  get reachesBackTo(): number | null {
    return this.#reachesBackTo;
  }

  /** When all Services were known first: what was seen then did not change then. Null = not yet. Unix ms. */
  get begunAt(): number | null {
    return this.#begunAt;
  }

  /** Spans that ended, of all Services. */
  get pastStates(): number {
    return this.#ended.length - this.#firstEnded;
  }

  /** Past states that were dropped because there were too many. */
  get droppedStates(): number {
    return this.#dropped;
  }

  get endpoints(): { readonly [family in Family]: number } {
    return this.#endpoints;
  }

  record(key: string): ServiceRecord | null {
    return this.#records.get(key) ?? null;
  }

  records(): Iterable<ServiceRecord> {
    return this.#records.values();
  }

  /** The Services that ask different things of nodes of one class. */
  dependent(): Iterable<ServiceRecord> {
    return this.#dependent;
  }

  /** The Services that have an endpoint on a node. */
  withEndpointsOn(node: string): Iterable<ServiceRecord> {
    if (this.#byNode === null) {
      this.#byNode = new Map();
      for (const record of this.#records.values()) this.#locate(record, null, presentOf(record));
    }
    return this.#byNode.get(node) ?? none;
  }

  /** The Services that ask for a frontend now, or did at some time that is remembered. */
  claimants(key: FrontendKey): readonly ServiceRecord[] {
    return this.#claimants.get(key) ?? none;
  }

  /** From now on all Services are known: what was seen before it was only a part, and becomes no past. */
  begin(now: number): void {
    if (this.#reachesBackTo !== null) return;
    this.#begunAt = now;
    this.#reachesBackTo = now;
    for (const record of this.#records.values()) record.spans.splice(0, 1, { from: now, state: presentOf(record) });
  }

  /** @param service null = deleted. @returns whether anything changed that nodes heed. */
  set(key: string, service: Service | null, slices: readonly EndpointSlice[], now: number): boolean {
    const record = this.#records.get(key);
    const before = record === undefined ? null : presentOf(record);
    const after = service === null ? null : stateOf(service, slices, before);
    if (before === after) return false;
    const changed = record ?? this.#newRecord(key, now);
    this.#locate(changed, before, after);
    this.#add(changed, { from: now, state: after });
    this.#count(before, -1);
    this.#count(after, 1);
    if (after?.dependsOnNode) this.#dependent.add(changed);
    else this.#dependent.delete(changed);
    for (const { key: frontend } of after?.asked ?? []) this.#claim(frontend, changed);
    this.log.add(changed, before?.asked, after?.asked);
    this.#removeEmpty(changed);
    return true;
  }

  /** Drops what ended longer ago than the history reaches. */
  expire(now: number): void {
    const horizon = now - this.#options.historyHours * 3_600_000;
    for (let next = this.#ended[this.#firstEnded]; next !== undefined; next = this.#ended[this.#firstEnded]) {
      if (next.at > horizon) break;
      this.#dropFirst();
    }
    if (this.#reachesBackTo !== null) this.#reachesBackTo = Math.max(this.#reachesBackTo, horizon);
  }

  #newRecord(key: string, now: number): MutableRecord {
    const from = Math.min(this.#reachesBackTo ?? now, now);
    const record: MutableRecord = { key, spans: [{ from, state: null }] };
    this.#records.set(key, record);
    return record;
  }

  /** Ends the present of a Service; one that lasted no time at all, or was not known to be whole, leaves no past. */
  #add(record: MutableRecord, span: Span): void {
    const { spans } = record;
    const last = spans.at(-1);
    last?.state?.retire(this.#unfolded);
    if (last !== undefined && (this.#reachesBackTo === null || last.from >= span.from)) {
      spans.pop();
      if (last.state !== null) this.#forget(record, last.state);
    }
    spans.push(span);
    if (spans.length > 1 && spans.at(-2) === last) this.#ended.push({ record, at: span.from });
    while (this.pastStates > this.#options.maxPast) {
      this.#dropped++;
      this.#dropFirst();
    }
  }

  #dropFirst(): void {
    const record = this.#ended[this.#firstEnded]?.record;
    this.#firstEnded++;
    if (this.#firstEnded * 2 > this.#ended.length) {
      this.#ended = this.#ended.slice(this.#firstEnded);
      this.#firstEnded = 0;
    }
    const state = record?.spans.shift()?.state;
    if (record === undefined) return;
    if (state) this.#forget(record, state);
    this.#removeEmpty(record);
  }

  /** There is no such Service, and nothing is remembered of it. */
  #removeEmpty({ key, spans }: ServiceRecord): void {
    if (spans.length === 1 && spans[0]?.state === null) this.#records.delete(key);
  }

  /** A state is not remembered any more: the Service is no claimant of frontends that no other state of it asks for. */
  #forget(record: ServiceRecord, { asked }: ServiceState): void {
    const others = new Set(record.spans.map(({ state }) => state?.asked));
    if (others.has(asked)) return;
    const keys = new Set([...others].flatMap((frontends) => (frontends ?? []).map(({ key }) => key)));
    for (const { key } of asked) {
      if (keys.has(key)) continue;
      const left = this.claimants(key).filter((one) => one !== record);
      if (left.length === 0) this.#claimants.delete(key);
      else this.#claimants.set(key, left);
    }
  }

  #claim(key: FrontendKey, record: ServiceRecord): void {
    const known = this.claimants(key);
    if (!known.includes(record)) this.#claimants.set(key, [...known, record]);
  }

  #locate(record: ServiceRecord, before: ServiceState | null, after: ServiceState | null): void {
    const byNode = this.#byNode;
    if (byNode === null) return;
    const [was, is] = [before?.endpointNodes() ?? nowhere, after?.endpointNodes() ?? nowhere];
    for (const node of was) if (!is.has(node)) byNode.get(node)?.delete(record);
    for (const node of is) {
      const there = byNode.get(node);
      if (there === undefined) byNode.set(node, new Set([record]));
      else there.add(record);
    }
  }

  #count(state: ServiceState | null, sign: 1 | -1): void {
    if (state === null) return;
    this.#endpoints.ipv4 += sign * state.endpoints.ipv4;
    this.#endpoints.ipv6 += sign * state.endpoints.ipv6;
  }
}

/** The state of these objects: the very one from before when nothing changed that nodes heed. */
function stateOf(service: Service, slices: readonly EndpointSlice[], before: ServiceState | null): ServiceState {
  if (before === null) return new ServiceState(service, slices);
  const sameService = isSameService(before.service, service) ? before.service : service;
  const shared = withShared(before.slices, slices);
  if (sameService === before.service && shared === before.slices) return before;
  return new ServiceState(sameService, shared, before);
}
