/**
 * What one agent does with one dump, again and again in one process, so that its CPU time and memory can be measured:
 *
 *   node read-rules.ts DUMP ADDRESS...
 *
 * Reads the dump in pieces of 64 KiB, as they come out of a pipe, and prints one line of JSON (ReadCosts).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { DumpDigest, RulesetReader } from 'node-iptables-parse';
import { traceIptables } from '../../agent/dataplane/iptables.ts';
import { detectLocal } from '../../agent/dataplane/rules-profile.ts';
import type { Address } from '../../proto/address.ts';
import { parseAddress } from '../../proto/address.ts';
import { tableDigest } from '../../proto/canonical.ts';
import { peakResidentMiB } from './peak-memory.ts';

/** CPU time, user and system, in milliseconds; without the start of the process. */
export interface ReadCosts {
  /** Parse and trace, per reading; the first one compiles the code. */
  readonly readings: readonly { readonly parseMs: number; readonly traceMs: number }[];
  /** Unchanged readings: the digest alone. */
  readonly unchangedMs: readonly number[];
  /** Peak resident set of the whole process, by the end of all readings. */
  readonly peakMiB: number;
  readonly frontends: number;
  readonly digest: string;
}

const readings = 8;
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

function readUnchanged(path: string): number {
  const start = process.cpuUsage();
  const digest = new DumpDigest();
  feed(path, (piece) => digest.push(piece));
  digest.finish();
  return cpuMs(start);
}

function readTable(path: string, localAddresses: readonly Address[]) {
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
  const traceMs = cpuMs(start) - parseMs;
  ruleset.release();
  return { table, cost: { parseMs, traceMs } };
}

const [path = '', ...addresses] = process.argv.slice(2);
const local = addresses.map(parseAddress).filter((address) => address !== null);
const first = readTable(path, local);
const unchangedMs = Array.from({ length: readings }, () => readUnchanged(path));
const later = Array.from({ length: readings - 1 }, () => readTable(path, local).cost);
const peakMiB = peakResidentMiB();
const costs: ReadCosts = {
  readings: [first.cost, ...later],
  unchangedMs,
  peakMiB,
  frontends: first.table.size,
  // The digest of the whole table is the bench's own: it is taken after the measures.
  digest: tableDigest(first.table),
};
process.stdout.write(`${JSON.stringify(costs)}\n`);
