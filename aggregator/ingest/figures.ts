/** What ingest tells of itself for /metrics. */
import type { Figure } from '../model/record.ts';
import type { Tally } from '../doors/tally.ts';
import type { SessionShared } from './session-shared.ts';

export interface IngestSizes {
  readonly streams: number;
  readonly connections: number;
  /** Figures of the listeners: authentication, certificates. */
  readonly listeners: readonly Figure[];
}

const levels = { none: 0, soft: 1, hard: 2 } as const;

export function ingestFigures(shared: SessionShared, sizes: IngestSizes): readonly Figure[] {
  const { counts, wants, store, uploads, pressure } = shared;
  const kept = store.sizes();
  return [
    gauge('streams', 'Agents that are connected and have said Hello.', sizes.streams),
    gauge('connections', 'Connections of agents.', sizes.connections),
    ...tally('messages', 'Messages of agents, by kind.', 'kind', counts.messages),
    ...tally('refused', 'Connections, streams and messages that were refused or ended.', 'reason', counts.refused),
    ...tally('misfit_parts', 'Parts that did not fit their form.', 'part', counts.misfits),
    counter('bytes', 'Bytes of messages of agents.', counts.bytes),
    counter('replays', 'Messages that had come before, and were dropped.', counts.replays),
    counter('gaps', 'Times that messages of a stream were missing.', counts.gaps),
    counter('resyncs', 'Times that an agent was asked to say everything again.', counts.resyncs),
    counter('reports', 'Whole reports that were handed on.', counts.reports),
    counter('wanted', 'Digests that agents were asked for.', counts.wants),
    counter('unwanted', 'Uploads that nobody had asked for, or not any more.', counts.unwanted),
    gauge('wants_open', 'Digests that agents are asked for now.', wants.open),
    gauge('upload_slots_used', 'Agents that have a turn to upload.', wants.turns),
    gauge('upload_slots_waiting', 'Agents that wait for a turn to upload.', wants.waiting),
    gauge('upload_bytes', 'Bytes of uploads under way.', uploads.held),
    gauge('memory_pressure', '1 = memory is short, and new nodes wait; 2 = no stream begins.', levels[pressure.level]),
    gauge('kept_leaves', 'Leaves of tables in the content store.', kept.leaves),
    gauge('kept_branches', 'Inner buckets and roots of tables in the content store.', kept.branches),
    gauge('kept_tables', 'Whole tables in the content store.', kept.trees),
    gauge('kept_parts', 'Parts in the content store.', kept.parts),
    {
      name: 'plumbline_identity_mismatch_total',
      help: 'Streams whose agent calls its node by another name than its token says.',
      kind: 'counter',
      value: counts.identityMismatches,
    },
    ...sizes.listeners,
  ];
}

function gauge(name: string, help: string, value: number): Figure {
  return { name: `plumbline_ingest_${name}`, help, kind: 'gauge', value };
}

function counter(name: string, help: string, value: number): Figure {
  return { name: `plumbline_ingest_${name}_total`, help, kind: 'counter', value };
}

function tally(name: string, help: string, label: string, of: Tally): readonly Figure[] {
  return of.entries().map(([word, value]) => ({ ...counter(name, help, value), labels: { [label]: word } }));
}
