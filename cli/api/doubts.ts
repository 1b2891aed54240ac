/** What makes an answer of the aggregator less than the whole truth. A short list of findings must not pass for health. */
import { ask, type Query, urlOf } from './client.ts';
import type { Connection } from './connection.ts';
import { readPage } from './documents.ts';

export interface Doubts {
  /** Why the aggregator cannot do its work yet; null when it can. */
  readonly notReady: string | null;
  /** One sentence each, for stderr. */
  readonly lines: readonly string[];
}

/** Asks the aggregator how much it knows. */
export async function doubtsOf(connection: Connection): Promise<Doubts> {
  const [ready, unknown, all] = await Promise.all([
    ask(connection, urlOf(connection.url, 'readyz')),
    nodesTotal(connection, [['state', 'unknown']]),
    nodesTotal(connection, []),
  ]);
  const notReady = ready.ok ? null : ready.refusal.cameBack;
  const waiting = notReady === null ? [] : [`the aggregator is not ready (${notReady}): findings may be missing`];
  const told = unknown === null || all === null ? ['how many nodes are unknown could not be asked'] : [];
  const unseen =
    unknown === null || all === null || unknown === 0
      ? []
      : [`${unknown} of ${all} nodes ${unknown === 1 ? 'is' : 'are'} unknown: see plumbline nodes --state unknown`];
  return { notReady, lines: [...waiting, ...told, ...unseen] };
}

async function nodesTotal(connection: Connection, query: Query): Promise<number | null> {
  const answer = await ask(connection, urlOf(connection.url, 'api/v1/nodes', [...query, ['limit', '1']]));
  return answer.ok ? (readPage(answer.value.value)?.total ?? null) : null;
}
