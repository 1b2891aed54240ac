/** The rules behind entries of the table, which are known by their digests alone. */
import { entryDigest } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { Traced } from '../dataplane/iptables.ts';
import type { ReadEvidence } from '../reading.ts';

/**
 * Looks up the entries and shows the rules that their packets meet.
 * @param entries digests, see entryDigest.
 * @returns an answer for each, in their order; `repaired` where no entry of the table has that digest.
 */
export function evidenceOf(
  entries: readonly string[],
  { table, explain }: Pick<Traced, 'table' | 'explain'>,
): readonly ReadEvidence[] {
  const keys = findEntries(new Set(entries), table);
  return entries.map((entry) => {
    const key = keys.get(entry);
    if (key === undefined) return { entry, repaired: true, lines: [], total: 0 };
    const { total, first } = explain(key);
    return { entry, repaired: false, lines: first, total };
  });
}

function findEntries(wanted: ReadonlySet<string>, table: Traced['table']): ReadonlyMap<string, FrontendKey> {
  const found = new Map<string, FrontendKey>();
  for (const [key, { forwarding }] of table) {
    // Digests of all entries of a large node take a tenth of a second: not without need.
    if (found.size === wanted.size) break;
    const entry = entryDigest(key, forwarding);
    if (wanted.has(entry)) found.set(entry, key);
  }
  return found;
}
