/** Whether a frontend that drifts shows what was desired of it before, and until when that was so. */
import { entryDigest } from '../../proto/canonical.ts';
import type { Staleness } from '../model/check.ts';
import type { Drift } from '../model/drift.ts';
import type { PastEntry } from './claims.ts';
import { timestampOf } from './timestamp.ts';

/** A Service that changes all the time has many past states; a node that lags shows one of the newest. */
const mostRead = 500;
/** What was desired of it earlier still only helps to find a moment that many frontends share. */
const mostReadOnceFound = 40;

/**
 * The newest past state that a drifted frontend shows, else that it shows none. Nothing there is a state too: a frontend
 * that is missing shows the time when nobody asked for it. What could not be read shows nothing.
 * @param past newest first; read only as far as needed.
 */
export function stalenessOf(drift: Drift, past: Iterable<PastEntry>): Staleness {
  if (drift.kind === 'unknown') return { shows: 'never-wanted' };
  const shown = drift.kind === 'missing' ? null : entryDigest(drift.key, drift.real);
  const times: { from: string; until: string }[] = [];
  let read = 0;
  for (const { digest, from, until } of past) {
    if (digest === shown) times.push({ from: timestampOf(from), until: timestampOf(until) });
    if (++read >= (times.length === 0 ? mostRead : mostReadOnceFound)) break;
  }
  const [newest, ...earlier] = times;
  if (newest === undefined) return { shows: 'never-wanted' };
  return earlier.length === 0 ? { shows: 'past-state', ...newest } : { shows: 'past-state', ...newest, earlier };
}
