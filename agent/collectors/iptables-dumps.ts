/**
 * The four dumps of a node's iptables rules: two backends, two families. None of these is asked for a table by name, since
 * `iptables-legacy-save -t nat` would create that table; which tables must be in a dump is found out beforehand, so
 * that a cut one is seen.
 *
 *     /proc/net/ip_tables_names     filter\nmangle\nnat      tables of iptables-legacy, readable for root
 *     nft list flowtables               table ip nat             tables of iptables-nft, and others
 */
import type { Family } from '../../proto/address.ts';
import type { IptablesBackend } from '../../proto/parts.ts';
import type { Host, RunResult } from '../host.ts';
import { iptablesTables, type NftTables } from './nft-tables.ts';

export interface DumpSource {
  readonly backend: IptablesBackend;
  readonly family: Family;
  readonly program: string;
  /** Empty = not known (nft is not installed): then the dump may be empty too. */
  readonly expectTables: readonly string[];
}

export type DumpSources =
  | { readonly ok: true; readonly sources: readonly DumpSource[] }
  | { readonly ok: false; readonly reason: string };

const families: readonly Family[] = ['ipv4', 'ipv6'];
/** 370,000 rules take a second with iptables-legacy; iptables-nft is quadratic in chains: 40,000 take 16 s. */
const deadlineMs = 30_000;
const maxBytes = 256 * 1024 * 1024;

/** The dumps worth taking: those of backends and families that hold a table. */
export async function findDumpSources(host: Host, nft: NftTables): Promise<DumpSources> {
  if (nft.state === 'failed') return { ok: false, reason: nft.reason };
  const sources: DumpSource[] = [];
  for (const family of families) {
    const program = family === 'ipv4' ? 'iptables' : 'ip6tables';
    const path = family === 'ipv4' ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names';
    const names = await host.read(path, 4096);
    // Without the kernel module there is no file, and no table either.
    if (!names.ok && names.kind !== 'absent') return { ok: false, reason: names.message };
    const legacy = names.ok
      ? names.bytes
          .toString('utf8')
          .split('\n')
          .filter((name) => name !== '')
      : [];
    if (legacy.length > 0) {
      sources.push({ backend: 'legacy', family, program: `${program}-legacy-save`, expectTables: legacy });
    }
    const expectTables = iptablesTables(nft, family);
    if (expectTables.length > 0 || nft.state === 'absent') {
      sources.push({ backend: 'nft', family, program: `${program}-nft-save`, expectTables });
    }
  }
  return { ok: true, sources };
}

/** Takes one dump. Every piece goes to all consumers. */
export function takeDump(
  host: Host,
  source: DumpSource,
  consumers: readonly { push(piece: Uint8Array): void }[],
): Promise<RunResult> {
  const command = { program: source.program, args: [], deadlineMs, maxBytes };
  return host.run(command, (piece) => {
    for (const consumer of consumers) consumer.push(piece);
  });
}

/** What went wrong with a dump, and what to do. */
export function dumpFailure(result: Extract<RunResult, { readonly ok: false }>): string {
  switch (result.kind) {
    case 'absent':
      return `${result.message}; install iptables 1.8 with both backends`;
    case 'deadline':
    case 'too-long':
    case 'too-large':
      return `too many chains: ${result.message}; run it by hand to see how long it takes`;
    // The host has said what is lacking.
    case 'not-permitted':
    case 'stopped':
      return result.message;
    case 'failed':
      return `${result.message}; run it by hand on the node to see the whole message`;
  }
}
