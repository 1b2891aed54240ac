/** The report of one node, made of what it says it has and of what the store keeps. */
import type { PartName } from '../../proto/parts.ts';
import type { Part } from '../../proto/parts.ts';
import type { NodeReport } from '../model/feeds.ts';
import type { Claims } from './claims.ts';
import type { ContentStore, KeptTree } from './content-store.ts';
import { unknownProfile, withEmptyTable } from './kept-part.ts';
import type { PartValues } from './part-schemas.ts';

/** Which reading a State is of. */
export interface ReadingMark {
  readonly node: string;
  /** `epoch/number`. */
  readonly reading: string;
  /** By the aggregator's clock, Unix milliseconds. */
  readonly readAt: number;
}

/** The report, once everything that the claims name is in the store. What lacks nevertheless counts as failed. */
export function nodeReport(mark: ReadingMark, claims: Claims, tree: KeptTree | null, store: ContentStore): NodeReport {
  const collectedAt = new Date(mark.readAt).toISOString();
  const part = <Name extends PartName>(name: Name): Part<PartValues[Name]> => {
    const digest = claims.parts.get(name);
    if (digest === undefined) return { state: 'absent' };
    return (
      store.part(name, digest)?.asOf(name, collectedAt) ?? { state: 'failed', reason: `part ${name} did not come` }
    );
  };
  const profile = part('profile');
  return {
    ...mark,
    profile: profile.state === 'ok' ? profile.value : unknownProfile(whyNoProfile(profile)),
    parts: {
      forwarding: withEmptyTable(part('forwarding')),
      iptables: part('iptables'),
      nftables: part('nftables'),
      ipvs: part('ipvs'),
      ebpfProxy: part('ebpfProxy'),
      conntrack: part('conntrack'),
      kernel: part('kernel'),
      kubeProxy: part('kubeProxy'),
      addresses: part('addresses'),
      proxyTraces: part('proxyTraces'),
      routes: part('routes'),
      links: part('links'),
      neighbours: part('neighbours'),
      networkSettings: part('networkSettings'),
      networkCounters: part('networkCounters'),
      offloads: part('offloads'),
      cni: part('cni'),
      flannel: part('flannel'),
      bird: part('bird'),
      podNetworks: part('podNetworks'),
      sandboxes: part('sandboxes'),
      probes: part('probes'),
      dns: part('dns'),
    },
    table: tree?.table ?? null,
    ownerHint: tree?.ownerHint ?? noHint,
  };
}

function noHint(): null {
  return null;
}

function whyNoProfile(profile: Exclude<Part<unknown>, { readonly state: 'ok' }>): string {
  return profile.state === 'failed' ? profile.reason : 'the agent told no profile';
}
