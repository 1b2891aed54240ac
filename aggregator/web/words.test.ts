import { describe, expect, it } from 'vitest';
import { sideBySide, type Word } from './evidence-words.ts';
import { cellAt, cellWords, heatLayout } from './heat-cells.ts';
import { paragraphsOf } from './markdown-pieces.ts';
import { isName, placeOf } from './places.ts';
import { piecesWith, ruleText } from './rule-text.ts';
import { sentencesOf } from './sentences.ts';
import { parseVisibly } from './visible-json.ts';

describe('wanted beside real', () => {
  const marked = (words: readonly Word[]) => words.filter(({ differs }) => differs).map(({ text }) => text.trim());

  it('marks the backends that the other side has not, and not the word between two', () => {
    const [side] = sideBySide('forward to 10.0.0.1:80 and 10.0.0.2:80', 'forward to 10.0.0.1:80');
    expect([side?.origin, marked(side?.wanted ?? []), marked(side?.real ?? [])]).toEqual([null, ['10.0.0.2:80'], []]);
    expect(side?.wanted.map(({ text }) => text).join('')).toBe('forward to 10.0.0.1:80 and 10.0.0.2:80');
  });

  it('is told for each origin of packets, also where one side is the same for all of them', () => {
    const wanted = 'pod: forward to 10.0.0.1:80 (masquerade never); node: drop; outside: forward to 10.0.0.1:80';
    const sides = sideBySide(wanted, 'reject');
    expect(sides.map(({ origin, real }) => [origin, marked(real)])).toEqual([
      ['pod', ['reject']],
      ['node', ['reject']],
      ['outside', ['reject']],
    ]);
    expect(sides.map((side) => side.wanted.map(({ text }) => text).join(''))).toEqual([
      'forward to 10.0.0.1:80 (masquerade never)',
      'drop',
      'forward to 10.0.0.1:80',
    ]);
  });
});

describe('rules', () => {
  const rules = [
    { table: 'nat', rule: '-A PREROUTING -j KUBE-SERVICES', note: 'the first that packets meet' },
    { table: 'nat', rule: '-A KUBE-SEP-A -j DNAT --to-destination 10.244.1.9:8080', note: '' },
    { table: 'filter', rule: '-A FORWARD -j KUBE-FORWARD', note: '' },
  ];

  it('are lines that can be copied, with their tables and notes as comments', () => {
    expect(ruleText(rules).split('\n')).toEqual([
      '# nat',
      '# the first that packets meet',
      '-A PREROUTING -j KUBE-SERVICES',
      '-A KUBE-SEP-A -j DNAT --to-destination 10.244.1.9:8080',
      '# filter',
      '-A FORWARD -j KUBE-FORWARD',
    ]);
  });

  it('are cut around the backends that should not be there, whole ones only', () => {
    expect(piecesWith('a 10.0.0.1:80 b 10.0.0.1:8080', ['10.0.0.1:80'])).toEqual([
      { text: 'a ', isOne: false },
      { text: '10.0.0.1:80', isOne: true },
      { text: ' b 10.0.0.1:8080', isOne: false },
    ]);
    expect(piecesWith('110.0.0.1:80', ['10.0.0.1:80', ''])).toEqual([{ text: '110.0.0.1:80', isOne: false }]);
  });
});

describe('the map of nodes', () => {
  const room = { width: 1_000, isWhole: false };

  it('has wide cells with names above where nodes are few, and one band while they fit', () => {
    expect(heatLayout(3, 5, room)).toEqual({
      ...{ stepX: 140, stepY: 28, head: 22, perBand: 3, bandHeight: 162, height: 162, nodes: 3 },
    });
    expect(heatLayout(30, 5, room)).toMatchObject({ stepX: 33, stepY: 28, head: 0, perBand: 30, nodes: 30 });
    expect(heatLayout(0, 5, room).height).toBe(0);
  });

  it('has smaller cells the more nodes there are, and of very many the worst, until all are asked for', () => {
    expect(heatLayout(400, 5, room)).toMatchObject({ stepX: 11, perBand: 90, height: 307, nodes: 400 });
    expect(heatLayout(5_000, 5, room)).toMatchObject({ stepX: 6, perBand: 166, bandHeight: 38, nodes: 1_328 });
    expect(heatLayout(5_000, 5, { ...room, isWhole: true })).toMatchObject({ stepX: 6, nodes: 5_000, height: 1_170 });
  });

  it('knows the cell at a point, and that there is none between bands or behind the last node', () => {
    const layout = heatLayout(400, 5, room);
    expect(cellAt(layout, 5, { x: 27, y: 40 })).toEqual({ node: 2, layer: 3 });
    expect(cellAt(layout, 5, { x: 27, y: layout.bandHeight + 1 })).toEqual({ node: 92, layer: 0 });
    expect(cellAt(layout, 5, { x: 27, y: layout.bandHeight - 1 })).toBe(null);
    expect(cellAt(layout, 5, { x: 27, y: layout.height })).toBe(null);
    expect(cellAt(layout, 5, { x: layout.perBand * layout.stepX, y: 1 })).toBe(null);
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
    ['/login', { view: 'overview' }],
    ['/services/shop', { view: 'nowhere' }],
    ['/nodes/', { view: 'nowhere' }],
    ['/nodes/a/b', { view: 'nowhere' }],
    ['/elsewhere', { view: 'nowhere' }],
  ])('%s', (path, place) => {
    expect(placeOf(path)).toEqual(place);
  });
});

describe('a name', () => {
  it('has a place of its own where the API server could have given it', () => {
    expect(['node-b', 'a', 'ip-10-0-0-1.ec2.internal'].map(isName)).toEqual([true, true, true]);
    const others = ['', '.', '..', 'a/b', 'a%2fb', 'a b', '<b>', 'a'.repeat(254)];
    expect(others.filter(isName)).toEqual([]);
  });
});

describe('sentences', () => {
  it('end at a point before the next one, and at none within a name', () => {
    expect(sentencesOf('1 of 2 nodes differs: a.b since 02:14 UTC. 1 node is not known.')).toEqual([
      '1 of 2 nodes differs: a.b since 02:14 UTC.',
      '1 node is not known.',
    ]);
  });
});

describe('what the aggregator answers', () => {
  it('is the value that was sent, line breaks and all', () => {
    expect(parseVisibly('{"text":"one\\ntwo","of":[1,null]}')).toEqual({ text: 'one\ntwo', of: [1, null] });
  });

  it('shows what cannot be seen: marks that turn the direction of text, and controls', () => {
    const text = JSON.stringify({ name: 'a\u202eb\u001b[31mc\nd' });
    expect(parseVisibly(text)).toEqual({ name: 'a\\u{202e}b\\u{1b}[31mc\nd' });
  });
});
