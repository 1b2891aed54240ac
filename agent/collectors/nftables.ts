/**
 * kube-proxy's nftables rules: nft's text -> tables -> what the node does (traced) and how the rules are built.
 * The tables live only while they are traced, unless somebody wants rules explained.
 */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { ForwardingReport, NftablesReport, Part } from '../../proto/parts.ts';
import { valueOr } from '../../proto/profile.ts';
import {
  describeNftables,
  type FamilyTable,
  nftRuleFacts,
  parseNftables,
  type TracedNft,
  traceNftables,
} from '../dataplane/nftables.ts';
import { linksAsSeen } from '../dataplane/node-facts.ts';
import type { Host } from '../host.ts';
import { localDetectorOf, markBitOf } from '../profile-facts.ts';
import type { ReadEvidence } from '../reading.ts';
import { giveBackMemory } from '../spent-memory.ts';
import { type DataplaneReading, notRead, nothingRead, noWishes, type Wishes } from './dataplane-reading.ts';
import { evidenceOf } from './entry-evidence.ts';
import type { IptablesInput } from './iptables.ts';
import { type ListedTable, listTables } from './nft-listings.ts';
import { kubeProxyFamilies, nftFamily } from './nft-tables.ts';
import { noRuleFacts, type RuleFacts } from './rule-facts.ts';
import { sharedTable } from './shared-table.ts';

/** What the rules are traced with; a change of it means tracing anew, as with iptables rules. */
export type NftablesInput = IptablesInput;

export interface NftablesReading extends DataplaneReading {
  readonly part: Part<NftablesReport>;
  readonly facts: RuleFacts;
}

export const noNftablesReading: NftablesReading = { ...nothingRead, part: { state: 'absent' }, facts: noRuleFacts };

/** A reading that succeeded, and what it was made of. */
interface Remembered {
  readonly report: NftablesReport;
  readonly forwarding: ForwardingReport;
  readonly facts: RuleFacts;
  readonly explain: NftablesReading['explain'];
  readonly ownerHint: NftablesReading['ownerHint'];
  /** Listings, addresses and configuration. */
  readonly made: string;
  /** The links as these rules see them. */
  readonly links: string;
  readonly linkPatterns: readonly string[];
}

interface FoundInTables {
  readonly tables: readonly FamilyTable[];
  readonly traced: TracedNft;
  readonly facts: RuleFacts;
}

/** Parsing less leaves little behind. */
const muchText = 2 * 2 ** 20;

/**
 * Reads one node's tables again and again. The listing itself is most of the cost, so it is taken once, and parsed only
 * when its digest is not that of the last reading.
 */
export class NftablesReader {
  readonly #host: Host;
  readonly #now: () => Date;
  readonly #keepsRules: boolean;
  #last: Remembered | null = null;
  /** By the last reading. */
  #parsedBytes = 0;

  /** @param keepsRules as that of IptablesReader. */
  constructor(host: Host, now: () => Date, keepsRules: boolean) {
    this.#host = host;
    this.#now = now;
    this.#keepsRules = keepsRules;
  }

