/**
 * The kernel's load balancer, where kube-proxy serves Services with it: virtual servers, addresses, rules and sets ->
 * what the node does (traced) and how it is built. IPv4 and IPv6 stand in one table of the kernel.
 */
import type { Address } from '../../proto/address.ts';
import { digest } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { ForwardingReport, IpvsReport, Part } from '../../proto/parts.ts';
import { valueOr } from '../../proto/profile.ts';
import type { Clock } from '../clock.ts';
import { type TracedIpvs, traceIpvs } from '../dataplane/ipvs.ts';
import type { BalancedService } from '../dataplane/ipvs/balancer.ts';
import type { VirtualServices } from '../dataplane/ipvs/proc-table.ts';
import { clusterIpRule } from '../dataplane/ipvs/rule-sets.ts';
import type { ServerKey, VirtualService } from '../dataplane/ipvs/server.ts';
import { linksAsSeen } from '../dataplane/node-facts.ts';
import { usedMarkBit } from '../dataplane/rules-profile.ts';
import type { Host } from '../host.ts';
import { localDetectorOf, nodePortAddressesOf } from '../profile-facts.ts';
import type { ReadEvidence } from '../reading.ts';
import { ipvsLink } from './addresses.ts';
import { type DataplaneReading, notRead, nothingRead, noWishes, type Wishes } from './dataplane-reading.ts';
import { DrainClock } from './drain-clock.ts';
import { evidenceOf } from './entry-evidence.ts';
import type { IptablesInput } from './iptables.ts';
import { describeIpvs, drainedServers } from './ipvs-report.ts';
import {
  readBoundAddresses,
  readKeptSeconds,
  readRulesAround,
  readServices,
  readSetting,
  type RulesAround,
  type Source,
} from './ipvs-sources.ts';
import { noRuleFacts, type RuleFacts } from './rule-facts.ts';
import { sharedTable } from './shared-table.ts';

/** What is traced with; a change of it means tracing anew. */
export type IpvsInput = IptablesInput;

export interface IpvsReading extends DataplaneReading {
  readonly part: Part<IpvsReport>;
  readonly facts: RuleFacts;
  /** The health check node ports that kube-proxy lets in. */
  readonly healthCheckPorts: readonly number[];
}

export const noIpvsReading: IpvsReading = {
  ...nothingRead,
  part: { state: 'absent' },
  facts: noRuleFacts,
  healthCheckPorts: [],
};

/** What one reading found, before it is traced. */
interface Found {
  readonly services: ReadonlyMap<ServerKey, BalancedService>;
  readonly bound: readonly Address[];
  readonly around: RulesAround;
  readonly tracksConnections: boolean;
}

/** A trace, and what it was made of. */
interface Remembered extends Pick<IpvsReading, 'explain' | 'healthCheckPorts'> {
  readonly forwarding: ForwardingReport;
  readonly facts: RuleFacts;
  readonly made: string;
  readonly links: string;
  readonly linkPatterns: readonly string[];
}

/** Ticks per second of the kernel, as distributions set it. */
const knownTicks = new Set([100, 250, 300, 1000]);

/** Reads one node's load balancer again and again. */
export class IpvsReader {
  readonly #host: Host;
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly #keepsRules: boolean;
  readonly #drains = new DrainClock();
  #ticksPerSecond: number | null = null;
  #last: Remembered | null = null;

  /** @param keepsRules as that of IptablesReader. */
  constructor(host: Host, clock: Pick<Clock, 'now' | 'monotonicMs'>, keepsRules: boolean) {
    this.#host = host;
    this.#clock = clock;
    this.#keepsRules = keepsRules;
  }

