/**
 * What one agent does with one dump, alone in a process, so that its CPU time and memory can be measured:
 *
 *   node read-rules.ts parse|digest DUMP ADDRESS...
 *
 * Reads the dump in pieces of 64 KiB, as they come out of a pipe, and prints one line of JSON (ReadCost).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { DumpDigest, RulesetReader } from 'node-iptables-parse';
import { traceIptables } from '../../agent/dataplane/iptables.ts';
import { detectLocal } from '../../agent/dataplane/rules-profile.ts';
import type { Address } from '../../proto/address.ts';
import { parseAddress } from '../../proto/address.ts';
import { tableDigest } from '../../proto/canonical.ts';

export interface ReadCost {
  /** CPU time, user and system, without the start of the process. */
  readonly cpuMs: number;
  readonly parseMs: number;
  /** Peak resident set of the whole process. */
  readonly peakMiB: number;
  /** Frontends in the table; 0 when only the digest was taken. */
  readonly frontends: number;
  readonly digest: string;
}

const pieceBytes = 64 * 1024;

function feed(path: string, take: (piece: Uint8Array) => void): void {
  const file = openSync(path, 'r');
  const piece = Buffer.allocUnsafe(pieceBytes);
  for (;;) {
    const length = readSync(file, piece, 0, pieceBytes, null);
    if (length === 0) break;
    take(piece.subarray(0, length));
  }
  closeSync(file);
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function peakMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}

function readDigest(path: string): ReadCost {
  const start = process.cpuUsage();
  const digest = new DumpDigest();
  feed(path, (piece) => digest.push(piece));
  const text = digest.finish();
  const cost = cpuMs(start);
  return { cpuMs: cost, parseMs: 0, peakMiB: peakMiB(), frontends: 0, digest: text };
}

function readTable(path: string, localAddresses: readonly Address[]): ReadCost {
  const start = process.cpuUsage();
  const reader = new RulesetReader({ expectTables: ['filter', 'nat'], trailer: 'required' });
  feed(path, (piece) => reader.push(piece));
  const result = reader.finish();
  if (!result.ok) throw new Error(`${path}:${result.failure.line}: ${result.failure.message}`);
  const { ruleset } = result;
  const parseMs = cpuMs(start);
  const { table } = traceIptables({
    rulesets: [{ backend: 'legacy', family: 'ipv4', ruleset }],
    localAddresses,
    localDetector: { ipv4: detectLocal(ruleset, 'ipv4') ?? { kind: 'none' }, ipv6: { kind: 'none' } },
  });
  const cost = cpuMs(start);
  // The digest of the whole table is the bench's own: it is taken after the measures.
  const peak = peakMiB();
  return { cpuMs: cost, parseMs, peakMiB: peak, frontends: table.size, digest: tableDigest(table) };
}

if (import.meta.main) {
  const [mode, path = '', ...addresses] = process.argv.slice(2);
  const local = addresses.map(parseAddress).filter((address) => address !== null);
  const cost = mode === 'digest' ? readDigest(path) : readTable(path, local);
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
