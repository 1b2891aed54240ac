/**
 * The node's iptables rules: dumps -> rulesets -> what the node does (traced) and how the rules are built.
 * One child at a time. The rulesets live only while they are traced: of a large cluster they are a hundred megabytes.
 */
import { randomInt } from 'node:crypto';
import { DumpDigest, RulesetReader } from 'node-iptables-parse';
import type { Address, Prefix } from '../../proto/address.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { IptablesReport, Part, RuleLine } from '../../proto/parts.ts';
import { valueOr } from '../../proto/profile.ts';
import { type BackendRules, traceIptables } from '../dataplane/iptables.ts';
import { describeStructure } from '../dataplane/structure.ts';
import type { Host } from '../host.ts';
import { localDetectorOf, markBitOf, nodePortAddressesOf } from '../profile-facts.ts';
import { type DumpSource, dumpFailure, findDumpSources, takeDump } from './iptables-dumps.ts';
import type { KubeProxyConfiguration } from './kube-proxy-configuration.ts';
import type { NftTables } from './nft-tables.ts';
import { findRuleFacts, noRuleFacts, type RuleFacts } from './rule-facts.ts';

/** What the rules are traced with; a change of it means tracing anew. */
export interface IptablesInput {
  readonly localAddresses: readonly Address[];
  /** Null = not known. */
  readonly links: readonly string[] | null;
  readonly configuration: KubeProxyConfiguration | null;
  readonly nftTables: NftTables;
}

export interface IptablesReading {
  readonly part: Part<IptablesReport>;
  readonly facts: RuleFacts;
  /** The rules that packets to a frontend meet, at most 40; none where the reader does not keep the rules. */
  readonly explain: (key: FrontendKey) => readonly RuleLine[];
}

const noLines: IptablesReading['explain'] = () => [];

export const noIptablesReading: IptablesReading = {
  part: { state: 'absent' },
  facts: noRuleFacts,
  explain: noLines,
};

/** A reading that succeeded, and what it was made of. */
interface Remembered {
  readonly report: IptablesReport;
  readonly facts: RuleFacts;
  readonly explain: IptablesReading['explain'];
  readonly made: string;
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

  /** @param keepsRules whether `explain` shall be answered: the dumps then stay in memory until the next reading. */
  constructor(host: Host, now: () => Date, keepsRules: boolean) {
    this.#host = host;
    this.#now = now;
    this.#keepsRules = keepsRules;
  }

  /** `failed` when any dump fails: a table of half the rules would say that the other half is missing. */
  async read(input: IptablesInput): Promise<IptablesReading> {
    const found = await findDumpSources(this.#host, input.nftTables);
    if (!found.ok) return failed(found.reason);
    const { sources } = found;
    if (this.#last !== null && this.#last.made === (await this.#digestAll(sources, input))) {
      return this.#ok(this.#last);
    }
    this.#last = null;
    const rulesets: BackendRules[] = [];
    const digests: string[] = [];
    for (const source of sources) {
      const dump = await parseDump(this.#host, source);
      if (!dump.ok) return dump.absent && isUnrecorded(sources) ? noIptablesReading : failed(dump.reason);
      if (dump.value.read !== null) rulesets.push(dump.value.read);
      digests.push(dump.value.digest);
    }
    const reading = traced(rulesets, input);
    if (!this.#keepsRules) for (const { ruleset } of rulesets) ruleset.release();
    const explain = this.#keepsRules ? reading.explain : noLines;
    this.#last = { ...reading, explain, made: madeOf(sources, digests, input) };
    return this.#ok(this.#last);
  }

  #ok({ report, facts, explain }: Remembered): IptablesReading {
    return { part: { state: 'ok', value: report, collectedAt: this.#now().toISOString() }, facts, explain };
  }

  /** Null when a dump fails: reading it whole will then say why. */
  async #digestAll(sources: readonly DumpSource[], input: IptablesInput): Promise<string | null> {
    const digests: string[] = [];
    for (const source of sources) {
      const digest = new DumpDigest();
      const result = await takeDump(this.#host, source, [digest]);
      if (!result.ok) return null;
      digests.push(digest.finish());
    }
    return madeOf(sources, digests, input);
  }
}

function failed(reason: string): IptablesReading {
  return { part: { state: 'failed', reason }, facts: noRuleFacts, explain: noLines };
}

/** Neither a table is known of, nor is there a program to look for one: nothing was recorded, or nothing is installed. */
function isUnrecorded(sources: readonly DumpSource[]): boolean {
  return sources.every(({ expectTables }) => expectTables.length === 0);
}

function madeOf(sources: readonly DumpSource[], digests: readonly string[], input: IptablesInput): string {
  const { localAddresses, links, configuration } = input;
  return JSON.stringify([sources, digests, localAddresses, links, configuration]);
}

async function parseDump(host: Host, source: DumpSource): Promise<DumpResult<ParsedDump>> {
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

function traced(rulesets: readonly BackendRules[], input: IptablesInput): Omit<Remembered, 'made'> {
  const facts = findRuleFacts(rulesets);
  const { localAddresses, links, configuration } = input;
  const markBit = valueOr(markBitOf(facts, configuration), 14);
  const localDetector = {
    ipv4: valueOr(localDetectorOf('ipv4', facts, configuration), { kind: 'none' }),
    ipv6: valueOr(localDetectorOf('ipv6', facts, configuration), { kind: 'none' }),
  } as const;
  const { table, owners, serviceBackends, unlisted, explain } = traceIptables({
    rulesets,
    localAddresses,
    localDetector,
    // Not known = no key at all: the tracer then takes what it can without.
    ...(links === null ? {} : { links }),
    nodePortAddresses: answering(facts, configuration),
  });
  const structures = rulesets.map((read) => describeStructure({ ...read, markBit }));
  return { report: { structures, serviceBackends, table, owners: owners(), unlisted }, facts, explain };
}
