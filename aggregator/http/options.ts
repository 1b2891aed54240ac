/** What the HTTP side is given to show. */
import type { Check } from '../model/check.ts';
import type { Journal } from '../model/lifecycle.ts';
import type { TakeSnapshot } from '../model/moment.ts';
import type { AuditRecord, Figure } from '../model/record.ts';
import type { AccessOptions } from './access/options.ts';

/** Where the HTTP side says what went wrong inside; a pino logger is one. */
export interface HttpLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface HttpOptions {
  readonly record: AuditRecord;
  readonly journal: Pick<Journal, 'ended' | 'find' | 'history'>;
  readonly checks: readonly Check[];
  /** Further figures for /metrics, asked for at each scrape; those of the record are always shown. */
  readonly figures: readonly (() => readonly Figure[])[];
  readonly version: string;
  readonly access: AccessOptions;
  readonly takeSnapshot: TakeSnapshot;
  readonly log: HttpLog;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Milliseconds between two signs of life to subscribers of events; 15,000 unless said. */
  readonly heartbeatMs?: number;
}
