/** What an agent says of itself and of rules, cut to what may be shown: numbers that are some, texts within limits. */
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { digestText } from '../../proto/wire/digest-bytes.ts';
import type { EntryEvidence } from '../model/feeds.ts';
import type { Way } from '../../proto/ways.ts';
import type { AgentFigures, AgentWay } from '../model/record.ts';

const mostLines = 40;
const longestName = 64;
const longestRule = 8192;
const hintSources: readonly string[] = ['nft-generation', 'kube-proxy-sync'];

/** The figures of a heartbeat. What is no number counts as 0. */
export function agentFigures(metrics: wire.AgentMetrics): AgentFigures {
  return {
    rssBytes: Number(metrics.rssBytes),
    childPeakBytes: Number(metrics.childPeakBytes),
    cpuSeconds: measured(metrics.cpuSeconds),
    uptimeSeconds: measured(metrics.uptimeSeconds),
    readings: Number(metrics.readings),
    unchangedReadings: Number(metrics.unchangedReadings),
    failedReadings: Number(metrics.failedReadings),
    lastReadingSeconds: measured(metrics.lastReadingSeconds),
    intervalSeconds: measured(metrics.intervalSeconds),
    hints: Number(metrics.hints),
    reconnects: Number(metrics.reconnects),
    refusedCommands: Number(metrics.refusedCommands),
    badAddressLines: Number(metrics.badAddressLines),
    hintSources: hintSources.filter((source) => metrics.hintSources.includes(source)),
  };
}

/** The ways of a heartbeat with times in place of ages. @param heardAt when it came, Unix milliseconds. */
export function agentWays(ways: readonly Way[], heardAt: number): readonly AgentWay[] {
  const ago = (ageMs: number | null) => (ageMs === null ? null : new Date(heardAt - ageMs).toISOString());
  return ways.map(({ address, kind, inUse, workedAgeMs, failedAgeMs, failingAgeMs, reason }) => ({
    address,
    kind,
    inUse,
    lastWorkedAt: ago(workedAgeMs),
    lastFailedAt: ago(failedAgeMs),
    failingSince: ago(failingAgeMs),
    reason,
  }));
}

function measured(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}

/** An agent's version, as it may be shown: printable, at most 64 characters. */
export function shownVersion(version: string): string {
  return version.slice(0, longestName).replace(/[^ -~]/g, '?');
}

/** The rules behind an entry; null where they do not keep to the contract. @param epoch of the stream, as text. */
export function entryEvidence(evidence: wire.Evidence, epoch: string): EntryEvidence | null {
  const entry = digestText(evidence.entry);
  const { lines, repaired, total } = evidence;
  if (entry === null || lines.length > mostLines || total < lines.length || (repaired && lines.length > 0)) return null;
  const isTooLong = lines.some(
    ({ table, chain, rule }) => table.length > longestName || chain.length > longestName || rule.length > longestRule,
  );
  if (isTooLong) return null;
  return { entry, reading: `${epoch}/${evidence.reading}`, repaired, lines, total };
}
