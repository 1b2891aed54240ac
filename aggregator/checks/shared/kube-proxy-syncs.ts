/** What kube-proxy's own word says of its syncs: whether they fail, are overdue, or go on. */
import type { Family } from '../../../proto/address.ts';
import type { Counter, KubeProxyReport, Part, SyncFailures } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import { unixSeconds } from './times.ts';

/** A sync that was asked for and is not done. Unix seconds. */
export interface OverdueSync {
  readonly family: Family;
  readonly queued: number;
  readonly done: number;
}

/** What is wrong with kube-proxy's syncs; nothing of it is when all is empty and false. */
export interface SyncTrouble {
  readonly failures: readonly SyncFailures[];
  readonly overdue: readonly OverdueSync[];
  /** kube-proxy says so itself. */
  readonly unhealthy: boolean;
  /** Families whose table in nf_tables is gone or empty though kube-proxy works in that mode and has begun to sync. */
  readonly lostTables: readonly Family[];
}

/** Twice kube-proxy's default syncPeriod: it calls itself unhealthy after as long. */
const overdueSeconds = 60;
/** A sync may wait for minSyncPeriod and then take some seconds, on a large cluster more. */
const usualSeconds = 30;

/** Whether kube-proxy has said anything that counts. */
export function answers({ healthz, metricsAnswered }: KubeProxyReport): boolean {
  return metricsAnswered || healthz === 'healthy' || healthz === 'unhealthy';
}

/** Judges kube-proxy's syncs on one node. */
export function syncTrouble(
  view: NodeView,
  part: Extract<Part<KubeProxyReport>, { readonly state: 'ok' }>,
): SyncTrouble {
  const { value } = part;
  return {
    failures: value.syncFailures.filter(({ counter }) => counter.increase > 0),
    overdue: overdueSyncs(value, unixSeconds(part.collectedAt)),
    unhealthy: isUnhealthy(view, value),
    lostTables: lostTables(view, value),
  };
}

/** Whether anything is wrong at all. */
export function isTroubled({ failures, overdue, unhealthy, lostTables: lost }: SyncTrouble): boolean {
  return failures.length > 0 || overdue.length > 0 || unhealthy || lost.length > 0;
}

/** `2 in the last 60 s, 17 since its start`. */
export function counterText({ total, increase, windowSeconds }: Counter): string {
  return windowSeconds === 0
    ? `${total} since its start`
    : `${increase} in the last ${windowSeconds} s, ${total} since its start`;
}

/** `IPv4`. */
export function familyText(family: Family): string {
  return family === 'ipv4' ? 'IPv4' : 'IPv6';
}

/**
 * Of a quiet cluster the last sync may be hours ago: so a sync counts only once it was due for longer than syncs take.
 * Without any sync before it kube-proxy is starting.
 */
function overdueSyncs({ lastQueued, lastSync }: KubeProxyReport, readAt: number | null): readonly OverdueSync[] {
  return lastQueued.flatMap(({ family, seconds: queued }): readonly OverdueSync[] => {
    const done = lastSync.find((sync) => sync.family === family)?.seconds ?? 0;
    const isLong = done > 0 && queued - done > overdueSeconds;
    const isDue = readAt === null || readAt - queued >= usualSeconds;
    return isLong && isDue ? [{ family, queued, done }] : [];
  });
}

/**
 * In nftables mode each family has a table of its own, never without rules once the first sync is done. Before that
 * kube-proxy is starting, unless its syncs have failed already.
 */
function lostTables({ parts }: NodeView, { mode, lastSync, syncFailures }: KubeProxyReport): readonly Family[] {
  if (mode !== 'nftables' || parts.proxyTraces.state !== 'ok') return [];
  const { nftables } = parts;
  const structures = nftables.state === 'ok' ? nftables.value.structures : [];
  // A table that is there and was not read may hold what it should, and so may one that nobody could ask for.
  if (nftables.state === 'failed' || (parts.proxyTraces.value.nftables && nftables.state !== 'ok')) return [];
  const held = structures.filter(({ rules, elements }) => rules + elements > 0).map(({ family }) => family);
  const failed = syncFailures.filter(({ what, counter }) => what === 'nftables-sync' && counter.total > 0);
  const begun = [
    ...lastSync.filter(({ seconds }) => seconds > 0).map(({ family }) => family),
    ...failed.flatMap(({ family }) => (family === null ? [] : [family])),
  ];
  return [...new Set(begun)].filter((family) => !held.includes(family)).sort();
}

/** /healthz is 503 also while the node is being deleted, which says nothing of syncs; /livez is not (from v1.28 on). */
function isUnhealthy({ node }: NodeView, { healthz, livez }: KubeProxyReport): boolean {
  if (livez === 'unhealthy') return true;
  return healthz === 'unhealthy' && livez !== 'healthy' && node?.leaving !== true;
}
