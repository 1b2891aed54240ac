import { describe, expect, it } from 'vitest';
import { sideBySide } from './evidence-words.ts';
import { cellAt, cellWords, heatLayout } from './heat-cells.ts';
import { paragraphsOf } from './markdown-pieces.ts';
import { placeOf } from './places.ts';

describe('wanted beside real', () => {
  it('marks the backends that the other side has not', () => {
    const { wanted, real } = sideBySide('forward to 10.0.0.1:80, 10.0.0.2:80', 'forward to 10.0.0.1:80, 10.0.0.9:80');
    const marked = (words: typeof wanted) => words.filter(({ differs }) => differs).map(({ text }) => text);
    expect([marked(wanted), marked(real)]).toEqual([['10.0.0.2:80'], ['10.0.0.9:80']]);
    expect(wanted.map(({ text }) => text).join('')).toBe('forward to 10.0.0.1:80, 10.0.0.2:80');
  });
});

describe('the map of nodes', () => {
  it('is one band while the nodes fit, and as many as it takes', () => {
    expect(heatLayout(3, 5, 1_000)).toEqual({ step: 30, perBand: 33, bands: 1, bandHeight: 160, height: 150 });
    expect(heatLayout(5_000, 5, 1_000)).toEqual({ step: 10, perBand: 100, bands: 50, bandHeight: 60, height: 2_990 });
    expect(heatLayout(0, 5, 1_000).height).toBe(0);
  });

  it('knows the cell at a point, and that there is none between bands or behind the last node', () => {
    const layout = heatLayout(150, 5, 1_000);
    const count = { nodes: 150, layers: 5 };
    expect(cellAt(layout, count, { x: 25, y: 42 })).toEqual({ node: 2, layer: 4 });
    expect(cellAt(layout, count, { x: 25, y: 65 })).toEqual({ node: 102, layer: 0 });
    expect(cellAt(layout, count, { x: 25, y: 55 })).toBe(null);
    expect(cellAt(layout, count, { x: 985, y: 65 })).toBe(null);
  });

  it('has a word for every letter, and takes an unknown one for unknown', () => {
    expect([...'CHMLp?.-x'].map(cellWords)).toEqual([
      'critical',
      'high',
      'medium',
      'low',
      'pending',
      'not known',
      'healthy',
      'not looked at',
      'not known',
    ]);
  });
});

describe('the texts of checks', () => {
  it('are pieces of text, whatever stands in them', () => {
    expect(paragraphsOf('A `code` and *stress*,\n**strength**.\n\n<script>x</script>')).toEqual([
      [
        { kind: 'text', text: 'A ' },
        { kind: 'code', text: 'code' },
        { kind: 'text', text: ' and ' },
        { kind: 'stress', text: 'stress' },
        { kind: 'text', text: ', ' },
        { kind: 'strength', text: 'strength' },
        { kind: 'text', text: '.' },
      ],
      [{ kind: 'text', text: '<script>x</script>' }],
    ]);
  });
});

describe('a path of the page', () => {
  it.each([
    ['/', { view: 'overview' }],
    ['/findings', { view: 'findings' }],
    ['/findings/0123456789abcdef', { view: 'finding', fingerprint: '0123456789abcdef' }],
    ['/nodes/node-b.example', { view: 'node', name: 'node-b.example' }],
    ['/services/shop/web', { view: 'service', namespace: 'shop', name: 'web' }],
    ['/checks/stale-endpoint', { view: 'check', id: 'stale-endpoint' }],
    ['/services/shop', { view: 'nowhere' }],
    ['/nodes/', { view: 'nowhere' }],
    ['/nodes/a/b', { view: 'nowhere' }],
    ['/elsewhere', { view: 'nowhere' }],
  ])('%s', (path, place) => {
    expect(placeOf(path)).toEqual(place);
  });
});
