import fc from 'fast-check';
import { describe, it } from 'vitest';
import { iptables, reading } from '../../test/reading-builders.ts';
import { expectMirrored, Pair } from '../../test/stream-pair.ts';
import { everyone, forwardTo, kubeProxy, type Row } from '../../test/view-builders.ts';
import type { NodeReading } from '../reading.ts';

describe('whatever happens in whatever order', () => {
  const row = fc.record({ port: fc.integer({ min: 1, max: 40 }), backends: fc.integer({ min: 1, max: 3 }) });
  const rows = fc.uniqueArray(row, { selector: ({ port }) => port, maxLength: 12 }).map((chosen) =>
    chosen.map(({ port, backends }): Row => {
      const all = Array.from({ length: backends }, (_, host) => `10.244.${host}.${port}:80`);
      return [`tcp 10.96.0.1:${port}`, everyone(forwardTo(...all))];
    }),
  );
  const changed = fc.record({
    rows: fc.option(rows, { nil: null, freq: 6 }),
    healthz: fc.constantFrom('healthy' as const, 'unhealthy' as const),
    sync: fc.nat(3),
    kubeProxy: fc.constantFrom('ok', 'ok', 'absent', 'failed'),
  });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('read' as const), changed }),
    fc.record({ kind: fc.constant('say' as const), most: fc.nat(4) }),
    fc.record({ kind: fc.constantFrom('answer' as const, 'beat' as const, 'resync' as const, 'reconnect' as const) }),
  );

  it('the aggregator knows in the end what was read last', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), changed, (steps, last) => {
        const pair = new Pair();
        let number = 0;
        const next = ({ rows: some, healthz, sync, kubeProxy: state }: typeof last): NodeReading => {
          number++;
          const ok = kubeProxy({ healthz, lastSync: [{ family: 'ipv4', seconds: sync }] });
          const failed = { state: 'failed', reason: 'no answer' } as const;
          const part = state === 'ok' ? ok : state === 'absent' ? ({ state } as const) : failed;
          return reading(number, { rows: some, parts: { kubeProxy: part, iptables: iptables({ rules: sync }) } });
        };
        for (const one of steps) {
          if (one.kind === 'read') pair.session.observe(next(one.changed));
          if (one.kind === 'say') pair.say(one.most);
          if (one.kind === 'answer') pair.answer();
          if (one.kind === 'beat') pair.beat();
          if (one.kind === 'resync') pair.command({ $case: 'resync', value: {} });
          if (one.kind === 'reconnect') pair.reconnect();
        }
        const final = next(last);
        pair.read(final);
        pair.beat();
        pair.talk();
        expectMirrored(pair, final);
      }),
      { seed: 20_261_122, numRuns: 200 },
    );
  });
});
