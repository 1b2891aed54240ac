/**
 * kube-proxy's tables of nf_tables as nft lists them: `nft -s list table ip kube-proxy`, one run for each family, and
 * never the whole ruleset: tables of others may hold what an old nft cannot print.
 *
 * Measured with nft 1.0.6, 10,000 Services of 5 endpoints, user and system time and the most memory nft held:
 *
 *                                   v1.36                 before: a chain for each endpoint
 *     list table                    3.7 MB  3.4 s 126 MiB      15 MB  5.4 s  428 MiB
 *     -j list table                 8.7 MB  3.6 s 243 MiB      52 MB  7.7 s  952 MiB
 *     -t list table (no elements)   2.6 MB  3.1 s 126 MiB      14 MB  5.3 s  428 MiB
 *     list chain, any one                   2.7 s  90 MiB             2.4 s   80 MiB
 *     list map service-ips          0.8 MB  0.1 s  22 MiB     0.8 MB  0.1 s   22 MiB
 *     list chains (no rules)        0.6 MB  0.0 s  15 MiB     4.5 MB  0.3 s   66 MiB
 *
 * So text, and the table at once: nft reads the whole table whatever part of it is asked for, but for single maps and
 * for names. Those do not tell of every change: an endpoint that is replaced shows in neither. Nor can several chains be
 * asked for in one run: nft 1.0.6 then prints rules as empty lines.
 */
import type { Family } from '../../proto/address.ts';
import type { Host, RunResult } from '../host.ts';
import { NftListing } from './nft-listing.ts';
import { nftFamily } from './nft-tables.ts';

export interface ListedTable {
  readonly family: Family;
  /** What nft printed, but for what packets change by themselves (see NftListing). */
  readonly text: Uint8Array;
  readonly digest: string;
}

export type ListedTables =
  | { readonly ok: true; readonly tables: readonly ListedTable[] }
  | { readonly ok: false; readonly reason: string };

const deadlineMs = 30_000;
const maxBytes = 256 * 2 ** 20;
/** Beside it the agent holds some 100 MiB, and its container may have 768 MiB. */
const maxMemoryBytes = 512 * 2 ** 20;

/** Lists one table after the other; a failure of one is a failure of all. */
export async function listTables(host: Host, families: readonly Family[]): Promise<ListedTables> {
  const tables: ListedTable[] = [];
  for (const family of families) {
    const listing = new NftListing();
    const args = ['-s', 'list', 'table', nftFamily(family), 'kube-proxy'];
    const result = await host.run({ program: 'nft', args, deadlineMs, maxBytes, maxMemoryBytes }, (piece) =>
      listing.push(piece),
    );
    const reason = whyNotWhole(result);
    if (reason !== null) return { ok: false, reason: `nft ${args.join(' ')}: ${reason}` };
    tables.push({ family, ...listing.finish() });
  }
  return { ok: true, tables };
}

/** Null when the listing can be trusted to be whole. */
function whyNotWhole(result: RunResult): string | null {
  if (!result.ok) return listingFailure(result);
  // nft says so, prints the rule as an empty line and ends with 0.
  const complaint = result.stderr.split('\n').find((line) => line.startsWith('netlink: Error'));
  return complaint === undefined
    ? null
    : `it could not print every rule (${complaint}); an nft as new as the kernel and kube-proxy's nft may`;
}

function listingFailure(result: Extract<RunResult, { readonly ok: false }>): string {
  switch (result.kind) {
    case 'absent':
      return `${result.message}; install nftables 1.0.1 or newer`;
    case 'deadline':
    case 'too-long':
    case 'too-large':
      return `too many rules: ${result.message}; run it by hand to see what it takes`;
    case 'not-permitted':
    case 'stopped':
      return result.message;
    case 'failed':
      return `${result.message}; run it by hand on the node to see the whole message`;
  }
}
