import { describe, expect, it } from 'vitest';
import { service } from '../../test/builders.ts';
import { ChangeLog } from './change-log.ts';
import { askedOfPort } from './wishes.ts';

const record = { key: 'shop/web', spans: [] };
const { built } = service('shop/web').port(80).port(81, 'other');
const [first, second] = built.ports.map((port) => askedOfPort(built, port, 'ipv4'));

describe('the log of changes', () => {
  it('tells who catches up what changed since, with the frontends from before and after', () => {
    const log = new ChangeLog();
    log.add(record, undefined, first);
    const seen = log.next;
    log.add(record, first, second);
    log.add(record, second, second);
    expect(log.since(seen)).toEqual([
      { record, keys: ['tcp 10.96.0.1:80', 'tcp 10.96.0.1:81'] },
      { record, keys: ['tcp 10.96.0.1:81'] },
    ]);
    expect(log.since(log.next)).toEqual([]);
  });

  it('tells who is too far behind to start over', () => {
    const log = new ChangeLog();
    for (let count = 0; count < 20_000; count++) log.add(record);
    expect(log.since(9_999)).toBeNull();
    expect(log.since(10_000)).toHaveLength(10_000);
  });
});
