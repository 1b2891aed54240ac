import { describe, expect, it } from 'vitest';
import { AuditLog, type AuditLine } from './audit-log.ts';

const line: AuditLine = {
  user: 'jane',
  verb: 'get',
  path: '/api/v1/nodes/a',
  status: 200,
  source: '192.0.2.7',
  subject: 'a',
};

function bench() {
  const written: unknown[] = [];
  const clock = { now: 0 };
  const take = (fields: object, message: string) => written.push([fields, message]);
  const log = new AuditLog({ info: take, warn: take, error: take }, () => clock.now);
  return { log, written, clock, suppressed: () => log.figures()[0]?.value };
}

describe('the audit log', () => {
  it('has one line for each thing', () => {
    const { log, written } = bench();
    log.write(line, 'evidence was looked at');
    expect(written).toEqual([[{ audit: true, ...line }, 'evidence was looked at']]);
  });

  it('of strangers is cut at 50 lines a second, and says how many it left out', () => {
    const { log, written, clock, suppressed } = bench();
    for (let index = 0; index < 80; index++) log.write({ ...line, user: null, status: 401 }, 'access refused');
    expect([written.length, suppressed()]).toEqual([50, 30]);
    clock.now += 1_000;
    log.write(line, 'log-in');
    expect(written.slice(50)).toEqual([
      [{ audit: true, suppressed: 30 }, 'lines of the audit log were left out: too many at once'],
      [{ audit: true, ...line }, 'log-in'],
    ]);
    clock.now += 1_000;
    log.write(line, 'log-in');
    expect([written.length, suppressed()]).toEqual([53, 30]);
  });

  it('of people is never hidden by what strangers do', () => {
    const { log, written } = bench();
    for (let index = 0; index < 80; index++) log.write({ ...line, user: null }, 'log-in refused');
    log.write(line, 'evidence was looked at');
    expect(written.at(-1)).toEqual([{ audit: true, ...line }, 'evidence was looked at']);
  });
});
