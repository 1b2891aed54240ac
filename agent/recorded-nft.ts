/** Single tables of a recorded `nft list ruleset`, which prints one after the other, each closed by a brace of its own. */

const newline = 10;

/**
 * The tables of a listing. iptables-nft-save prints tables without any rule too, but was then not recorded: such tables
 * are left out together with it. A table that holds rules stays, so that a dump that is lacking is noticed.
 * @param wasRecorded whether there is a dump of `iptables-nft-save` or `ip6tables-nft-save`.
 * @returns `ip nat`, in their order.
 */
export function listedTables(lines: readonly string[], wasRecorded: (save: string) => boolean): readonly string[] {
  const holdsRules = new Map<string, boolean>();
  let current = '';
  for (const line of lines) {
    const table = tableOfListing(line);
    if (table !== null) current = table;
    const word = line.trim().split(' ')[0] ?? '';
    const isFrame = ['', 'table', 'chain', 'type', '}'].includes(word);
    if (current !== '') holdsRules.set(current, !isFrame || (holdsRules.get(current) ?? false));
  }
  return [...holdsRules].flatMap(([table, holds]) => {
    const save = table.startsWith('ip6 ') ? 'ip6tables-nft-save' : 'iptables-nft-save';
    return holds || wasRecorded(save) ? [table] : [];
  });
}

/** `table ip nat {` or, with flags or a comment behind the brace, the same; null for any other line. */
function tableOfListing(line: string): string | null {
  const [word, family, name, brace] = line.split(' ');
  return word === 'table' && brace === '{' ? `${family} ${name}` : null;
}

/**
 * Cuts one table out, as `nft list table` prints it.
 * @param table `ip kube-proxy`.
 * @returns null when the listing has no such table; one whose end was cut off comes without it.
 */
export function listedTable(listing: Buffer, table: string): Buffer | null {
  const head = Buffer.from(`table ${table} {`);
  let from = listing.indexOf(head);
  // A line of another table may hold the same words.
  while (from > 0 && listing[from - 1] !== newline) from = listing.indexOf(head, from + 1);
  if (from < 0) return null;
  const end = listing.indexOf('\n}\n', from);
  return end < 0 ? listing.subarray(from) : listing.subarray(from, end + 3);
}
