/** Pages of findings: first those that are open, from memory, then those that ended, from the journal. */
import type { Journal, TrackedFinding } from '../model/lifecycle.ts';
import type { AuditRecord } from '../model/record.ts';
import { cursorOf, type Place } from './cursor.ts';
import { type FindingQuery, matches } from './finding-filter.ts';
import { inOrder } from './finding-order.ts';
import { endedStates, openStates } from './schemas/finding.ts';

/** What one request reads of the journal at most; a rare filter over a long history gives a short page and a cursor. */
const mostRowsRead = 5_000;
const rowsAtOnce = 500;

export interface FindingPage {
  readonly items: readonly TrackedFinding[];
  /** Null when findings that ended are among those asked for: nobody counts them. */
  readonly total: number | null;
  readonly next: string | null;
}

/** Where a page begins that is not the first. */
export type FindingPlace = Extract<Place, { readonly in: 'open' | 'ended' }>;

interface Sources {
  readonly record: Pick<AuditRecord, 'findings'>;
  readonly journal: Pick<Journal, 'ended'>;
}

/**
 * @param place null for the first page.
 * @param limit at most this many items. A page may have fewer and still not be the last.
 */
export function findingPage(
  sources: Sources,
  query: FindingQuery,
  place: FindingPlace | null,
  limit: number,
): FindingPage {
  const wantsOpen = query.state === undefined || openStates.some((state) => query.state?.includes(state));
  const wantsEnded = endedStates.some((state) => query.state?.includes(state));
  if (place?.in === 'ended') return endedPage(sources.journal, query, place, limit);
  const open = wantsOpen ? openPage(sources.record, query, place, limit) : { items: [], total: 0, next: null };
  if (!wantsEnded || open.next !== null) return { ...open, total: wantsEnded ? null : open.total };
  const start = { in: 'ended', before: null } as const;
  const room = limit - open.items.length;
  if (room === 0) return { items: open.items, total: null, next: cursorOf(start) };
  const ended = endedPage(sources.journal, query, start, room);
  return { ...ended, items: [...open.items, ...ended.items] };
}

function openPage(
  record: Sources['record'],
  query: FindingQuery,
  place: Extract<Place, { readonly in: 'open' }> | null,
  limit: number,
): FindingPage {
  const wanted = inOrder(record.findings().filter((finding) => matches(finding, query)));
  const rest = place === null ? wanted : wanted.filter(({ position }) => position > place.position);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ finding }) => finding),
    total: wanted.length,
    next: last === undefined || shown.length === rest.length ? null : cursorOf({ in: 'open', position: last.position }),
  };
}

function endedPage(
  journal: Sources['journal'],
  query: FindingQuery,
  place: Extract<Place, { readonly in: 'ended' }>,
  limit: number,
): FindingPage {
  const items: TrackedFinding[] = [];
  let { before } = place;
  for (let read = 0; read < mostRowsRead; ) {
    const rows = journal.ended(before === null ? { limit: rowsAtOnce } : { limit: rowsAtOnce, before });
    for (const row of rows) {
      if (items.length === limit) return { items, total: null, next: cursorOf({ in: 'ended', before }) };
      before = { endedAt: row.endedAt ?? '', fingerprint: row.fingerprint };
      if (matches(row, query)) items.push(row);
    }
    if (rows.length < rowsAtOnce) return { items, total: null, next: null };
    read += rows.length;
  }
  return { items, total: null, next: cursorOf({ in: 'ended', before }) };
}
