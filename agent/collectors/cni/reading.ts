/** What the readers of CNI's files have in common: folders that may be absent, texts that are cut. */
import type { ListResult } from '../../host.ts';

const mostLetters = 256;

/** What could be read, or why the part as a whole has failed. */
export type Found<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export type Listed = readonly { readonly name: string; readonly kind: string }[];

/** The entries of a folder; none where there is no such folder. */
export function entriesOf(listed: ListResult): Found<Listed> {
  if (listed.ok) return { ok: true, value: listed.entries };
  return listed.kind === 'absent' ? { ok: true, value: [] } : { ok: false, reason: listed.message };
}

/** At most so many letters, with a sign where some are left out. */
export function cut(text: string, most = mostLetters): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}
