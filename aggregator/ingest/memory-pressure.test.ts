import { describe, expect, it } from 'vitest';
import { IngestByHand } from '../../test/ingest-by-hand.ts';
import { reading } from '../../test/reading-builders.ts';
import { everyone, forwardTo, type Row } from '../../test/view-builders.ts';
import { heldShare, MemoryPressure } from './memory-pressure.ts';

const web: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080'))];
const dns: Row = ['udp 10.96.0.10:53', everyone(forwardTo('10.244.1.3:53'))];

describe('the pressure on memory', () => {
  it('is soft from 70 % of the limit and hard from 85 %, and leaves each five points lower', () => {
    let share = 0;
    const pressure = new MemoryPressure(() => share);
    const levels = [0.69, 0.7, 0.66, 0.64, 0.84, 0.85, 0.81, 0.79, 0.9, 0.2].map((next) => {
      share = next;
      return `${pressure.look() ? 'now ' : ''}${pressure.level}`;
    });
    const expected = ['none', 'now soft', 'soft', 'now none', 'now soft', 'now hard', 'hard', 'now soft', 'now hard'];
    expect(levels).toEqual([...expected, 'now none']);
  });

  it('of this process is some share of what it may have', () => {
    expect(heldShare()).toBeGreaterThan(0);
    expect(heldShare()).toBeLessThan(1);
  });
});

describe('memory that is short', () => {
  /** Sets the share that is held, as it is seen from the next tick on. */
  function hold(ingest: IngestByHand, share: number): void {
    ingest.heldShare = share;
    ingest.shared.pressure.look();
    ingest.shared.wants.tick();
  }

  it('makes a new node wait, which says why, and changes of known ones come through', () => {
    const ingest = new IngestByHand();
    const known = ingest.node('node-a');
    known.read(reading(1, { rows: [web] }));
    hold(ingest, 0.75);
    const other = ingest.node('node-b');
    other.read(reading(1, { rows: [dns] }));
    other.read(reading(2, { rows: [dns] }));
    known.read(reading(2, { rows: [] }));
    expect(ingest.kinds('node-a')).toEqual(['connected', 'report', 'report']);
    const why = 'lost: the aggregator is short of memory, and asks no further node for all it has';
    expect(ingest.kinds('node-b')).toEqual(['connected', why]);
    hold(ingest, 0.5);
    other.talk();
    expect(ingest.kinds('node-b')).toEqual(['connected', why, 'report']);
  });

  it('takes nothing of a node that all know already', () => {
    const ingest = new IngestByHand();
    ingest.node('node-a').read(reading(1, { rows: [web] }));
    hold(ingest, 0.75);
    const same = ingest.node('node-b');
    same.read(reading(1, { rows: [web] }));
    expect(ingest.kinds('node-b')).toEqual(['connected', 'report']);
  });

  it('asks agents to read less often, also those that come meanwhile, until there is enough', () => {
    const ingest = new IngestByHand();
    const before = ingest.node('node-a');
    before.read(reading(1));
    before.takeCommands();
    hold(ingest, 0.75);
    before.session.easeMemory();
    const later = ingest.node('node-b');
    later.talk();
    hold(ingest, 0.5);
    before.session.easeMemory();
    const slowed = (intervalSeconds: number) => ({ $case: 'slowDown', value: { intervalSeconds } });
    expect([before.commands, later.commands]).toEqual([[slowed(30), slowed(0)], [slowed(30)]]);
  });
});
