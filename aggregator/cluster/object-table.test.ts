/** What is kept where there may be more than can be kept. */
import { describe, expect, it } from 'vitest';
import { type ObjectChange, ObjectTable } from './object-table.ts';
import type { SeenObject } from './watched-resource.ts';

interface Dated {
  readonly name: string;
  readonly at: string;
}

function seen(name: string, at: string): SeenObject<Dated> {
  const value = { name, at };
  return { key: name, uid: `uid-of-${name}`, resourceVersion: at, reading: { ok: true, value } };
}

function tableOfTen(): ObjectTable<Dated> {
  return new ObjectTable((object) => object, { count: 10, age: ({ at }) => at });
}

function keysOf(changes: readonly ObjectChange<Dated>[]): readonly string[] {
  return changes.map(({ key, after }) => `${after === null ? 'without' : 'with'} ${key}`);
}

const twelve = Array.from({ length: 12 }, (_, i) => seen(`object-${i}`, String(50 - i)));

describe('a table that keeps ten', () => {
  it('forgets none as long as there are ten', () => {
    const table = tableOfTen();
    table.replace(twelve.slice(0, 10));
    expect([table.forgetOldest(), table.objects.size, table.forgotten]).toEqual([[], 10, 0]);
  });

  it('forgets the oldest of more, some at a time, and tells who went', () => {
    const table = tableOfTen();
    table.replace(twelve);
    expect(keysOf(table.forgetOldest())).toEqual(['without object-11', 'without object-10', 'without object-9']);
    expect([[...table.objects.keys()].at(-1), table.objects.size, table.forgotten]).toEqual(['object-8', 9, 3]);
  });

  it('takes one again that is told anew', () => {
    const table = tableOfTen();
    table.replace(twelve);
    table.forgetOldest();
    expect(table.saw(seen('object-11', '60'))?.after).toEqual({ name: 'object-11', at: '60' });
    expect(table.forgetOldest()).toEqual([]);
  });

  it('says nothing when one goes that it has forgotten', () => {
    const table = tableOfTen();
    table.replace(twelve);
    table.forgetOldest();
    expect(table.gone({ key: 'object-11', uid: 'uid-of-object-11' })).toBeNull();
  });
});
