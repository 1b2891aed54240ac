/** The journal's queries. Each is built here and run by the journal. */
import { sql } from 'kysely';
import type { EndedQuery, TrackedFinding, Transition } from '../model/lifecycle.ts';
import { rowOf, sortableTime } from './finding-row.ts';
import { queries } from './schema.ts';

interface Episode {
  readonly fingerprint: string;
  readonly episode: number;
}

/** Notes that a fingerprint had this episode. */
export function rememberEpisode({ fingerprint, episode }: Episode) {
  return queries
    .insertInto('fingerprints')
    .values({ fingerprint, last_episode: episode })
    .onConflict((conflict) =>
      conflict.column('fingerprint').doUpdateSet({ last_episode: sql`max(last_episode, excluded.last_episode)` }),
    );
}

/** Writes a finding whole, over what was there of the same episode. */
export function putFinding(finding: TrackedFinding) {
  return queries
    .insertInto('findings')
    .values(rowOf(finding))
    .onConflict((conflict) =>
      conflict.columns(['fingerprint', 'episode']).doUpdateSet((eb) => ({
        state: eb.ref('excluded.state'),
        check_id: eb.ref('excluded.check_id'),
        severity: eb.ref('excluded.severity'),
        node: eb.ref('excluded.node'),
        ended_at: eb.ref('excluded.ended_at'),
        body: eb.ref('excluded.body'),
        checksum: eb.ref('excluded.checksum'),
      })),
    );
}

/** Takes the row of a finding away. */
export function dropFinding({ fingerprint, episode }: Episode) {
  return queries.deleteFrom('findings').where('fingerprint', '=', fingerprint).where('episode', '=', episode);
}

/** Adds one step. */
export function addTransition({ fingerprint, episode, at, kind, because }: Transition) {
  return queries.insertInto('transitions').values({ fingerprint, episode, at: sortableTime(at), kind, because });
}

/** Every row that has not ended. */
export const openRows = queries.selectFrom('findings').selectAll().where('ended_at', 'is', null).orderBy('fingerprint');

/** The newest episode of a fingerprint. */
export function lastEpisodeOf(fingerprint: string) {
  return queries.selectFrom('fingerprints').select('last_episode').where('fingerprint', '=', fingerprint);
}

/** All episodes of a fingerprint, newest first. */
export function rowsOf(fingerprint: string) {
  return queries.selectFrom('findings').selectAll().where('fingerprint', '=', fingerprint).orderBy('episode', 'desc');
}

/** Rows that ended, newest first. */
export function endedRows({ limit, before }: EndedQuery) {
  const ended = queries
    .selectFrom('findings')
    .selectAll()
    .where('ended_at', 'is not', null)
    .orderBy('ended_at', 'desc')
    .orderBy('fingerprint', 'desc')
    .orderBy('episode', 'desc')
    .limit(limit);
  if (before === undefined) return ended;
  const at = sortableTime(before.endedAt);
  return ended.where((eb) => eb(eb.refTuple('ended_at', 'fingerprint'), '<', eb.tuple(at, before.fingerprint)));
}

/** The steps of a fingerprint, the last committed first. */
export function transitionsOf(fingerprint: string, limit: number) {
  return queries
    .selectFrom('transitions')
    .selectAll()
    .where('fingerprint', '=', fingerprint)
    .orderBy('id', 'desc')
    .limit(limit);
}

/** How many rows each table has, and how many findings are open. */
export const rowCounts = queries.selectNoFrom((eb) => [
  eb.selectFrom('findings').select(eb.fn.countAll<number>().as('n')).where('ended_at', 'is', null).as('open'),
  eb.selectFrom('findings').select(eb.fn.countAll<number>().as('n')).where('ended_at', 'is not', null).as('ended'),
  eb.selectFrom('transitions').select(eb.fn.countAll<number>().as('n')).as('transitions'),
  eb.selectFrom('set_aside').select(eb.fn.countAll<number>().as('n')).as('setAside'),
]);
