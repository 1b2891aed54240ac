/**
 * What every node of a large cluster should do now, and what was desired of it in the last 24 hours. Changes are taken
 * in as they come, and cost nothing per node; a node's table is worked out when somebody asks for it, out of what it has
 * alike with others (desired-layer.ts) and what it has not. Whatever the order of changes, the tables are those of
 * desiredState (desired.ts), by the same formula.
 */
import type { Family } from '../../proto/address.ts';
import type { Leaf, TreeDigests } from '../../proto/bucket-tree.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import type { ClusterNode, EndpointSlice, Service } from '../model/cluster.ts';
import type { FrontendKind } from '../model/desired.ts';
import type { KnownLeaves } from '../model/feeds.ts';
import type { Figure } from '../model/record.ts';
import type { PastEntry } from './claims.ts';
import { pastOf } from './claims.ts';
import { isSupportedMode } from './desired.ts';
import type { DesiredNodeTable } from './desired-layer.ts';
import { LeafRegister } from './leaf-register.ts';
import type { HistoryOptions, ServiceRecord } from './service-history.ts';
import { presentOf, ServiceHistory } from './service-history.ts';
import { isLargeCount } from './service-ports.ts';
import { standingsOf } from './standing.ts';
import { StandingLayers } from './standing-layers.ts';

export type { DesiredNodeTable } from './desired-layer.ts';

/** What is known of a node: the API's object, and its agent's word. */
export interface BookedNode {
  readonly apiNode: ClusterNode;
  readonly profile: NodeProfile;
}

/** The kinds that must both be listed before what nodes should do is known. */
export type ListedKind = 'services' | 'endpointslices';

/** All times are Unix milliseconds. */
export class DesiredBook implements KnownLeaves {
  readonly #history: ServiceHistory;
  readonly #register = new LeafRegister();
  readonly #layers: StandingLayers;
  readonly #listed = new Set<ListedKind>();
  #relistedAt: number | null = null;
  #changedAt: number | null = null;

  constructor(options: HistoryOptions) {
    this.#history = new ServiceHistory(options);
    this.#layers = new StandingLayers({ history: this.#history, register: this.#register });
  }

  /**
   * Sets one Service and all its slices; null = deleted. What changes nothing that nodes heed, as annotations do, is no
   * change, whatever time a slice's annotation names: what a change triggered is seen after it was triggered.
   * @param key `namespace/name`
   */
  setService(key: string, service: Service | null, slices: readonly EndpointSlice[], now: number): void {
    const hasChanged = this.#history.set(key, service, slices, now);
    const { begunAt } = this.#history;
    if (hasChanged && begunAt !== null && now > begunAt) this.#changedAt = now;
  }

  /** Sets a node; null = nothing is known of it any more. The past is told for the node as it is now. */
  setNode(name: string, node: BookedNode | null): void {
    this.#layers.place(name, node === null ? null : standingsOfKnown(node));
  }

  /**
   * A kind was listed whole, for the first time or anew: every grace begins again, and what is known of the past is
   * kept. Before both kinds were listed once there is no past.
   */
  relisted(kind: ListedKind, now: number): void {
    this.#listed.add(kind);
    this.#relistedAt = now;
    if (this.#listed.has('services') && this.#listed.has('endpointslices')) this.#history.begin(now);
  }

  /** The table that a node should have now; null where the node or its mode is not known. Cached until it changes. */
  desired(name: string): DesiredNodeTable | null {
    return this.#layers.settle(name);
  }

  leaf(digest: string): Leaf | null {
    return this.#register.leaf(digest);
  }

  tree(root: string): TreeDigests | null {
    return this.#register.tree(root);
  }

  /**
   * What was desired of a frontend of one node before, newest first, the present left out; a time when nobody asked for
   * it is told too. Computed while it is read: stop when you know enough.
   */
  past(name: string, key: FrontendKey): Iterable<PastEntry> {
    const standing = this.#layers.standing(name);
    return standing === null ? [] : pastOf(this.#history.claimants(key), key, standing);
  }

  /** Since when what was desired is known, as far as nothing was dropped for room; null before both kinds were listed. */
  reachesBackTo(): number | null {
    return this.#history.reachesBackTo;
  }

  /**
   * When what is asked at a frontend last changed, or was learnt anew: the last change of its Services, the moment when
   * nobody asked for it any more, or the last list, whichever is later. Null before anything was listed.
   */
  changedAt(key: FrontendKey): number | null {
    const times = this.#history.claimants(key).map((record) => askedLastAt(record, key));
    return latest([...times, this.#relistedAt]);
  }

  /** When a Service or its slices last changed in a way that nodes heed; null = not since all Services are known. */
  serviceChangedAt(serviceKey: string): number | null {
    const from = this.#history.record(serviceKey)?.spans.at(-1)?.from ?? null;
    const { begunAt } = this.#history;
    return from === null || begunAt === null || from <= begunAt ? null : from;
  }

  /** When any Service last changed in a way that nodes heed; null = not since all Services are known. */
  lastChangeAt(): number | null {
    return this.#changedAt;
  }

  /** The frontends that a Service asks nodes for now. */
  frontendsOf(serviceKey: string): readonly { readonly key: FrontendKey; readonly kind: FrontendKind }[] {
    const record = this.#history.record(serviceKey);
    const asked = (record === null ? null : presentOf(record))?.asked ?? [];
    return asked.map(({ key, kind }) => ({ key, kind }));
  }

  /** Whether kube-proxy's iptables mode is in its large-cluster way, per family. */
  largeCluster(): { readonly [family in Family]: boolean } {
    return isLargeCount(this.#history.endpoints);
  }

  /** Drops what ended longer ago than the history reaches. Costs nothing when there is nothing to drop. */
  expire(now: number): void {
    this.#history.expire(now);
  }

  figures(): readonly Figure[] {
    const gauge = (name: string, help: string, value: number): Figure => ({ name, help, kind: 'gauge', value });
    return [
      gauge('plumbline_desired_classes', 'Kinds of nodes that have tables of their own.', this.#layers.classes),
      gauge('plumbline_desired_buckets', 'Different buckets of all desired tables.', this.#register.size),
      gauge('plumbline_desired_past_states', 'Past states of Services that are remembered.', this.#history.pastStates),
      {
        name: 'plumbline_desired_past_states_dropped_total',
        help: 'Past states of Services that were dropped for want of room.',
        kind: 'counter',
        value: this.#history.droppedStates,
      },
    ];
  }
}

function standingsOfKnown({ apiNode, profile }: BookedNode) {
  const { mode } = profile;
  return mode.source === 'unknown' || !isSupportedMode(mode.value) ? null : standingsOf(apiNode, profile);
}

/** When the Service last changed if it asks for the frontend now, else when it ceased to. */
function askedLastAt({ spans }: ServiceRecord, key: FrontendKey): number | null {
  let until: number | null = null;
  for (let index = spans.length - 1; index >= 0; index--) {
    const span = spans[index];
    if (span === undefined) return null;
    if (span.state?.asked.some((asked) => asked.key === key)) return until ?? span.from;
    until = span.from;
  }
  return null;
}

function latest(times: readonly (number | null)[]): number | null {
  return times.reduce((a, b) => (a === null ? b : b === null ? a : Math.max(a, b)), null);
}
