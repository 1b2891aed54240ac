import { describe, expect, it } from 'vitest';
import { slice, type SliceBuilder } from '../../test/builders.ts';
import { both, elsewhere, here, web } from '../../test/desired-in-short.ts';
import { nodesOfChanges, reachOf } from './local-change.ts';
import { withShared } from './same-input.ts';
import { servedPortsOf } from './service-ports.ts';

function noticing(older: readonly SliceBuilder[], newer: readonly SliceBuilder[]): readonly string[] {
  const before = older.map(({ built }) => built);
  const after = withShared(before, structuredClone(newer.map(({ built }) => built)));
  return [...nodesOfChanges(before, after)].sort();
}

function reach(one: typeof web, ...slices: readonly SliceBuilder[]): string | null {
  const served = servedPortsOf(
    one.built,
    slices.map(({ built }) => built),
    'ipv4',
  );
  return reachOf(one.built, served);
}

describe('a change of endpoints is noticed', () => {
  it('by nobody when there is none', () => {
    expect(noticing([both], [both])).toEqual([]);
  });

  it('by the node whose endpoint came, changed or went', () => {
    expect(noticing([here], [both])).toEqual(['node-b']);
    expect(noticing([both], [elsewhere])).toEqual(['node-a']);
    expect(noticing([here], [slice('shop/web').port(8080).unready('10.244.1.2', { node: 'node-a' })])).toEqual([
      'node-a',
    ]);
  });

  it('by both nodes when an endpoint is said to be on another', () => {
    const moved = slice('shop/web').port(8080).ready('10.244.1.2', { node: 'node-b' });
    expect(noticing([here], [moved])).toEqual(['node-a', 'node-b']);
  });

  it('by every node that claims the same address', () => {
    const twice = [here, slice('shop/web').named('web-2').port(8080).ready('10.244.1.2', { node: 'node-b' })];
    expect(noticing(twice, twice.slice(0, 1))).toEqual(['node-a', 'node-b']);
  });

  it('by all nodes of a slice whose ports changed', () => {
    expect(noticing([both], [both.port(9090, 'metrics')])).toEqual(['node-a', 'node-b']);
  });
});

describe('what a node without endpoints notices', () => {
  it('is whether there are endpoints at all, for each port, where nodes use their own only', () => {
    const local = web.port(81, 'other').internalLocal();
    expect(reach(local, here)).toBe('some none');
    expect(reach(local)).toBe('none none');
  });

  it('may be anything where they use those of other nodes too', () => {
    expect([web, web.nodePort(30080).internalLocal(), web.externalLocal()].map((one) => reach(one, here))).toEqual([
      null,
      null,
      null,
    ]);
  });
});