  /**
   * `absent` where the kernel has no table of virtual servers. Where it has one and kube-proxy does not use it (there is
   * no kube-ipvs0, and its configuration names another mode), nothing is traced: the virtual servers are somebody else's.
   * `failed` when any part cannot be read whole.
   */
  async read(input: IpvsInput, { evidenceFor }: Wishes = noWishes): Promise<IpvsReading> {
    const last = this.#last;
    this.#last = null;
    const listed = await readServices(this.#host);
    if (!listed.ok) return listed.absent ? noIpvsReading : failed(listed.reason, isServing(input));
    const hasLink = input.links?.includes(ipvsLink) === true;
    const bound = hasLink ? await readBoundAddresses(this.#host) : ({ ok: true, value: [] } as const);
    if (!bound.ok) return failed(bound.reason, true);
    const part = await this.#partOf(input, listed.value, bound.value);
    if (!isServing(input)) return { ...noIpvsReading, part };
    if (input.localAddresses.length === 0) return { ...failed('the addresses of the node are not known', true), part };
    const around = await readRulesAround(this.#host, input.nftTables);
    if (!around.ok) return { ...failed(around.reason, true), part };
    try {
      const found = await this.#found(listed.value, bound.value, around);
      const made = madeOf(found, input);
      const unchanged = last !== null && isSame(last, made, input) ? last : null;
      if (unchanged !== null && evidenceFor.length === 0) {
        this.#last = unchanged;
        return this.#ok(part, unchanged, []);
      }
      const facts = factsOf(found);
      const traced = trace(found, facts, input);
      this.#last =
        unchanged ?? this.#remember(traced, { made, input, last, facts, healthCheckPorts: healthCheckPortsOf(found) });
      return this.#ok(part, this.#last, evidenceOf(evidenceFor, traced));
    } finally {
      if (!this.#keepsRules) around.value.release();
    }
  }

  async #partOf(
    { localAddresses }: IpvsInput,
    services: VirtualServices,
    bound: readonly Address[],
  ): Promise<Part<IpvsReport>> {
    const drained = drainedServers(services, this.#drains, this.#clock.monotonicMs());
    const value: IpvsReport = {
      ...describeIpvs(services, bound, localAddresses),
      drained,
      connReuseMode: await readSetting(this.#host, 'net/ipv4/vs/conn_reuse_mode'),
      expireQuiescentTemplate: await readSetting(this.#host, 'net/ipv4/vs/expire_quiescent_template'),
    };
    return { state: 'ok', value, collectedAt: this.#clock.now().toISOString() };
  }

  async #found(
    services: VirtualServices,
    bound: readonly Address[],
    { value: around }: Extract<Source<RulesAround>, { readonly ok: true }>,
  ): Promise<Found> {
    const keeps = [...services.values()].some(({ persistentTicks }) => persistentTicks !== null);
    if (keeps) this.#ticksPerSecond ??= await ticksPerSecond(this.#host, services);
    const balanced = new Map([...services].map(([key, one]) => [key, balancedService(one, this.#ticksPerSecond)]));
    // Without the file it is an older kernel's, or a recording: kube-proxy sets it to 1 at its start.
    const tracksConnections = (await readSetting(this.#host, 'net/ipv4/vs/conntrack')) !== 0;
    return { services: balanced, bound, around, tracksConnections };
  }

  #remember(
    traced: TracedIpvs,
    {
      made,
      input,
      last,
      facts,
      healthCheckPorts,
    }: {
      readonly made: string;
      readonly input: IpvsInput;
      readonly last: Remembered | null;
      readonly facts: RuleFacts;
      readonly healthCheckPorts: readonly number[];
    },
  ): Remembered {
    const { table, unlisted, linkPatterns } = traced;
    const forwarding: ForwardingReport = {
      mode: 'ipvs',
      table: this.#keepsRules ? table : sharedTable(table, last?.forwarding.table ?? null),
      owners: new Map(),
      unlisted,
    };
    const explain = this.#keepsRules ? (key: FrontendKey) => traced.explain(key).first : nothingRead.explain;
    const links = linksAsSeen(input.links, linkPatterns);
    return { forwarding, facts, explain, healthCheckPorts, made, linkPatterns, links };
  }

  #ok(part: Part<IpvsReport>, remembered: Remembered, evidence: readonly ReadEvidence[]): IpvsReading {
    const { forwarding, facts, explain, healthCheckPorts } = remembered;
    const collectedAt = this.#clock.now().toISOString();
    const ok = { state: 'ok', value: forwarding, collectedAt } as const;
    // The kernel keeps no names with virtual servers: whose they are, only the API says.
    const { ownerHint } = nothingRead;
    return { part, forwarding: ok, facts, explain, healthCheckPorts, ownerHint, evidence };
  }
}

function failed(reason: string, isServing: boolean): IpvsReading {
  return { ...noIpvsReading, ...(isServing ? notRead(reason) : {}), part: { state: 'failed', reason } };
}

/** Whether kube-proxy serves with it. Links that are not known are told as failed addresses, not as another mode. */
function isServing({ links, configuration }: IpvsInput): boolean {
  return links?.includes(ipvsLink) === true || configuration?.mode === 'ipvs';
}

function balancedService(service: VirtualService, perSecond: number | null): BalancedService {
  const { persistentTicks: ticks } = service;
  const affinitySeconds = ticks === null ? 0 : perSecond === null ? null : Math.round(ticks / perSecond);
  return { ...service, affinitySeconds };
}

/**
 * The kernel tells times in ticks, whose length no file states. It is the same as long as the node runs: ipvsadm, which
 * asks the kernel for seconds, shows it once; without ipvsadm a setting does that is one second by default.
 */
async function ticksPerSecond(host: Host, services: VirtualServices): Promise<number | null> {
  const kept = await readKeptSeconds(host);
  if (kept.ok) {
    for (const [key, { persistentTicks }] of services) {
      const perSecond = (persistentTicks ?? 0) / (kept.value.get(key) ?? Infinity);
      if (knownTicks.has(perSecond)) return perSecond;
    }
  }
  const second = await readSetting(host, 'net/ipv4/route/error_cost');
  return second !== null && knownTicks.has(second) ? second : null;
}

/** One bitmap of ports for both families: `add KUBE-HEALTH-CHECK-NODE-PORT 32000`. */
function healthCheckPortsOf({ around: { sets } }: Found): readonly number[] {
  const entries = sets.get('KUBE-HEALTH-CHECK-NODE-PORT')?.entries ?? [];
  return entries.map(Number).filter((port) => Number.isInteger(port) && port > 0 && port < 65_536);
}

function factsOf({ around: { rulesets } }: Found): RuleFacts {
  const said = rulesets.map(({ ruleset, family }) => ({ family, ...clusterIpRule(ruleset, family) }));
  const detector = (family: 'ipv4' | 'ipv6') =>
    said.find((one) => one.family === family && one.localDetector !== null)?.localDetector ?? null;
  const marks = rulesets.map(({ ruleset }) => usedMarkBit(ruleset));
  return {
    ...noRuleFacts,
    localDetector: { ipv4: detector('ipv4'), ipv6: detector('ipv6') },
    markBit: marks.find((bit) => bit !== null) ?? null,
    masqueradeAll: said.find(({ masqueradeAll }) => masqueradeAll !== null)?.masqueradeAll ?? null,
    hairpin: 'own-endpoints',
    refusesOwnFirst: null,
  };
}

function trace(
  { services, bound, around, tracksConnections }: Found,
  facts: RuleFacts,
  { localAddresses, links, configuration }: IpvsInput,
): TracedIpvs {
  const selected = valueOr(nodePortAddressesOf('ipvs', facts, configuration), 'all');
  return traceIpvs({
    services,
    boundAddresses: bound,
    rulesets: around.rulesets,
    sets: around.sets,
    tracksConnections,
    localAddresses,
    localDetector: {
      ipv4: valueOr(localDetectorOf('ipv4', facts, configuration), { kind: 'none' }),
      ipv6: valueOr(localDetectorOf('ipv6', facts, configuration), { kind: 'none' }),
    },
    nodePortAddresses: selected === 'primary' ? 'all' : selected,
    ...(links === null ? {} : { links }),
  });
}

function isSame(last: Remembered, made: string, { links }: IpvsInput): boolean {
  return last.made === made && last.links === linksAsSeen(links, last.linkPatterns);
}

/** Connections come and go: they change no forwarding. */
function madeOf(found: Found, { localAddresses, configuration }: IpvsInput): string {
  const { services, bound, around, tracksConnections } = found;
  const lines = [...services].map(
    ([key, { scheduler, affinitySeconds, servers }]) =>
      `${key} ${scheduler} ${affinitySeconds} ${servers.map(({ backend, method, weight }) => `${backend}/${method}/${weight}`).sort()}`,
  );
  const text = JSON.stringify([
    lines.sort(),
    [...bound].sort(),
    around.digest,
    tracksConnections,
    localAddresses,
    configuration,
  ]);
  return digest(text);
}
