/** One node with what the parts of its report say of themselves, and kube-proxy of itself. */
import type { KubeProxyReport, Part } from '../../proto/parts.ts';
import type { NodeReport } from '../model/feeds.ts';
import type { KubeProxyWord, NodeDetail, NodeRecord, PartRecord } from '../model/record.ts';
import { networkFacts } from './network-facts.ts';

export function nodeDetail(
  record: NodeRecord,
  { report }: { readonly report: Pick<NodeReport, 'parts'> | null },
): NodeDetail {
  if (report === null) return { ...record, parts: [], network: [], kubeProxy: null };
  const { kubeProxy } = report.parts;
  return {
    ...record,
    parts: Object.entries(report.parts).map(([name, part]) => partRecord(name, part)),
    network: networkFacts(report.parts),
    kubeProxy: kubeProxy.state === 'ok' ? ownWord(kubeProxy.value) : null,
  };
}

function partRecord(name: string, part: Part<unknown>): PartRecord {
  const { state } = part;
  return {
    name,
    state,
    collectedAt: part.state === 'ok' ? part.collectedAt : null,
    reason: part.state === 'failed' ? part.reason : null,
  };
}

/** What it believes stands beside what was read: it never reads its rules back. */
function ownWord({ healthz, livez, lastSync, lastQueued, believedRules, problems }: KubeProxyReport): KubeProxyWord {
  return {
    healthz,
    livez,
    lastSyncAt: newest(lastSync),
    lastQueuedAt: newest(lastQueued),
    believedRules: believedRules.length === 0 ? null : believedRules.reduce((sum, { rules }) => sum + rules, 0),
    problems: [...problems],
  };
}

function newest(times: readonly { readonly seconds: number }[]): string | null {
  const latest = Math.max(0, ...times.map(({ seconds }) => seconds));
  const at = new Date(latest * 1000);
  return latest === 0 || Number.isNaN(at.getTime()) ? null : at.toISOString();
}
