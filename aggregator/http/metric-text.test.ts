import { describe, expect, it } from 'vitest';
import { readMetrics } from '../../test/strict-metrics.ts';
import type { Figure } from '../model/record.ts';
import { labelValue, metricText } from './metric-text.ts';

function gauge(name: string, value: number, labels: Readonly<Record<string, string>> = {}): Figure {
  return { name, help: 'Of a test.', kind: 'gauge', value, labels };
}

async function read(figures: readonly Figure[]) {
  const { text, dropped } = await metricText(figures);
  const families = readMetrics(text);
  return { dropped, told: [...families].map(([name, { samples }]) => [name, samples]) };
}

describe('figures as text', () => {
  it('are grouped by name, in the order in which names come', async () => {
    const figures = [gauge('plumbline_b', 1, { x: '1' }), gauge('plumbline_a', 2), gauge('plumbline_b', 3, { x: '2' })];
    expect(await read(figures)).toEqual({
      dropped: 0,
      told: [
        [
          'plumbline_b',
          [
            { labels: { x: '1' }, value: 1 },
            { labels: { x: '2' }, value: 3 },
          ],
        ],
        ['plumbline_a', [{ labels: {}, value: 2 }]],
      ],
    });
  });

  it('have the last value where one is told twice', async () => {
    const count: Figure = { name: 'plumbline_c_total', help: 'Of a test.', kind: 'counter', value: 5 };
    expect(await read([count, { ...count, value: 7 }])).toEqual({
      dropped: 0,
      told: [['plumbline_c_total', [{ labels: {}, value: 7 }]]],
    });
  });

  it.each<[string, Figure]>([
    ['has a name of others', gauge('node_load1', 1)],
    ['is no number', gauge('plumbline_x', Number.NaN)],
    ['has no end', gauge('plumbline_x', Number.POSITIVE_INFINITY)],
    ['is a gauge with the name of a counter', gauge('plumbline_x_total', 1)],
    ['is a counter with the name of a gauge', { ...gauge('plumbline_x', 1), kind: 'counter' }],
    ['counts below nothing', { ...gauge('plumbline_x_total', -1), kind: 'counter' }],
    ['has a label that is no name', gauge('plumbline_x', 1, { 'a-b': '' })],
    ['has other labels than the first of its name', gauge('plumbline_ok', 1, { x: '1' })],
  ])('leave out and count one that %s', async (_why, bad) => {
    const { dropped, told } = await read([gauge('plumbline_ok', 1), bad]);
    expect([dropped, told]).toEqual([1, [['plumbline_ok', [{ labels: {}, value: 1 }]]]]);
  });

  it('end at 20,000 series, and count the others', async () => {
    const many = Array.from({ length: 20_003 }, (_, index) => gauge('plumbline_many', index, { x: `${index}` }));
    expect((await metricText(many)).dropped).toBe(3);
  });
});

describe('the value of a label', () => {
  it('has quotes, backslashes and line breaks escaped, and means the same', async () => {
    const value = 'a"b\\c';
    expect((await read([gauge('plumbline_x', 1, { x: value })])).told).toEqual([
      ['plumbline_x', [{ labels: { x: value }, value: 1 }]],
    ]);
  });

  it.each([
    ['a line break', 'a\r\nplumbline_x 7', 'a\\u{d}\\u{a}plumbline_x 7'],
    ['a command to a terminal', '\u001b[31mred', '\\u{1b}[31mred'],
    ['a mark that turns the text', 'a\u202eb', 'a\\u{202e}b'],
    ['half a character', '\ud800', '\\u{d800}'],
  ])('has %s written out', (_what, value, shown) => {
    expect(labelValue(value)).toBe(shown);
  });

  it('is cut at 253 bytes, between characters', () => {
    expect(labelValue('ä'.repeat(200))).toBe('ä'.repeat(126));
  });

  it('of a large text is cut as well', () => {
    expect(labelValue('x'.repeat(65_536))).toHaveLength(253);
  });
});