  /**
   * `absent` where kube-proxy has no table in nf_tables; `failed` when either family's cannot be read whole: a table of
   * half the rules would say that the other half is missing.
   */
  async read(input: NftablesInput, wishes: Wishes = noWishes): Promise<NftablesReading> {
    const reading = await this.#read(input, wishes);
    // Not before the call is over, which holds the tables.
    if (this.#parsedBytes > muchText && !this.#keepsRules) giveBackMemory();
    return reading;
  }

  async #read(input: NftablesInput, { evidenceFor }: Wishes): Promise<NftablesReading> {
    this.#parsedBytes = 0;
    const last = this.#last;
    this.#last = null;
    const { nftTables } = input;
    if (nftTables.state === 'failed') return failed(nftTables.reason);
    const families = kubeProxyFamilies(nftTables);
    if (families.length === 0) return noNftablesReading;
    const listed = await listTables(this.#host, families);
    if (!listed.ok) return failed(listed.reason);
    const made = madeOf(listed.tables, input);
    // Unchanged, the report stays the very same object, so that whoever holds it sees it.
    const unchanged = last !== null && isSame(last, made, input) ? last : null;
    if (unchanged !== null && evidenceFor.length === 0) {
      this.#last = unchanged;
      return this.#ok(unchanged, []);
    }
    this.#parsedBytes = listed.tables.reduce((sum, { text }) => sum + text.length, 0);
    const parsed = parse(listed.tables);
    if (!parsed.ok) return failed(parsed.reason);
    const found = trace(parsed.tables, input);
    this.#last = unchanged ?? this.#remember(found, { made, input, last });
    return this.#ok(this.#last, evidenceOf(evidenceFor, found.traced));
  }

  #remember(
    { tables, traced, facts }: FoundInTables,
    { made, input, last }: { readonly made: string; readonly input: NftablesInput; readonly last: Remembered | null },
  ): Remembered {
    const { owners, table, linkPatterns, ownerHint, unlisted } = traced;
    const forwarding: ForwardingReport = {
      mode: 'nftables',
      table: this.#keepsRules ? table : sharedTable(table, last?.forwarding.table ?? null),
      owners: this.#keepsRules ? owners() : new Map(),
      unlisted,
    };
    const markBit = valueOr(markBitOf(facts, input.configuration), 14);
    const report = { structures: tables.map((one) => describeNftables(one.table, markBit)) };
    const explain = this.#keepsRules ? (key: FrontendKey) => traced.explain(key).first : nothingRead.explain;
    const links = linksAsSeen(input.links, linkPatterns);
    return { report, forwarding, facts, explain, ownerHint, made, linkPatterns, links };
  }

  #ok(remembered: Remembered, evidence: readonly ReadEvidence[]): NftablesReading {
    const { report, forwarding, facts, explain, ownerHint } = remembered;
    const collectedAt = this.#now().toISOString();
    const part = { state: 'ok', value: report, collectedAt } as const;
    return { part, forwarding: { state: 'ok', value: forwarding, collectedAt }, facts, explain, ownerHint, evidence };
  }
}

function failed(reason: string): NftablesReading {
  return { ...noNftablesReading, ...notRead(reason), part: { state: 'failed', reason } };
}

/** Where kube-proxy says that it works with nf_tables and nobody could ask for its tables: they may well be there. */
export const unaskedNftablesReading: NftablesReading = failed(
  'kube-proxy works in nftables mode, and nft is not installed or its output was not recorded: install nftables 1.0.1 or newer',
);

function isSame(last: Remembered, made: string, { links }: NftablesInput): boolean {
  return last.made === made && last.links === linksAsSeen(links, last.linkPatterns);
}

function madeOf(tables: readonly ListedTable[], { localAddresses, configuration }: NftablesInput): string {
  return JSON.stringify([tables.map(({ family, digest }) => [family, digest]), localAddresses, configuration]);
}

type ParsedTables =
  | { readonly ok: true; readonly tables: readonly FamilyTable[] }
  | { readonly ok: false; readonly reason: string };

function parse(listed: readonly ListedTable[]): ParsedTables {
  const tables: FamilyTable[] = [];
  for (const { family, text } of listed) {
    const parsed = parseNftables(text);
    if (!parsed.ok) {
      const { line, message } = parsed.failure;
      const what = `table ${nftFamily(family)} kube-proxy, line ${line}`;
      return { ok: false, reason: `nft printed what cannot be read: ${what}: ${message}` };
    }
    tables.push({ family, table: parsed.table });
  }
  return { ok: true, tables };
}

function trace(tables: readonly FamilyTable[], { localAddresses, links, configuration }: NftablesInput): FoundInTables {
  const facts = nftRuleFacts(tables);
  const localDetector = {
    ipv4: valueOr(localDetectorOf('ipv4', facts, configuration), { kind: 'none' }),
    ipv6: valueOr(localDetectorOf('ipv6', facts, configuration), { kind: 'none' }),
  } as const;
  // Not known = no key at all: the tracer then takes what it can without.
  const traced = traceNftables({ tables, localAddresses, localDetector, ...(links === null ? {} : { links }) });
  return { tables, traced, facts };
}
