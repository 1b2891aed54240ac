/** Nodes of one release that differ from what is expected in one and the same way. */
import { routeText } from '../../../proto/canonical.ts';
import type { Forwarding, FrontendKey } from '../../../proto/forwarding.ts';
import { origins } from '../../../proto/forwarding.ts';
import type { NodeView } from '../../model/check.ts';
import type { Difference, Drift } from '../../model/drift.ts';

/** As many nodes of one release must agree. */
export const leastNodes = 10;
/** Such a part of them must. */
export const leastShare = 0.9;

/** The nodes of one release, and what nearly all of them agree on. */
export interface Agreement {
  /** Mode and version of kube-proxy: `iptables v1.36.2`. */
  readonly release: string;
  /** Every node of the release whose rules show no damage. */
  readonly nodes: readonly NodeView[];
  /** Never empty. */
  readonly drifts: readonly SharedDrift[];
}

/** The same drift, as it was seen on some nodes. */
export interface SharedDrift {
  readonly key: FrontendKey;
  readonly text: string;
  readonly nodes: readonly NodeView[];
}

/** The releases of which nearly all nodes differ in the same way. */
export function agreementsOf(views: readonly NodeView[]): readonly Agreement[] {
  const groups = Map.groupBy(views.filter(isWitness), releaseOf);
  return [...groups].flatMap(([release, nodes]) => {
    if (release === null || nodes.length < leastNodes) return [];
    const least = Math.max(leastNodes, Math.ceil(nodes.length * leastShare));
    const drifts = sharedDrifts(nodes).filter((drift) => drift.nodes.length >= least);
    return drifts.length === 0 ? [] : [{ release, nodes, drifts }];
  });
}

/** Damage that is to be seen explains itself; it says nothing about our formula, nor of what peers do. */
export function isWitness({ desired, observed, parts }: NodeView): boolean {
  if (desired === null || observed === null) return false;
  if (parts.kubeProxy.state === 'ok' && parts.kubeProxy.value.healthz === 'silent') return false;
  if (parts.proxyTraces.state === 'ok' && Object.values(parts.proxyTraces.value).filter(Boolean).length > 1)
    return false;
  if (parts.iptables.state === 'ok' && parts.iptables.value.serviceBackends.length > 1) return false;
  const structures = [
    ...(parts.iptables.state === 'ok' ? parts.iptables.value.structures : []),
    ...(parts.nftables.state === 'ok' ? parts.nftables.value.structures : []),
  ];
  return structures.every(({ missingBaseJumps }) => missingBaseJumps.length === 0);
}

/** The routes of all origins as one text, `none` where there is no forwarding. */
export function routesText(forwarding: Forwarding | null): string {
  if (forwarding === null) return 'none';
  const texts = origins.map((origin) => routeText(forwarding[origin].route));
  return [...new Set(texts)].join(' / ');
}

/** Mode and version of a node's kube-proxy; null where either is unknown. */
function releaseOf({ profile: { mode, kubeProxyVersion } }: NodeView): string | null {
  if (mode.source === 'unknown' || kubeProxyVersion.source === 'unknown') return null;
  return `${mode.value} ${kubeProxyVersion.value}`;
}

function sharedDrifts(nodes: readonly NodeView[]): readonly SharedDrift[] {
  const found = new Map<string, { readonly key: FrontendKey; readonly text: string; readonly nodes: NodeView[] }>();
  for (const view of nodes) {
    for (const drift of view.drift) {
      if (drift.kind === 'unknown') continue;
      const text = driftText(drift);
      const shared = found.get(`${drift.key} ${text}`);
      if (shared === undefined) found.set(`${drift.key} ${text}`, { key: drift.key, text, nodes: [view] });
      else shared.nodes.push(view);
    }
  }
  return [...found.values()];
}

/** The same text for the same drift, whatever node it is on. */
function driftText(drift: Drift): string {
  switch (drift.kind) {
    case 'missing':
      return `wanted ${routesText(drift.wanted)}, real none`;
    case 'stale':
      return `wanted none, real ${routesText(drift.real)}`;
    case 'different':
      return drift.differences.map(differenceText).join('; ');
    case 'unknown':
      return `unknown ${drift.reason}`;
  }
}

function differenceText(difference: Difference): string {
  const { aspect, origin } = difference;
  if (aspect === 'backends') {
    return `${origin}: missing [${difference.missing.join(',')}] stale [${difference.stale.join(',')}]`;
  }
  return `${origin}: ${aspect} wanted ${JSON.stringify(difference.wanted)}, real ${JSON.stringify(difference.real)}`;
}
