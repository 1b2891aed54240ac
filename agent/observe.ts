/** One observation of a node: all collectors, and the profile made of what they gathered. */
import type { FrontendKey } from '../proto/forwarding.ts';
import type { DnsReport, NodeParts, Part, ProbesReport, RuleLine } from '../proto/parts.ts';
import type { NodeProfile } from '../proto/profile.ts';
import { type Gathered, collectors, nothingGathered } from './collectors/index.ts';
import { noWishes, type Wishes } from './collectors/dataplane-reading.ts';
import { type Readers, readersOf } from './collectors/readers.ts';
import type { DnsSettings } from './collectors/dns/dns.ts';
import type { Host } from './host.ts';
import { lookupsOff, type LookupsToldOf } from './lookups/looking-up.ts';
import { profileOf } from './profile.ts';
import type { ReadEvidence } from './reading.ts';

export interface Observation {
  readonly profile: NodeProfile;
  readonly parts: NodeParts;
  /** The rules that packets to a frontend meet, at most 40. */
  readonly explain: (key: FrontendKey) => readonly RuleLine[];
  /** `ns/name:port` where a rule claims a frontend and its chain's name agrees; null otherwise. */
  readonly ownerHint: (key: FrontendKey) => string | null;
  /** The rules behind the entries that were asked for; none where the rules could not be read. */
  readonly evidence: readonly ReadEvidence[];
}

export interface ObserveOptions {
  readonly now?: () => Date;
  /** Hand in the same ones each time to have counts told with what they rose by, and unchanged rules read by their
   * digest only; without them, rules are kept for `explain`. */
  readonly readers?: Readers;
  readonly wishes?: Wishes;
  /** What probes tell at this moment; absent where there are none. */
  readonly probes?: (() => Part<ProbesReport>) | undefined;
  /** What lookups tell at this moment; absent where there are none. */
  readonly lookups?: (() => LookupsToldOf) | undefined;
}

/** Observes a node once. The collectors run one after the other: the node has other work to do. */
export async function observe(host: Host, options: ObserveOptions = {}): Promise<Observation> {
  const now = options.now ?? (() => new Date());
  const readers = options.readers ?? readersOf(host, { now, monotonicMs: () => performance.now() }, true);
  const tools = { ...readers, host, now, wishes: options.wishes ?? noWishes };
  let gathered: Gathered = nothingGathered;
  for (const collect of collectors) gathered = { ...gathered, ...(await collect(tools, gathered)) };
  const {
    iptables,
    nftables,
    ipvs,
    kubeProxy,
    addresses,
    proxyTraces,
    ebpfProxy,
    conntrack,
    kernel,
    standing,
    dataplane,
  } = gathered;
  return {
    profile: profileOf(gathered),
    parts: {
      forwarding: dataplane.forwarding,
      iptables: iptables.part,
      nftables: nftables.part,
      ipvs: ipvs.part,
      ebpfProxy,
      kubeProxy: kubeProxy.part,
      addresses,
      proxyTraces,
      conntrack,
      kernel,
      ...standing,
      dns: withLookups(standing.dns, options.lookups?.() ?? lookupsOff),
      probes: options.probes?.() ?? { state: 'absent' },
    },
    explain: dataplane.explain,
    ownerHint: dataplane.ownerHint,
    evidence: dataplane.evidence,
  };
}

function withLookups(settings: Part<DnsSettings>, told: LookupsToldOf): Part<DnsReport> {
  return settings.state === 'ok' ? { ...settings, value: { ...settings.value, ...told } } : settings;
}
