import { describe, expect, it } from 'vitest';
import type { ProbeResult } from '../../../proto/parts.ts';
import { probe, probes, unanswered } from '../../../test/network-builders.ts';
import { reported } from '../../../test/view-builders.ts';
import { isUnanswered, overlayProbes } from './probe-results.ts';

const of = (...results: readonly ProbeResult[]) => overlayProbes({ probes: reported(probes({ results })) });

describe('probes', () => {
  it('are unanswered when three were', () => {
    const all = [unanswered, { ...unanswered, sent: 2 }, { ...unanswered, answered: 1 }, { lastAnswered: true }];
    expect(all.map((changes) => isUnanswered(probe(changes)))).toEqual([true, false, false, false]);
  });

  it('among pods are lost where one is, pass where all do, and are open between', () => {
    expect([
      of(probe(), probe(unanswered)),
      of(probe(), probe({ size: 'full' })),
      of(probe(), probe({ answered: 2, lastAnswered: false })),
      of(probe({ by: 'node' }), probe({ by: 'node', ...unanswered })),
      of(probe({ sent: 0, answered: 0, lastAnswered: null })),
      of(),
      overlayProbes({ probes: { state: 'absent' } }),
    ]).toEqual(['lost', 'pass', null, null, null, null, null]);
  });

  it('are asked by what matters', () => {
    const part = { probes: reported(probes({ results: [probe(), probe({ size: 'full', ...unanswered })] })) };
    expect([overlayProbes(part, ({ size }) => size === 'small'), overlayProbes(part)]).toEqual(['pass', 'lost']);
  });
});
