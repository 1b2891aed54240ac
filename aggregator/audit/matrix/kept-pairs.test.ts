import { describe, expect, it } from 'vitest';
import type { MatrixPair } from '../../model/matrix.ts';
import { KeptPairs } from './kept-pairs.ts';

function pair(from: string, allowed: boolean | null, differs: boolean | null = null): MatrixPair {
  const seen = { result: 'reached', probes: 3, answered: 3, nodes: ['node-a'], explainedBy: null } as const;
  const observed = differs === null ? null : { ...seen, differs };
  return { from, to: 'svc/shop/db', protocol: 'tcp', ports: [80], allowed, decidedBy: [], observed };
}

const names = (pairs: readonly MatrixPair[]) => pairs.map(({ from }) => from);

describe('the pairs that are kept', () => {
  it('are the worst of all, each rank by name', () => {
    const kept = new KeptPairs([pair('node/b', false, true), pair('node/a', true, false)]);
    kept.addRow({ pairs: [pair('pod/x', true), pair('pod/y', false)], left: 0 });
    kept.addRow({ pairs: [pair('pod/z', null)], left: 0 });
    expect(names(kept.sorted())).toEqual(['node/b', 'pod/y', 'pod/z', 'node/a', 'pod/x']);
    expect(kept.total).toBe(5);
  });

  it('are never more than there is room for, and all are counted', () => {
    const kept = new KeptPairs([], 2);
    kept.addRow({ pairs: [pair('pod/a', true), pair('pod/b', true)], left: 0 });
    expect([kept.isWanted(3), kept.isWanted(1)]).toEqual([false, true]);
    kept.addRow({ pairs: [pair('pod/c', false)], left: 5 });
    expect(names(kept.sorted())).toEqual(['pod/c', 'pod/a']);
    expect(kept.total).toBe(8);
  });
});
