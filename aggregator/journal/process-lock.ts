/**
 * One journal has one process. The lock is SQLite's own on an empty file beside the database, so the kernel takes it
 * back however the process ends. It is held over what the database's lock cannot cover: moving a damaged file aside.
 */
import { DatabaseSync } from 'node:sqlite';
import { refusal } from './sqlite-fault.ts';

export interface ProcessLock {
  release(): void;
}

/**
 * Takes the lock of this path, which becomes an empty file.
 * @throws JournalError when another process has it
 */
export function takeLock(path: string): ProcessLock {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    const isBusy = cause instanceof Error && 'errcode' in cause && cause.errcode === 5;
    throw isBusy ? refusal('locked', `opening the journal: another process holds ${path}`, cause) : cause;
  }
  return { release: () => database.close() };
}
