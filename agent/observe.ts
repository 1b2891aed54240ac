/** One observation of a node: all collectors, and the profile made of what they gathered. */
import type { FrontendKey } from '../proto/forwarding.ts';
import type { AddressesReport, IptablesReport, KubeProxyReport, Part, ProxyTraces, RuleLine } from '../proto/parts.ts';
import type { NodeProfile } from '../proto/profile.ts';
import { type Gathered, collectors, nothingGathered } from './collectors/index.ts';
import { IptablesReader } from './collectors/iptables.ts';
import type { Host } from './host.ts';
import { profileOf } from './profile.ts';

export interface Observation {
  readonly profile: NodeProfile;
  readonly parts: {
    readonly iptables: Part<IptablesReport>;
    readonly kubeProxy: Part<KubeProxyReport>;
    readonly addresses: Part<AddressesReport>;
    readonly proxyTraces: Part<ProxyTraces>;
  };
  /** The rules that packets to a frontend meet, at most 40. */
  readonly explain: (key: FrontendKey) => readonly RuleLine[];
}

export interface ObserveOptions {
  readonly now?: () => Date;
  /** Hand in the same one each time to have unchanged rules read by their digest only; without one, rules are kept for
   * `explain`. */
  readonly iptables?: IptablesReader;
}

/** Observes a node once. The collectors run one after the other: the node has other work to do. */
export async function observe(host: Host, options: ObserveOptions = {}): Promise<Observation> {
  const now = options.now ?? (() => new Date());
  const tools = { host, now, iptables: options.iptables ?? new IptablesReader(host, now, true) };
  let gathered: Gathered = nothingGathered;
  for (const collect of collectors) gathered = { ...gathered, ...(await collect(tools, gathered)) };
  const { iptables, kubeProxy, addresses, proxyTraces } = gathered;
  return {
    profile: profileOf(gathered),
    parts: { iptables: iptables.part, kubeProxy: kubeProxy.part, addresses, proxyTraces },
    explain: iptables.explain,
  };
}
