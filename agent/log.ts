/**
 * The agent's log: one JSON object a line on stdout. What comes from the node is a value in it, never part of a message,
 * so that JSON escapes whatever control characters it holds, and messages can be counted.
 */
import pino from 'pino';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Gets each line; stdout unless told. */
  readonly write?: (line: string) => void;
  /** Calls back after a second; a timer unless told. */
  readonly afterSecond?: (callback: () => void) => void;
}

/** Equal messages of one level within a second; further ones are only counted. */
const mostPerSecond = 50;

/** A log whose lines are level, time, fields and message, without the host's name and process id. */
export function jsonLog({ level, write, afterSecond = unrefTimer }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Written at once: the last line before an exit is the one that is needed.
  const lines = pino(options, write === undefined ? pino.destination({ dest: 1, sync: true }) : { write });
  const counts = new Map<string, number>();
  const say = (at: LogLevel, fields: object, message: string) => {
    if (!lines.isLevelEnabled(at)) return;
    if (counts.size === 0) afterSecond(endSecond);
    const key = `${at} ${message}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count <= mostPerSecond) lines[at](fields, message);
  };
  const endSecond = () => {
    for (const [key, count] of counts) {
      const blank = key.indexOf(' ');
      const at = logLevels.find((name) => name === key.slice(0, blank)) ?? 'info';
      if (count > mostPerSecond) lines[at]({ suppressed: count - mostPerSecond }, key.slice(blank + 1));
    }
    counts.clear();
  };
  return {
    debug: (fields, message) => say('debug', fields, message),
    info: (fields, message) => say('info', fields, message),
    warn: (fields, message) => say('warn', fields, message),
    error: (fields, message) => say('error', fields, message),
  };
}

function unrefTimer(callback: () => void): void {
  setTimeout(callback, 1000).unref();
}
