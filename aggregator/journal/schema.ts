/** The journal's tables, and the steps that lead to them. Queries are built and typed by kysely, and run elsewhere. */
import {
  type Compilable,
  DummyDriver,
  type Generated,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';

export interface FindingRow {
  readonly fingerprint: string;
  readonly episode: number;
  readonly state: string;
  readonly check_id: string;
  readonly severity: string;
  /** Null for a finding of the whole cluster. */
  readonly node: string | null;
  /** UTC with milliseconds, so that text sorts by time; null while it is open. */
  readonly ended_at: string | null;
  /** The whole TrackedFinding as JSON. */
  readonly body: string;
  /** CRC-32 of `body`: the file's own check does not see a bit that fell over inside a text. */
  readonly checksum: number;
}

export interface TransitionRow {
  readonly id: Generated<number>;
  readonly fingerprint: string;
  readonly episode: number;
  readonly at: string;
  readonly kind: string;
  readonly because: string;
}

export interface Tables {
  /** Every fingerprint that was seen, with the newest episode: a withdrawn one counts, though its row is gone. */
  readonly fingerprints: { readonly fingerprint: string; readonly last_episode: number };
  readonly findings: FindingRow;
  readonly transitions: TransitionRow;
  /** Open findings that could not be read when the journal was opened: kept for a person to look at. */
  readonly set_aside: {
    readonly fingerprint: string;
    readonly episode: number;
    readonly body: string;
    readonly reason: string;
  };
}

/** Builds queries and runs none: execution is synchronous, so a commit is on disk when it returns. */
export const queries = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (built) => new SqliteIntrospector(built),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

const { schema } = queries;

/** Step n leads from schema version n to n + 1. Steps that were ever released never change. */
export const migrations: readonly (readonly Compilable[])[] = [
  [
    schema
      .createTable('fingerprints')
      .addColumn('fingerprint', 'text', (column) => column.primaryKey().notNull())
      .addColumn('last_episode', 'integer', (column) => column.notNull())
      .modifyEnd(sql`strict`),
    schema
      .createTable('findings')
      .addColumn('fingerprint', 'text', (column) => column.notNull().references('fingerprints.fingerprint'))
      .addColumn('episode', 'integer', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('check_id', 'text', (column) => column.notNull())
      .addColumn('severity', 'text', (column) => column.notNull())
      .addColumn('node', 'text')
      .addColumn('ended_at', 'text')
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('checksum', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('findings_key', ['fingerprint', 'episode'])
      .modifyEnd(sql`strict`),
    // At most one open episode of a fingerprint, whatever the engine believes.
    schema
      .createIndex('findings_open')
      .unique()
      .on('findings')
      .column('fingerprint')
      .where(sql.ref('ended_at'), 'is', null),
    schema
      .createIndex('findings_ended')
      .on('findings')
      .columns(['ended_at', 'fingerprint', 'episode'])
      .where(sql.ref('ended_at'), 'is not', null),
    schema
      .createTable('transitions')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement().notNull())
      .addColumn('fingerprint', 'text', (column) => column.notNull().references('fingerprints.fingerprint'))
      .addColumn('episode', 'integer', (column) => column.notNull())
      .addColumn('at', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('because', 'text', (column) => column.notNull())
      .modifyEnd(sql`strict`),
    schema.createIndex('transitions_of').on('transitions').columns(['fingerprint', 'id']),
    schema
      .createTable('set_aside')
      .addColumn('fingerprint', 'text', (column) => column.notNull())
      .addColumn('episode', 'integer', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .modifyEnd(sql`strict`),
  ],
];

/** The version that this program writes, as `user_version` in the file. */
export const schemaVersion = migrations.length;
