/** One node, as the shells show it. */
import { valueOr } from '../../proto/profile.ts';
import type { NodeHistory } from '../model/check.ts';
import type { NodeStatus } from '../model/node-status.ts';
import type { NodeMoment } from '../model/moment.ts';
import type { NodeRecord } from '../model/record.ts';
import type { NodeMemory } from './node-memory.ts';
import { waysSentence } from './ways-sentence.ts';

/** @param agent how its agent is doing now. */
export function nodeRecord(memory: NodeMemory, agent: NodeRecord['agent']): NodeRecord {
  const { last, report, figures, open, frozenBecause } = memory;
  const lastHeardAt = isoOrNull(memory.lastHeardAt);
  const ways = memory.ways.map((way) => (way.inUse ? { ...way, lastWorkedAt: lastHeardAt } : way));
  const speaks = agent === 'reporting' || agent === 'late';
  const count = (state: string) => open.filter((finding) => finding.state === state).length;
  return {
    ...statusOf(memory),
    uid: memory.uid,
    agent,
    lastHeardAt,
    lastReadingAt: isoOrNull(report?.readAt ?? null),
    readingIntervalSeconds: figures?.intervalSeconds ?? null,
    agentVersion: memory.agentVersion,
    kubeProxyVersion: report === null ? null : valueOr<string | null>(report.profile.kubeProxyVersion, null),
    unknownBecause: frozenBecause === null ? (last?.judgement.unknownReasons ?? []) : [frozenBecause],
    layers: layersOf(memory),
    showsStateOf: last === null ? null : commonPast(last.view.history),
    findings: { firing: count('firing'), pending: count('pending') },
    agentMetrics: figures,
    ways,
    waysSentence: speaks ? waysSentence(ways) : null,
  };
}

/** What the last look could tell, unless nothing can be told now. */
function layersOf({ last, frozenBecause }: NodeMemory): NodeRecord['layers'] {
  const seen = last?.judgement.layers ?? [];
  if (frozenBecause === null) return seen;
  return seen.map(({ layer }) => ({ layer, state: 'unknown', because: [frozenBecause] }));
}

/** The node with what its findings were made of. */
export function nodeMoment({ last, report, frozenBecause }: NodeMemory, record: NodeRecord): NodeMoment {
  const judged = frozenBecause === null ? last : null;
  return {
    record,
    notJudgedBecause: frozenBecause,
    report: last?.report ?? report,
    history: judged?.view.history ?? null,
    converging: [...(judged?.placed.converging ?? [])],
  };
}

/** What the last look came to, unless nothing can be said now; pending findings do not make a node unhealthy yet. */
function statusOf({ name, last, frozenBecause, open }: NodeMemory): NodeStatus {
  const none = { total: 0, inSync: 0, drifted: 0, unknown: 0 };
  if (last === null) return { name, mode: 'unknown', state: 'unknown', frontends: none };
  const { mode, frontends } = last.judgement.status;
  if (frozenBecause !== null) {
    return { name, mode, state: 'unknown', frontends: { ...none, total: frontends.total, unknown: frontends.total } };
  }
  const fires = open.some(({ state }) => state === 'firing');
  const isPartlyUnknown = last.judgement.unknownReasons.length > 0 || open.some(({ state }) => state === 'unknown');
  return { name, mode, state: fires ? 'unhealthy' : isPartlyUnknown ? 'unknown' : 'healthy', frontends };
}

/** The moment whose desired state all of the node's stale entries show; null when they show no common one, or none. */
function commonPast(history: NodeHistory | null): string | null {
  const past = [...(history?.staleness.values() ?? [])].flatMap((one) => (one.shows === 'past-state' ? [one] : []));
  if (past.length === 0) return null;
  // RFC 3339 in UTC sorts as text.
  const latestStart =
    past
      .map(({ from }) => from)
      .sort()
      .at(-1) ?? '';
  const earliestEnd = past.map(({ until }) => until).sort()[0] ?? '';
  return latestStart <= earliestEnd ? earliestEnd : null;
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
