import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostileStrings } from '../test/hostile-strings.ts';

/** Logs each string as a message, as a value and as the cause of an error; what came on stdout. */
function logged(): string {
  const script = `
    const { jsonLog } = await import(${JSON.stringify(join(import.meta.dirname, 'log.ts'))});
    const { hostileStrings } = await import(${JSON.stringify(join(import.meta.dirname, '../test/hostile-strings.ts'))});
    const log = jsonLog('info');
    for (const text of hostileStrings) {
      log.info({ audit: true, user: text, path: text }, text);
      log.warn({ reason: text, err: new Error(text) }, 'it failed');
    }`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  if (stderr !== '') throw new Error(stderr);
  return stdout;
}

describe("the aggregator's log", () => {
  it('stays one JSON object a line, whatever names, labels and comments hold', () => {
    const lines = logged()
      .trimEnd()
      .split(/\r\n|\r|\n/);
    expect(lines).toHaveLength(hostileStrings.length * 2);
    const parsed = lines.map((line): Record<string, unknown> => JSON.parse(line));
    // A lone half of a surrogate pair cannot be written in UTF-8.
    const whole = hostileStrings.filter((text) => text.isWellFormed());
    const told = new Set(parsed.map(({ user }) => user));
    expect(whole.filter((text) => !told.has(text))).toEqual([]);
    expect(parsed.filter(({ message }) => message === 'forged')).toEqual([]);
    expect(lines.filter((line) => [...line].some((character) => character < ' '))).toEqual([]);
  });
});
