/**
 * The node's iptables rules: dumps -> rulesets -> what the node does (traced) and how the rules are built.
 * One child at a time. The rulesets live only while they are traced: of a large cluster they are a hundred megabytes.
 */
import { randomInt } from 'node:crypto';
import { DumpDigest, RulesetReader } from 'node-iptables-parse';
import type { Address, Family, Prefix } from '../../proto/address.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { ForwardingReport, IptablesReport, Part } from '../../proto/parts.ts';
import { type LocalDetector, valueOr } from '../../proto/profile.ts';
import { type BackendRules, type Traced, traceIptables } from '../dataplane/iptables.ts';
import { linksAsSeen } from '../dataplane/node-facts.ts';
import { proxyChains } from '../dataplane/proxy-chains.ts';
import { describeStructure } from '../dataplane/structure.ts';
import type { Host } from '../host.ts';
import { localDetectorOf, markBitOf, nodePortAddressesOf } from '../profile-facts.ts';
import type { ReadEvidence } from '../reading.ts';
import { type DataplaneReading, notRead, nothingRead, noWishes, type Wishes } from './dataplane-reading.ts';
import { evidenceOf } from './entry-evidence.ts';
import { sharedTable } from './shared-table.ts';
import { type DumpSource, dumpFailure, findDumpSources, takeDump } from './iptables-dumps.ts';
import type { KubeProxyConfiguration } from './kube-proxy-configuration.ts';
import { hostPortTables, type NftTables } from './nft-tables.ts';
import { findRuleFacts, noRuleFacts, type RuleFacts } from './rule-facts.ts';

/** What the rules are traced with; a change of it means tracing anew, except among links that the rules do not tell
 * apart. */
export interface IptablesInput {
  readonly localAddresses: readonly Address[];
  /** Null = not known. */
  readonly links: readonly string[] | null;
  readonly configuration: KubeProxyConfiguration | null;
  readonly nftTables: NftTables;
}

export interface IptablesReading extends DataplaneReading {
  readonly part: Part<IptablesReport>;
  readonly facts: RuleFacts;
}

export const noIptablesReading: IptablesReading = { ...nothingRead, part: { state: 'absent' }, facts: noRuleFacts };

/** A reading that succeeded, and what it was made of. */
interface Remembered {
  readonly report: IptablesReport;
  readonly forwarding: ForwardingReport;
  readonly facts: RuleFacts;
  readonly explain: IptablesReading['explain'];
  readonly ownerHint: IptablesReading['ownerHint'];
  /** Dumps, addresses and configuration. */
  readonly made: string;
  /** The links as these rules see them. */
  readonly links: string;
  readonly linkPatterns: readonly string[];
}

type DumpResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly absent: boolean; readonly reason: string };

/** What a whole dump holds; null = it is empty, and may be. */
type ParsedDump = { readonly read: BackendRules | null; readonly digest: string };

/**
 * Reads one node's rules again and again. A later reading first takes only the dumps' digests; nothing is parsed while
 * they are those of the last reading.
 */
export class IptablesReader {
  readonly #host: Host;
  readonly #now: () => Date;
  readonly #keepsRules: boolean;
  #last: Remembered | null = null;

  /**
   * @param keepsRules whether `explain` shall be answered, and all owners be told: the dumps then stay in memory until
   * the next reading. Otherwise no owners are told, and `ownerHint` tells of one frontend; the table is
   * kept as leaves (a BucketTable), which it shares with the report before wherever they are alike.
   */
  constructor(host: Host, now: () => Date, keepsRules: boolean) {
    this.#host = host;
    this.#now = now;
    this.#keepsRules = keepsRules;
  }

