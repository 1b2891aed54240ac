/**
 * How long history is kept: 90 days, and at most 200,000 rows of each kind. The oldest goes first, and an open finding
 * never does; of the steps of open findings only what is beyond the number of rows goes.
 */
import { sql } from 'kysely';
import type { Connection } from './connection.ts';
import { queries } from './schema.ts';

const keepDays = 90;
const dayMs = 24 * 60 * 60 * 1000;
/** Rows that one call takes away at most, of each kind: the process does nothing else meanwhile. */
const rowsPerCall = 10_000;

/** How many rows went. */
export interface Pruned {
  readonly findings: number;
  readonly transitions: number;
}

export interface Retention {
  readonly now: Date;
  /** Rows of each kind that stay at most. */
  readonly maxRows: number;
}

/** Takes away what is too old or too much; to be called in a transaction. Called hourly it keeps up. */
export function dropOldHistory(connection: Connection, retention: Retention): Pruned {
  const cutoff = new Date(retention.now.getTime() - keepDays * dayMs).toISOString();
  const count = (table: 'findings' | 'transitions') => connection.all(rowsIn(table))[0]?.rows ?? 0;
  let findings = connection.run(dropEndedFindings(rowsPerCall, cutoff));
  const tooManyFindings = Math.min(count('findings') - retention.maxRows, rowsPerCall - findings);
  if (tooManyFindings > 0) findings += connection.run(dropEndedFindings(tooManyFindings, null));
  let transitions = connection.run(dropEndedTransitions(rowsPerCall, cutoff));
  const tooManyTransitions = Math.min(count('transitions') - retention.maxRows, rowsPerCall - transitions);
  if (tooManyTransitions > 0) {
    const ended = connection.run(dropEndedTransitions(tooManyTransitions, null));
    transitions += ended;
    if (ended < tooManyTransitions) transitions += connection.run(dropOldestTransitions(tooManyTransitions - ended));
  }
  if (findings + transitions > 0) connection.run(forgottenFingerprints);
  return { findings, transitions };
}

function rowsIn(table: 'findings' | 'transitions') {
  return queries.selectFrom(table).select((eb) => eb.fn.countAll<number>().as('rows'));
}

/** The oldest that ended, before a time or at all. */
function dropEndedFindings(limit: number, before: string | null) {
  let oldest = queries.selectFrom('findings').select(sql`rowid`.as('rowid')).where('ended_at', 'is not', null);
  if (before !== null) oldest = oldest.where('ended_at', '<', before);
  return queries
    .deleteFrom('findings')
    .where(sql`rowid`, 'in', oldest.orderBy('ended_at').orderBy('fingerprint').limit(limit));
}

/** The oldest steps whose finding is not open any more. */
function dropEndedTransitions(limit: number, before: string | null) {
  let oldest = queries
    .selectFrom('transitions as step')
    .select('step.id')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('findings as open')
            .select('open.episode')
            .whereRef('open.fingerprint', '=', 'step.fingerprint')
            .whereRef('open.episode', '=', 'step.episode')
            .where('open.ended_at', 'is', null),
        ),
      ),
    );
  if (before !== null) oldest = oldest.where('step.at', '<', before);
  return queries.deleteFrom('transitions').where('id', 'in', oldest.orderBy('step.id').limit(limit));
}

function dropOldestTransitions(limit: number) {
  const oldest = queries.selectFrom('transitions').select('id').orderBy('id').limit(limit);
  return queries.deleteFrom('transitions').where('id', 'in', oldest);
}

/** Of which nothing is left: their numbers may begin anew. */
const forgottenFingerprints = queries
  .deleteFrom('fingerprints')
  .where((eb) =>
    eb.not(
      eb.exists(
        eb.selectFrom('findings').select('episode').whereRef('findings.fingerprint', '=', 'fingerprints.fingerprint'),
      ),
    ),
  )
  .where((eb) =>
    eb.not(
      eb.exists(
        eb.selectFrom('transitions').select('id').whereRef('transitions.fingerprint', '=', 'fingerprints.fingerprint'),
      ),
    ),
  );
