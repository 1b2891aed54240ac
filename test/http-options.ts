/** What a test hands to the HTTP side beside the record. */
import { checks } from '../aggregator/checks/index.ts';
import type { HttpOptions } from '../aggregator/http/options.ts';
import { auditRecord, noon } from './audit-record.ts';
import { memoryJournal } from './memory-journal.ts';

/** A line of a program's log. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

export interface TestOptions extends HttpOptions {
  /** What was logged. */
  readonly lines: readonly LogLine[];
}

/** An empty record and journal, the real checks, noon on the clock. */
export function httpOptions(changes: Partial<HttpOptions> = {}): TestOptions {
  const lines: LogLine[] = [];
  const at = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return {
    record: auditRecord(),
    journal: memoryJournal(),
    checks,
    figures: [],
    version: '0.2.0',
    takeSnapshot: async () => null,
    access: { mode: 'none' },
    log: { info: at('info'), warn: at('warn'), error: at('error') },
    now: () => noon,
    monotonic: () => performance.now(),
    lines,
    ...changes,
  };
}