  /** `failed` when any dump fails: a table of half the rules would say that the other half is missing. */
  async read(input: IptablesInput, { evidenceFor, expectsChange }: Wishes = noWishes): Promise<IptablesReading> {
    const found = await findDumpSources(this.#host, input.nftTables);
    if (!found.ok) return failed(found.reason);
    const { sources } = found;
    const mayBeUnchanged = evidenceFor.length === 0 && !expectsChange;
    const last = this.#last;
    if (last !== null && mayBeUnchanged && (await this.#isUnchanged(sources, input))) return this.#ok(last, []);
    this.#last = null;
    const rulesets: BackendRules[] = [];
    try {
      const digests: string[] = [];
      for (const source of sources) {
        const dump = await parseDump(this.#host, source);
        if (!dump.ok) return dump.absent && isUnrecorded(sources) ? noIptablesReading : failed(dump.reason);
        if (dump.value.read !== null) rulesets.push(dump.value.read);
        digests.push(dump.value.digest);
      }
      const made = madeOf(sources, digests, input);
      // Unchanged, the report stays the very same object, so that whoever holds it sees it.
      const unchanged = last !== null && !this.#keepsRules && isSame(last, made, input) ? last : null;
      if (unchanged !== null && evidenceFor.length === 0) {
        this.#last = unchanged;
        return this.#ok(unchanged, []);
      }
      const found = trace(rulesets, input);
      this.#last = unchanged ?? this.#remember(rulesets, found, { made, input, last });
      return this.#ok(this.#last, evidenceOf(evidenceFor, found.traced));
    } finally {
      if (!this.#keepsRules) for (const { ruleset } of rulesets) ruleset.release();
    }
  }

  #remember(
    rulesets: readonly BackendRules[],
    found: FoundInRules,
    { made, input, last }: { readonly made: string; readonly input: IptablesInput; readonly last: Remembered | null },
  ): Remembered {
    const { traced, facts } = found;
    const { owners, table, linkPatterns, ownerHint } = traced;
    const forwarding: ForwardingReport = {
      mode: 'iptables',
      table: this.#keepsRules ? table : sharedTable(table, last?.forwarding.table ?? null),
      owners: this.#keepsRules ? owners() : new Map(),
      unlisted: traced.unlisted,
    };
    const report = reportOf(rulesets, found, input);
    const explain = this.#keepsRules ? (key: FrontendKey) => traced.explain(key).first : nothingRead.explain;
    const links = linksAsSeen(input.links, linkPatterns);
    return { report, forwarding, facts, explain, ownerHint, made, linkPatterns, links };
  }

  #ok(remembered: Remembered, evidence: readonly ReadEvidence[]): IptablesReading {
    const { report, forwarding, facts, explain, ownerHint } = remembered;
    const collectedAt = this.#now().toISOString();
    const part = { state: 'ok', value: report, collectedAt } as const;
    return { part, forwarding: { state: 'ok', value: forwarding, collectedAt }, facts, explain, ownerHint, evidence };
  }

  /** False also when a dump fails: reading it whole will then say why. */
  async #isUnchanged(sources: readonly DumpSource[], input: IptablesInput): Promise<boolean> {
    if (this.#last === null) return false;
    const digests: string[] = [];
    for (const source of sources) {
      const digest = new DumpDigest();
      const result = await takeDump(this.#host, source, [digest]);
      if (!result.ok) return false;
      digests.push(digest.finish());
    }
    return isSame(this.#last, madeOf(sources, digests, input), input);
  }
}

function isSame(last: Remembered, made: string, { links }: IptablesInput): boolean {
  return last.made === made && last.links === linksAsSeen(links, last.linkPatterns);
}

function failed(reason: string): IptablesReading {
  return { ...noIptablesReading, ...notRead(reason), part: { state: 'failed', reason } };
}

/** Neither a table is known of, nor is there a program to look for one: nothing was recorded, or nothing is installed. */
function isUnrecorded(sources: readonly DumpSource[]): boolean {
  return sources.every(({ expectTables }) => expectTables.length === 0);
}

function madeOf(sources: readonly DumpSource[], digests: readonly string[], input: IptablesInput): string {
  const { localAddresses, configuration, nftTables } = input;
  return JSON.stringify([sources, digests, localAddresses, configuration, hostPortTables(nftTables)]);
}

/** Takes one dump and reads it. */
export async function parseDump(host: Host, source: DumpSource): Promise<DumpResult<ParsedDump>> {
  const { backend, family, program, expectTables } = source;
  const reader = new RulesetReader({ expectTables, trailer: 'required', seed: randomInt(2 ** 31) });
  const digest = new DumpDigest();
  const result = await takeDump(host, source, [reader, digest]);
  if (!result.ok) return { ok: false, absent: result.kind === 'absent', reason: dumpFailure(result) };
  if (result.bytes === 0 && expectTables.length === 0) {
    return { ok: true, value: { read: null, digest: digest.finish() } };
  }
  const parsed = reader.finish();
  if (!parsed.ok) {
    const { line, message } = parsed.failure;
    return { ok: false, absent: false, reason: `${program} printed what cannot be read, line ${line}: ${message}` };
  }
  return { ok: true, value: { read: { backend, family, ruleset: parsed.ruleset }, digest: digest.finish() } };
}

/** The addresses that answer node ports. Which one is the primary, of all those of a node, the rules alone say. */
function answering(facts: RuleFacts, configuration: KubeProxyConfiguration | null): 'all' | readonly Prefix[] {
  const selected = valueOr(nodePortAddressesOf('iptables', facts, configuration), 'all');
  if (selected !== 'primary') return selected;
  const named = [facts.nodePorts.ipv4?.addresses ?? [], facts.nodePorts.ipv6?.addresses ?? []];
  const prefixes = named.flatMap((addresses) => (addresses === 'all' ? [] : addresses));
  return prefixes.length === 0 ? 'all' : prefixes;
}

interface FoundInRules {
  readonly traced: Traced;
  readonly facts: RuleFacts;
  readonly localDetector: { readonly [family in Family]: LocalDetector };
}

function trace(rulesets: readonly BackendRules[], input: IptablesInput): FoundInRules {
  const facts = findRuleFacts(rulesets);
  const { localAddresses, links, configuration } = input;
  const localDetector = {
    ipv4: valueOr(localDetectorOf('ipv4', facts, configuration), { kind: 'none' }),
    ipv6: valueOr(localDetectorOf('ipv6', facts, configuration), { kind: 'none' }),
  } as const;
  const traced = traceIptables({
    rulesets,
    localAddresses,
    localDetector,
    // Not known = no key at all: the tracer then takes what it can without.
    ...(links === null ? {} : { links }),
    nodePortAddresses: answering(facts, configuration),
  });
  return { traced, facts, localDetector };
}

function reportOf(
  rulesets: readonly BackendRules[],
  { traced: { serviceBackends }, facts, localDetector }: FoundInRules,
  { configuration, localAddresses, links, nftTables }: IptablesInput,
): IptablesReport {
  const markBit = valueOr(markBitOf(facts, configuration), 14);
  const structures = rulesets.map((read) => {
    const node = { localAddresses, localDetector: localDetector[read.family], ...(links === null ? {} : { links }) };
    return describeStructure({ ...read, markBit, node });
  });
  return {
    structures,
    serviceBackends,
    proxyChains: proxyChains(rulesets),
    hostPortTables: hostPortTables(nftTables),
  };
}
