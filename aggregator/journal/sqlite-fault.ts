/** Error codes of SQLite (https://sqlite.org/rescode.html) and of files as faults of the journal. */
import { JournalError, type JournalFault } from './journal-error.ts';

/** By primary result code: the low byte. What is not here is `io`. */
const faults: ReadonlyMap<number, JournalFault> = new Map([
  [5, 'locked'],
  [6, 'locked'],
  [8, 'read-only'],
  [11, 'corrupt'],
  [13, 'disk-full'],
  [14, 'read-only'],
  [19, 'defect'],
  [26, 'corrupt'],
]);

/** By code of a system call that failed. What is not here is `io`. */
const fileFaults: ReadonlyMap<string, JournalFault> = new Map([
  ['ENOSPC', 'disk-full'],
  ['EDQUOT', 'disk-full'],
  ['EACCES', 'read-only'],
  ['EPERM', 'read-only'],
  ['EROFS', 'read-only'],
  ['ENOTDIR', 'read-only'],
  ['EEXIST', 'read-only'],
]);

const advice: { readonly [fault in JournalFault]: string } = {
  'disk-full': 'free space or enlarge the volume; writing resumes by itself',
  'read-only': 'make the folder exist and writable for this user',
  locked: 'end the other process: one journal has one writer',
  corrupt: 'start again: the damaged file is moved aside and the newest good backup taken',
  'newer-schema': 'start the version that wrote it, or a newer one',
  defect: 'this is a defect of plumbline: please report it',
  io: 'look at the disk and the kernel log, then start again',
};

/**
 * The error of something attempted, in one message.
 * @param attempted what, and on which file: `committing to /var/lib/plumbline/journal.db`
 */
export function journalError(attempted: string, cause: unknown): JournalError {
  if (cause instanceof JournalError) return cause;
  return refusal(faultOf(cause), `${attempted}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
}

/** The same for what the journal itself refuses. */
export function refusal(fault: JournalFault, what: string, cause?: unknown): JournalError {
  return new JournalError(fault, `${what} (${advice[fault]})`, cause);
}

function faultOf(cause: unknown): JournalFault {
  if (!(cause instanceof Error)) return 'defect';
  if ('errcode' in cause && typeof cause.errcode === 'number') return faults.get(cause.errcode & 0xff) ?? 'io';
  if ('syscall' in cause && 'code' in cause) return fileFaults.get(String(cause.code)) ?? 'io';
  return 'defect';
}
