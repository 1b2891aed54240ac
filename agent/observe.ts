/** One observation of a node: all collectors, and the profile made of what they gathered. */
import type { FrontendKey } from '../proto/forwarding.ts';
import type { NodeParts, RuleLine } from '../proto/parts.ts';
import type { NodeProfile } from '../proto/profile.ts';
import { type Gathered, collectors, nothingGathered } from './collectors/index.ts';
import { IptablesReader, noWishes, type Wishes } from './collectors/iptables.ts';
import { KubeProxyReader } from './collectors/kube-proxy.ts';
import { type StandingFacts, standingFactsReader } from './collectors/standing-facts.ts';
import type { Host } from './host.ts';
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
  /** Hand in the same one each time to have unchanged rules read by their digest only; without one, rules are kept for
   * `explain`. */
  readonly iptables?: IptablesReader;
  /** The same one each time, to have its counts told with what they rose by. */
  readonly kubeProxy?: KubeProxyReader;
  /** The same one each time, to have them read seldom. */
  readonly standing?: () => Promise<StandingFacts>;
  readonly wishes?: Wishes;
}

/** Observes a node once. The collectors run one after the other: the node has other work to do. */
export async function observe(host: Host, options: ObserveOptions = {}): Promise<Observation> {
  const now = options.now ?? (() => new Date());
  const clocks = { now, monotonicMs: () => performance.now() };
  const tools = {
    host,
    now,
    iptables: options.iptables ?? new IptablesReader(host, now, true),
    kubeProxy: options.kubeProxy ?? new KubeProxyReader(host, clocks),
    standing: options.standing ?? standingFactsReader(host, clocks),
    wishes: options.wishes ?? noWishes,
  };
  let gathered: Gathered = nothingGathered;
  for (const collect of collectors) gathered = { ...gathered, ...(await collect(tools, gathered)) };
  const { iptables, kubeProxy, addresses, proxyTraces, standing } = gathered;
  return {
    profile: profileOf(gathered),
    parts: { iptables: iptables.part, kubeProxy: kubeProxy.part, addresses, proxyTraces, ...standing },
    explain: iptables.explain,
    ownerHint: iptables.ownerHint,
    evidence: iptables.evidence,
  };
}
