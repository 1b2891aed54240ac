/** Why the journal could not be opened, or did not keep what it was given. */

export type JournalFault =
  /** No space left, or the database may not grow any more. */
  | 'disk-full'
  /** The folder or the file may not be written. */
  | 'read-only'
  /** Another process has this journal open. */
  | 'locked'
  /** The file is damaged. Opening it anew moves it aside and takes the newest good backup. */
  | 'corrupt'
  /** A newer Plumbline wrote the file. */
  | 'newer-schema'
  /** What was to be written cannot be: it contradicts what is there, as two open findings of one fingerprint do. */
  | 'defect'
  /** The disk failed. What is on it is known only after opening anew. */
  | 'io';

/** Nothing of what was attempted is kept. The message says what was attempted, on what, and what to do. */
export class JournalError extends Error {
  readonly fault: JournalFault;

  constructor(fault: JournalFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'JournalError';
    this.fault = fault;
  }
}
