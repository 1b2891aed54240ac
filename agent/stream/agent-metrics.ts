/** The agent's own figures, as a heartbeat carries them. */
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { LoopFigures } from '../reading.ts';
import type { SessionCounts } from './session.ts';

/** Counts become whole numbers that the wire can carry. */
export function agentMetrics(
  figures: LoopFigures,
  counts: Pick<SessionCounts, 'reconnects' | 'refusedCommands'> & { readonly badAddressLines: number },
): wire.AgentMetrics {
  return {
    rssBytes: whole(figures.rssBytes),
    childPeakBytes: whole(figures.childPeakBytes),
    cpuSeconds: figures.cpuSeconds,
    uptimeSeconds: figures.uptimeSeconds,
    readings: whole(figures.readings),
    unchangedReadings: whole(figures.unchangedReadings),
    failedReadings: whole(figures.failedReadings),
    lastReadingSeconds: figures.lastReadingSeconds,
    intervalSeconds: figures.intervalSeconds,
    hints: whole(figures.hints),
    reconnects: whole(counts.reconnects),
    refusedCommands: whole(counts.refusedCommands),
    hintSources: [...figures.hintSources],
    badAddressLines: whole(counts.badAddressLines),
  };
}

function whole(value: number): bigint {
  return Number.isFinite(value) && value > 0 ? BigInt(Math.round(value)) : 0n;
}
