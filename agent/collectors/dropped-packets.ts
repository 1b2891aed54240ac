/**
 * What the node drops for want of a local endpoint: the counters of a few rules of table filter, and what they rose by.
 * The usual dumps have no counters, so that unchanged rules give equal dumps; this one is taken at most once a minute,
 * of this one table, and only where such rules are.
 *
 *     iptables-nft-save -c -t filter
 *     [17:1020] -A KUBE-EXTERNAL-SERVICES -d 203.0.113.20/32 -p tcp -m comment --comment "..." -m tcp --dport 80 -j DROP
 *
 * kube-proxy writes these rules anew at each sync and sets them to 0 by that: then what they count is what they rose by.
 */
import { randomInt } from 'node:crypto';
import { RulesetReader } from 'node-iptables-parse';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { DroppedPackets, Excerpt, IptablesReport, IptablesStructure, Part } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import { localDropsOf } from '../dataplane/local-drops.ts';
import { ruleTables } from '../dataplane/rule-tables.ts';
import type { Host } from '../host.ts';
import { RisingCounters } from './rising-counters.ts';

const everyMs = 60_000;
const deadlineMs = 20_000;
/** Of a table that holds no service's chains: kube-proxy's few, and a firewall's or a policy engine's. */
const maxBytes = 64 * 1024 * 1024;
const mostListed = 40;

type Drops = Excerpt<DroppedPackets>;

/** What is known of one backend's table of one family. */
interface Known {
  readonly atMs: number;
  readonly drops: Drops;
  readonly counters: ReadonlyMap<FrontendKey, RisingCounters>;
}

/** Reads one node's counters again and again, and remembers them. */
export class DroppedPacketsReader {
  readonly #host: Host;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #known = new Map<string, Known>();
  #last: { readonly report: IptablesReport; readonly drops: readonly Drops[]; readonly told: IptablesReport } | null =
    null;

  constructor(host: Host, clock: Pick<Clock, 'monotonicMs'>) {
    this.#host = host;
    this.#clock = clock;
  }

  /**
   * Adds what was dropped to a report. Where it cannot be read nothing is told of it.
   * @returns the very same part where nothing is to be told.
   */
  async read(part: Part<IptablesReport>): Promise<Part<IptablesReport>> {
    if (part.state !== 'ok') return part;
    const drops: Drops[] = [];
    for (const structure of part.value.structures) drops.push(await this.#dropsOf(structure));
    if (drops.every(({ total }) => total === 0)) return part;
    const last = this.#last;
    const isSame = last?.report === part.value && drops.every((one, i) => one === last.drops[i]);
    const told = isSame ? last.told : { ...part.value, structures: part.value.structures.map(withDrops(drops)) };
    // Unchanged, it stays the very same object, so that whoever holds it sees it.
    this.#last = { report: part.value, drops, told };
    return { ...part, value: told };
  }

  async #dropsOf({ backend, family, localDrops }: IptablesStructure): Promise<Drops> {
    const name = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-save`;
    if (localDrops === 0) {
      this.#known.delete(name);
      return nothing;
    }
    const known = this.#known.get(name);
    const atMs = this.#clock.monotonicMs();
    if (known !== undefined && atMs - known.atMs < everyMs) return known.drops;
    const isThere = backend === 'nft' || (await this.#hasLegacyFilter(family));
    const totals = isThere ? await this.#totals(name, family) : new Map<FrontendKey, number>();
    const counters = new Map([...totals.keys()].map((key) => [key, known?.counters.get(key) ?? new RisingCounters()]));
    const all = [...totals].flatMap(([frontend, total]): readonly DroppedPackets[] => {
      const packets = counters
        .get(frontend)
        ?.advance(new Map([['packets', total]]), atMs)
        .get('packets');
      return packets === undefined ? [] : [{ frontend, packets }];
    });
    const first = all.sort((a, b) => b.packets.increase - a.packets.increase).slice(0, mostListed);
    const drops = { total: all.length, first };
    this.#known.set(name, { atMs, drops, counters });
    return drops;
  }

  /** Of a table that is not there, legacy's command would make it: asked right before. */
  async #hasLegacyFilter(family: IptablesStructure['family']): Promise<boolean> {
    const path = family === 'ipv4' ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names';
    const names = await this.#host.read(path, 4096);
    return names.ok && names.bytes.toString('utf8').split('\n').includes('filter');
  }

  async #totals(program: string, family: IptablesStructure['family']): Promise<ReadonlyMap<FrontendKey, number>> {
    const reader = new RulesetReader({ expectTables: ['filter'], trailer: 'required', seed: randomInt(2 ** 31) });
    const command = { program, args: ['-c', '-t', 'filter'], deadlineMs, maxBytes };
    const result = await this.#host.run(command, (piece) => reader.push(piece));
    const parsed = result.ok ? reader.finish() : null;
    if (parsed?.ok !== true) return new Map();
    const { ruleset } = parsed;
    const filter = ruleset.tables.get('filter');
    const drops = localDropsOf(ruleTables(ruleset, family));
    const totals = new Map(drops.map(({ frontend, rule }) => [frontend, filter?.rule(rule).counters?.packets ?? 0]));
    ruleset.release();
    return totals;
  }
}

const nothing: Drops = { total: 0, first: [] };

function withDrops(drops: readonly Drops[]) {
  return (structure: IptablesStructure, index: number): IptablesStructure => ({
    ...structure,
    droppedPackets: drops[index] ?? nothing,
  });
}
