/** One look at one node: what it should do beside what it does, as the checks will see it. */

import { entryDigest, parseFrontendKey } from '../../proto/canonical.ts';
import { parseServicePortName } from '../../proto/chain-names.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { type DriftMemo, tableDrift } from '../audit/bucket-drift.ts';
import type { DesiredBook, DesiredNodeTable } from '../audit/desired-book.ts';
import { type DriftContext, graceTimes, type PlacedDrifts, placeDrifts } from '../audit/grace.ts';
import { stalenessOf } from '../audit/staleness.ts';
import { comparable } from '../audit/view.ts';
import type { NodeView, Peers, Staleness } from '../model/check.ts';
import type { ClusterNode, ClusterObjects } from '../model/cluster.ts';
import type { DesiredOwner } from '../model/desired.ts';
import type { Drift } from '../model/drift.ts';
import type { NodeReport } from '../model/feeds.ts';

export interface LookInput {
  readonly report: NodeReport;
  readonly apiNode: ClusterNode | null;
  readonly book: DesiredBook;
  readonly objects: ClusterObjects;
  readonly peers: Peers;
  readonly memo: DriftMemo;
  /** When the API's objects were last listed whole: what was desired before is not known. Unix ms. */
  readonly rememberedSince: number;
  /** The look before; null when this is the first. */
  readonly before: { readonly report: NodeReport; readonly shown: ShownMarks } | null;
}

/** What each drifted frontend shows, and the last reading that showed something else; see DriftContext.shownSince. */
export type ShownMarks = ReadonlyMap<FrontendKey, { readonly entry: string | null; readonly since: number | null }>;

/** What a look saw, before any check was asked. */
export interface Seen {
  readonly view: NodeView;
  readonly placed: PlacedDrifts;
  readonly desiredRoot: string | null;
  readonly shown: ShownMarks;
}

/** Looks at a node's newest report. */
export function lookAt(input: LookInput): Seen {
  const { report, apiNode, book } = input;
  const { node: name, profile, parts } = report;
  const isRead = comparable(profile, parts) !== null;
  const desired = isRead && apiNode !== null ? book.desired(name) : null;
  const observed = isRead ? report.table : null;
  const drifts = desired === null || observed === null ? [] : tableDrift(desired.table, observed, input.memo);
  const times = graceTimes(parts.kubeProxy, book.largeCluster());
  const shown = shownMarks(drifts, input);
  const placed = placeDrifts(withUnlisted(drifts, report), contextOf(input, shown), times);
  const view: NodeView = {
    name,
    node: apiNode,
    profile,
    parts,
    desired: desired?.table ?? null,
    observed,
    drift: placed.judged,
    owners: new FrontendOwners(desired, report, placed.judged),
    largeCluster: book.largeCluster(),
    history: {
      reachesBackTo: new Date(input.rememberedSince).toISOString(),
      staleness: placed.staleness,
      desiredChangedAt: isoOrNull(book.lastChangeAt()),
    },
    objects: input.objects,
    peers: input.peers,
  };
  return { view, placed, desiredRoot: desired?.tree.root ?? null, shown };
}

/** Where the rules may serve more than they list, what is wanted and not listed is unknown instead of missing. */
function withUnlisted(drifts: readonly Drift[], { parts }: NodeReport): readonly Drift[] {
  const reason = parts.forwarding.state === 'ok' ? parts.forwarding.value.unlisted : null;
  if (reason === null) return drifts;
  return drifts.map((drift): Drift => {
    const { kind, key, frontend } = drift;
    return kind === 'missing' ? { kind: 'unknown', key, frontend, reason } : drift;
  });
}

function contextOf({ report, book, rememberedSince }: LookInput, shown: ShownMarks): (drift: Drift) => DriftContext {
  return (drift) => {
    const changedAt = book.changedAt(drift.key);
    const staleness = stalenessOf(drift, book.past(report.node, drift.key));
    // Nothing in the history equals it, and the history may be too short: it may have been wanted before.
    const isDated = staleness.shows === 'past-state' || (changedAt !== null && changedAt > rememberedSince);
    const dated: Staleness | null =
      staleness.shows === 'never-wanted' && changedAt !== null
        ? { ...staleness, changedAt: new Date(changedAt).toISOString() }
        : staleness;
    const shownSince = shown.get(drift.key)?.since ?? null;
    return { staleness: isDated ? dated : null, changedAt, readAt: report.readAt, shownSince };
  };
}

function shownMarks(drifts: readonly Drift[], { report, before }: LookInput): ShownMarks {
  return new Map(
    drifts.map(({ key }) => {
      const entry = digestIn(report, key);
      const mark = before?.shown.get(key);
      if (mark !== undefined && mark.entry === entry) return [key, mark] as const;
      const hasShown = before === null || digestIn(before.report, key) === entry;
      return [key, { entry, since: hasShown ? null : before.report.readAt }] as const;
    }),
  );
}

/** The digest of what a node does with a frontend; null when it does nothing. */
function digestIn({ table }: NodeReport, key: FrontendKey): string | null {
  const entry = table?.get(key);
  return entry === undefined ? null : entryDigest(key, entry.forwarding);
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/**
 * Who each frontend belongs to, without a map for each of thousands of nodes: the book's word for what is desired, an
 * accepted hint for what drifts and is desired by nobody.
 */
class FrontendOwners implements ReadonlyMap<FrontendKey, DesiredOwner> {
  readonly #desired: DesiredNodeTable | null;
  readonly #hinted: ReadonlyMap<FrontendKey, DesiredOwner>;

  constructor(desired: DesiredNodeTable | null, report: NodeReport, drifts: readonly Drift[]) {
    this.#desired = desired;
    const hinted = new Map<FrontendKey, DesiredOwner>();
    for (const { key } of drifts) {
      const owner = desired?.table.has(key) ? null : hintedOwner(key, report);
      if (owner !== null) hinted.set(key, owner);
    }
    this.#hinted = hinted;
  }

  get size(): number {
    return (this.#desired?.table.size ?? 0) + this.#hinted.size;
  }

  get(key: FrontendKey): DesiredOwner | undefined {
    return this.#desired?.owner(key) ?? this.#hinted.get(key);
  }

  has(key: FrontendKey): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[FrontendKey, DesiredOwner]> {
    for (const key of this.#desired?.table.keys() ?? []) {
      const owner = this.#desired?.owner(key);
      if (owner) yield [key, owner];
    }
    yield* this.#hinted;
  }

  *keys(): MapIterator<FrontendKey> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<DesiredOwner> {
    for (const [, owner] of this.entries()) yield owner;
  }

  [Symbol.iterator](): MapIterator<[FrontendKey, DesiredOwner]> {
    return this.entries();
  }

  forEach(visit: (owner: DesiredOwner, key: FrontendKey, map: ReadonlyMap<FrontendKey, DesiredOwner>) => void): void {
    for (const [key, owner] of this) visit(owner, key, this);
  }
}

function hintedOwner(key: FrontendKey, report: NodeReport): DesiredOwner | null {
  const hint = report.ownerHint(key);
  const port = hint === null ? null : parseServicePortName(hint);
  const frontend = parseFrontendKey(key);
  return port === null || frontend === null ? null : { ...port, protocol: frontend.protocol, kind: null };
}
