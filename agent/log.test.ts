import { describe, expect, it } from 'vitest';
import { jsonLog, type LogLevel } from './log.ts';

/** A log, what it wrote, and the end of its current second. */
function written(level: LogLevel) {
  const lines: string[] = [];
  let endSecond: () => void = () => undefined;
  const log = jsonLog({
    level,
    write: (line) => lines.push(line),
    afterSecond: (callback) => {
      endSecond = callback;
    },
  });
  const parsed = () => lines.map((line): Record<string, unknown> => JSON.parse(line));
  return { log, lines, parsed, endSecond: () => endSecond() };
}

describe("the agent's log", () => {
  it('is one JSON object a line: level, time, message and fields, and nothing of the host or process', () => {
    const { log, lines, parsed } = written('info');
    log.warn({ reason: 'too many chains' }, 'the rules could not be read');
    expect(lines.map((line) => line.endsWith('}\n'))).toEqual([true]);
    expect(parsed()).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        message: 'the rules could not be read',
        reason: 'too many chains',
      },
    ]);
  });

  it('leaves out what is below its level', () => {
    const { log, parsed } = written('warn');
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({}, level);
    expect(parsed().map(({ message }) => message)).toEqual(['warn', 'error']);
  });

  it('shows what the node said without its control characters', () => {
    const { log, lines, parsed } = written('info');
    const reason = 'eth0\n{"level":"error"}\r\u001b[2J\u0000';
    log.info({ reason }, 'read');
    expect(lines).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is what is tested
    expect(lines[0]?.slice(0, -1)).not.toMatch(/[\u0000-\u001f]/);
    expect(parsed()[0]?.reason).toBe(reason);
  });

  it('writes the same message fifty times a second, and counts the rest', () => {
    const { log, parsed, endSecond } = written('info');
    for (let i = 0; i < 60; i++) log.info({ i }, 'refused');
    log.warn({}, 'refused');
    log.info({}, 'another');
    expect(parsed()).toHaveLength(52);
    endSecond();
    expect(parsed().slice(52)).toEqual([
      expect.objectContaining({ level: 'info', message: 'refused', suppressed: 10 }),
    ]);
    log.info({}, 'refused');
    expect(parsed()).toHaveLength(54);
  });
});
