/**
 * What of a node says how its load balancer works: the kernel's own table, the addresses on kube-ipvs0, the rules that
 * kube-proxy writes around it, and the sets that these rules name.
 *
 * Reading creates nothing and loads no module: `ipvsadm` runs only where the kernel shows a table of virtual servers,
 * `ipset` only where loaded rules name a set. The parts are read one after the other, so those of a sync in progress may
 * not belong together; nothing is made of that, since a difference counts only when the next reading has it too.
 */
import type { Address } from '../../proto/address.ts';
import { digest } from '../../proto/canonical.ts';
import type { BackendRules } from '../dataplane/iptables.ts';
import { type IpSets, readIpSets } from '../dataplane/ipvs/ipsets.ts';
import { readProcTable, type VirtualServices } from '../dataplane/ipvs/proc-table.ts';
import { namedSets } from '../dataplane/ipvs/rule-sets.ts';
import { readPersistence } from '../dataplane/ipvs/saved-services.ts';
import type { ReadText } from '../dataplane/ipvs/server.ts';
import type { Host, RunResult } from '../host.ts';
import { ipvsLink, readAddresses } from './addresses.ts';
import { parseDump } from './iptables.ts';
import { findDumpSources } from './iptables-dumps.ts';
import type { NftTables } from './nft-tables.ts';

const procTable = '/proc/net/ip_vs';
const maxBytes = 64 * 1024 * 1024;
const deadlineMs = 30_000;

export type Source<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly absent: boolean; readonly reason: string };

function failed(reason: string, absent = false): Source<never> {
  return { ok: false, absent, reason };
}

/** The virtual servers; absent where the kernel has no load balancer. */
export async function readServices(host: Host): Promise<Source<VirtualServices>> {
  const read = await host.read(procTable, maxBytes);
  if (!read.ok) return failed(read.message, read.kind === 'absent');
  return told(procTable, readProcTable(read.bytes.toString('latin1')));
}

/** The addresses on kube-ipvs0, which are local without being the node's own. */
export async function readBoundAddresses(host: Host): Promise<Source<readonly Address[]>> {
  const output = await outputOf(host, 'ip', ['-j', 'addr', 'show', 'dev', ipvsLink]);
  if (!output.ok) return output;
  const report = readAddresses(output.value, 'kube-ipvs0 too');
  if (report === null) return failed(`ip -j addr show dev ${ipvsLink} printed something else than its list of links`);
  return { ok: true, value: report.addresses.filter(({ link }) => link === ipvsLink).map(({ address }) => address) };
}

export interface RulesAround {
  /** Those of the backends that hold kube-proxy's rules; of the only one of a family where none does. */
  readonly rulesets: readonly BackendRules[];
  readonly sets: IpSets;
  /** The same text as long as nothing of it changes. */
  readonly digest: string;
  /** To be called when the rules are no longer needed. */
  readonly release: () => void;
}

/** Rules and sets. A set that rules name and `ipset` does not show was cut off: the kernel deletes none that is in use. */
export async function readRulesAround(host: Host, nftTables: NftTables): Promise<Source<RulesAround>> {
  const found = await findDumpSources(host, nftTables);
  if (!found.ok) return failed(found.reason);
  const all: BackendRules[] = [];
  const digests: string[] = [];
  const release = () => {
    for (const { ruleset } of all) ruleset.release();
  };
  for (const source of found.sources) {
    const dump = await parseDump(host, source);
    if (dump.ok && dump.value.read !== null) all.push(dump.value.read);
    if (dump.ok) {
      digests.push(dump.value.digest);
      continue;
    }
    release();
    return failed(dump.reason, dump.absent);
  }
  const rulesets = rulesOfKubeProxy(all);
  const names = new Set(rulesets.flatMap(({ ruleset, family }) => [...namedSets(ruleset, family)]));
  const sets = await readSets(host, names);
  if (!sets.ok) {
    release();
    return sets;
  }
  const { value, digest: ofSets } = sets.value;
  return { ok: true, value: { rulesets, sets: value, digest: JSON.stringify([digests, ofSets]), release } };
}

/** The tables without kube-proxy's chain hold strangers' rules; they count only where there is nothing else. */
function rulesOfKubeProxy(all: readonly BackendRules[]): readonly BackendRules[] {
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const own = all.filter((rules) => rules.family === family);
    const kubeProxys = own.filter(({ ruleset }) => (ruleset.tables.get('nat')?.findChain('KUBE-SERVICES') ?? -1) >= 0);
    return kubeProxys.length > 0 || own.length > 1 ? kubeProxys : own;
  });
}

async function readSets(
  host: Host,
  names: ReadonlySet<string>,
): Promise<Source<{ readonly value: IpSets; readonly digest: string }>> {
  if (names.size === 0) return { ok: true, value: { value: new Map(), digest: '' } };
  const output = await outputOf(host, 'ipset', ['save']);
  if (!output.ok) return output;
  const sets = told(
    'ipset save',
    readIpSets(output.value, (name) => names.has(name) || name.startsWith('KUBE-')),
  );
  if (!sets.ok) return sets;
  const lacking = [...names].find((name) => !sets.value.has(name));
  if (lacking !== undefined) return failed(`ipset save shows no set ${lacking}, which rules name: it was cut`);
  return { ok: true, value: { value: sets.value, digest: digestOf(sets.value) } };
}

/** In one order whatever order the kernel prints them in: it is that of a hash table, whose seed is new each time. */
function digestOf(sets: IpSets): string {
  const lines = [...sets].map(([name, { type, entries }]) => `${name} ${type} ${[...entries].sort().join(' ')}`);
  return digest(lines.sort().join('\n'));
}

/** How long each virtual server keeps its clients, in seconds. */
export async function readKeptSeconds(host: Host): Promise<Source<ReadonlyMap<string, number>>> {
  const output = await outputOf(host, 'ipvsadm', ['-Sn']);
  return output.ok ? told('ipvsadm -Sn', readPersistence(output.value)) : output;
}

/** A number under /proc/sys; null where it cannot be read. */
export async function readSetting(host: Host, name: string): Promise<number | null> {
  const read = await host.read(`/proc/sys/${name}`, 4096);
  const text = read.ok ? read.bytes.toString('latin1').trim() : '';
  return /^-?\d{1,9}$/.test(text) ? Number(text) : null;
}

async function outputOf(host: Host, program: string, args: readonly string[]): Promise<Source<string>> {
  const pieces: Uint8Array[] = [];
  const result = await host.run({ program, args, deadlineMs, maxBytes }, (piece) =>
    pieces.push(Uint8Array.from(piece)),
  );
  return result.ok ? { ok: true, value: Buffer.concat(pieces).toString('latin1') } : notRun(result, program);
}

function notRun(result: Extract<RunResult, { readonly ok: false }>, program: string): Source<never> {
  const absent = result.kind === 'absent';
  return failed(absent && program !== 'ip' ? `${result.message}; install ${program}` : result.message, absent);
}

function told<T>(what: string, read: ReadText<T>): Source<T> {
  if (read.ok) return read;
  return failed(`${what} shows what cannot be read, line ${read.line}: ${read.problem}`);
}
