/** What is done with the file before anything of it is believed: whole, or moved aside and replaced by a backup. */
import { existsSync, renameSync, statSync } from 'node:fs';
import { backupsIn, restoreBackup, stamp } from './backups.ts';
import { type Connection, connect } from './connection.ts';
import { schemaVersion } from './schema.ts';
import { journalError, refusal } from './sqlite-fault.ts';

export interface JournalFiles {
  readonly database: string;
  readonly backups: string;
}

export interface Recovered {
  readonly connection: Connection;
  /** What was found damaged and what was taken instead; null when nothing was. */
  readonly notice: string | null;
}

/**
 * Opens the database and checks it whole.
 * @throws JournalError when it cannot be opened for another reason than damage
 */
export function connectSound(files: JournalFiles, now: Date): Recovered {
  if (!existsSync(files.database) || statSync(files.database).size === 0) return connectLost(files, now);
  let damage: string;
  try {
    const opened = openChecked(files.database);
    if (typeof opened !== 'string') return { connection: opened, notice: null };
    damage = opened;
  } catch (cause) {
    const error = journalError(`opening the journal ${files.database}`, cause);
    if (error.fault !== 'corrupt') throw error;
    damage = cause instanceof Error ? cause.message : String(cause);
  }
  const aside = moveAside(files.database, now);
  const { connection, notice } = connectLost(files, now);
  const instead = notice ?? 'There is no good backup: it begins empty.';
  return { connection, notice: `${files.database} is damaged (${damage}) and was moved to ${aside}. ${instead}` };
}

/** A database that is not there: a first start, unless there are backups. */
function connectLost(files: JournalFiles, now: Date): Recovered {
  moveAside(files.database, now);
  const all = backupsIn(files.backups);
  const good = all.find(isGoodBackup);
  if (good !== undefined) restoreBackup(good, files.database);
  const connection = connect(files.database);
  if (all.length === 0) return { connection, notice: null };
  const bad = all.length - (good === undefined ? 0 : 1);
  const notice =
    good === undefined
      ? `The journal was lost, and none of its ${bad} backups in ${files.backups} is good: it begins empty.`
      : `The journal was restored from ${good}: what happened after that backup is lost.`;
  return { connection, notice };
}

/** The connection, or what is wrong with the file. */
function openChecked(path: string): Connection | string {
  const connection = connect(path);
  let damage: string | null;
  try {
    damage = damageOf(connection);
  } catch (cause) {
    connection.close();
    throw cause;
  }
  if (damage === null) return connection;
  connection.close();
  return damage;
}

function damageOf({ value }: Connection): string | null {
  const integrity = value('PRAGMA integrity_check(1)');
  if (integrity !== 'ok') return String(integrity);
  const orphan = value('PRAGMA foreign_key_check');
  if (orphan !== undefined) return `rows of ${orphan} belong to nothing`;
  const tables = Number(value("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"));
  const version = Number(value('PRAGMA user_version'));
  if (version === 0 && tables > 0) return 'it has tables and no schema version';
  if (version > 0 && tables === 0) return 'it has a schema version and no tables';
  return null;
}

function isGoodBackup(path: string): boolean {
  try {
    const opened = openChecked(path);
    if (typeof opened === 'string') return false;
    const version = Number(opened.value('PRAGMA user_version'));
    opened.close();
    return version > 0 && version <= schemaVersion;
  } catch {
    // Why it is bad changes nothing: the next older one is tried.
    return false;
  }
}

/** Whatever is there of it. A log belongs to its file: with another's, a backup for instance, it would damage that. */
function moveAside(database: string, now: Date): string {
  const aside = `${database}.corrupt-${stamp(now)}`;
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    if (existsSync(`${database}${suffix}`)) renameSync(`${database}${suffix}`, `${aside}${suffix}`);
  }
  return aside;
}

/**
 * Brings the tables to the version of this program, each step whole or not at all.
 * @throws JournalError where a newer program wrote them
 */
export function migrate(connection: Connection, path: string, steps: readonly (() => void)[]): void {
  const found = Number(connection.value('PRAGMA user_version'));
  if (found > steps.length) {
    throw refusal(
      'newer-schema',
      `opening the journal ${path}: it has schema version ${found}, this program knows ${steps.length}`,
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < found) continue;
    connection.transaction(`bringing ${path} to schema version ${index + 1}`, () => {
      step();
      connection.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}
