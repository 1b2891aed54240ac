/**
 * `ipset save`, ipset(8): a line per set, then one per entry.
 *
 *     create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0xcbc35449
 *     add KUBE-CLUSTER-IP 10.96.0.10,udp:53
 *     add KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.11,tcp:80,198.51.100.0/24
 *     create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
 *     add KUBE-NODE-PORT-TCP 30080
 */
import type { ReadText } from './server.ts';

export interface IpSet {
  /** `hash:ip,port`, `bitmap:port`, ... */
  readonly type: string;
  /** As printed, without options. */
  readonly entries: readonly string[];
  /** An entry has an option that changes what it matches (`nomatch`), so entries do not tell what is in the set. */
  readonly hasExceptions: boolean;
}

/** By name. */
export type IpSets = ReadonlyMap<string, IpSet>;

interface GrowingSet {
  readonly type: string;
  readonly entries: string[];
  hasExceptions: boolean;
}

/**
 * Reads the sets that are wanted; the entries of others, a network policy's for instance, are passed over.
 * A line that ipset does not print, or a text that ends within one, fails all of it.
 */
export function readIpSets(text: string, isWanted: (name: string) => boolean): ReadText<IpSets> {
  const lines = text.split('\n');
  if (lines.pop() !== '') return { ok: false, line: lines.length + 1, problem: 'it ends within a line: it was cut' };
  const sets = new Map<string, GrowingSet>();
  const created = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const [command, name = '', what = '', ...options] = line.split(' ');
    const isSet = command === 'create' && name !== '' && what.includes(':');
    const isEntry = command === 'add' && created.has(name) && what !== '';
    if (!isSet && !isEntry) {
      return { ok: false, line: index + 1, problem: `neither a set nor an entry of one: ${line.slice(0, 80)}` };
    }
    if (isSet) {
      created.add(name);
      if (isWanted(name)) sets.set(name, { type: what, entries: [], hasExceptions: false });
      continue;
    }
    const set = sets.get(name);
    if (set === undefined) continue;
    set.entries.push(what);
    if (options.includes('nomatch')) set.hasExceptions = true;
  }
  return { ok: true, value: sets };
}
