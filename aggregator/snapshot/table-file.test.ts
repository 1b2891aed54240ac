import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomEdit, randomEntries } from '../../test/property/random-table.ts';
import { type Leaf, leavesOf } from '../../proto/bucket-tree.ts';
import { tableDigest } from '../../proto/canonical.ts';
import type { Entry, ForwardingTable, FrontendKey } from '../../proto/forwarding.ts';
import { readTable, type TableReading } from './read-table.ts';
import { tablePieces } from './table-file.ts';
import { TableLikeness } from './table-likeness.ts';

const hint = (key: string) => (key.startsWith('tcp') ? `shop/${key.length}:http` : null);
const noTable: TableReading = { ok: false, problem: 'there is no such table' };

/** The files of these nodes' tables, as text. */
function written(tables: ReadonlyMap<string, ForwardingTable>): ReadonlyMap<string, string> {
  const likeness = new TableLikeness();
  return new Map(
    [...tables].map(([node, table]) => {
      const leaves: readonly Leaf[] = leavesOf(table);
      return [node, [...tablePieces({ leaves, ownerHint: hint, likeness: likeness.of(node, leaves) })].join('')];
    }),
  );
}

function read(files: ReadonlyMap<string, string>, node: string): TableReading {
  const text = files.get(node);
  if (text === undefined) return noTable;
  return readTable(JSON.parse(text), (base) => (base === node ? noTable : read(files, base)), new Map());
}

/** What was read, entry by entry, in the order of keys. */
function plain(table: ForwardingTable): readonly (readonly [FrontendKey, Entry])[] {
  return [...table.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
}

describe('a table as a file', () => {
  it('is read as the same table with the same owners, whatever tables it is written beside', () => {
    fc.assert(
      fc.property(fc.array(randomEntries, { minLength: 1, maxLength: 4 }), (all) => {
        const tables = new Map(all.map((table, index) => [`node-${index}`, table]));
        const files = written(tables);
        for (const [node, table] of tables) {
          const reading = read(files, node);
          if (!reading.ok) throw new Error(reading.problem);
          expect(plain(reading.value.table)).toEqual(plain(table));
          const hints = [...table.keys()].flatMap((key) => (hint(key) === null ? [] : [[key, hint(key)] as const]));
          expect(new Map(reading.value.hints)).toEqual(new Map(hints));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is never read as another one, whatever was done to its text', () => {
    fc.assert(
      fc.property(randomEntries, randomEdit, (table, edit) => {
        const [text = ''] = written(new Map([['node-a', table]])).values();
        const edited = new TextDecoder().decode(edit(new TextEncoder().encode(text)));
        let json: unknown;
        try {
          json = JSON.parse(edited);
        } catch {
          return;
        }
        const reading = readTable(json, () => noTable, new Map());
        if (reading.ok) expect(tableDigest(reading.value.table)).toBe(tableDigest(table));
      }),
      { numRuns: 200 },
    );
  });
});

describe('tables that are nearly alike', () => {
  /** A table of so many frontends, each forwarded to its own backend, or to another one. */
  function table(count: number, changed: readonly number[]): ForwardingTable {
    const entries = Array.from({ length: count }, (_, i): readonly [FrontendKey, Entry] => {
      const key = `tcp 10.96.${i >> 8}.${i & 255}:80` as FrontendKey;
      const route = { action: changed.includes(i) ? 'reject' : 'drop' } as const;
      const fate = { route, dress: null };
      const frontend = {
        family: 'ipv4',
        protocol: 'tcp',
        address: `10.96.${i >> 8}.${i & 255}`,
        port: 80,
      } as Entry['frontend'];
      return [key, { frontend, forwarding: { pod: fate, node: fate, outside: fate } }];
    });
    return new Map(entries);
  }

  it('are written once, and then as what differs', () => {
    const files = written(
      new Map([
        ['node-a', table(3000, [])],
        ['node-b', table(3000, [])],
        ['node-c', table(3000, [7, 8])],
        ['node-d', table(3, [])],
      ]),
    );
    const told = [...files.values()].map((text) => {
      const { like, leaves } = JSON.parse(text) as {
        readonly like: string | null;
        readonly leaves: readonly unknown[];
      };
      return [like, leaves.length];
    });
    expect(told).toEqual([
      [null, 968],
      ['node-a', 0],
      ['node-a', 2],
      [null, 3],
    ]);
  });

  it('are refused where what they are like is not there', () => {
    const files = new Map(
      written(
        new Map([
          ['node-a', table(9, [])],
          ['node-b', table(9, [])],
        ]),
      ),
    );
    files.delete('node-a');
    expect(read(files, 'node-b')).toEqual({ ok: false, problem: 'it is like that of node-a: there is no such table' });
  });
});
