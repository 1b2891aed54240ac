import { describe, expect, it } from 'vitest';
import { printRules } from './print.ts';
import { type ParseResult, parseRules, RulesetReader } from './reader.ts';
import {
  publishedDumps,
  type RecordedDump,
  recordedDumps,
  tableNames,
  withoutCommentLines,
} from '../../test/recorded-dumps.ts';
import type { Rule } from './rule.ts';
import type { Ruleset } from './ruleset.ts';

const small = [
  's1-healthy',
  's2-stale-stopped',
  's2b-stale-partition',
  's3-damage',
  's4-mixed-backends',
  's5-recovered',
  's5b-recovered-after-mixed',
  's6-ipvs-healthy',
  's6d-ipvs-damage',
] as const;

/** The first place where printing differs from the dump, or null. */
function firstDifference({ bytes }: RecordedDump, ruleset: Ruleset): string | null {
  const printed = Buffer.concat([...printRules(ruleset)].map((piece) => Buffer.from(piece, 'latin1')));
  const expected = withoutCommentLines(bytes);
  if (printed.equals(expected)) return null;
  const at = printed.findIndex((byte, i) => byte !== expected[i]);
  return `printed ${JSON.stringify(printed.toString('latin1', at, at + 80))} at byte ${at}`;
}

function readByPieces(dump: RecordedDump, pieceBytes: number): ParseResult {
  const reader = new RulesetReader({ expectTables: tableNames(dump.bytes), trailer: 'required' });
  for (let at = 0; at < dump.bytes.length; at += pieceBytes) reader.push(dump.bytes.subarray(at, at + pieceBytes));
  return reader.finish();
}

function* rulesOf(ruleset: Ruleset): Generator<Rule> {
  for (const table of ruleset.tables.values()) {
    for (let rule = 0; rule < table.ruleCount; rule += 1) yield table.rule(rule);
  }
}

/** What a tracer could not go by: unreadable rules, unknown modules and targets, jumps into nothing. */
function doubtsOf(ruleset: Ruleset): readonly string[] {
  const doubts: string[] = [];
  for (const { unreadable, matches, target } of rulesOf(ruleset)) {
    if (unreadable !== null) doubts.push(unreadable);
    if (target.kind === 'other') doubts.push(`target ${target.name}`);
    for (const match of matches) if (match.kind === 'other') doubts.push(`module ${match.module}`);
  }
  return doubts;
}

describe.each(small)('the dumps of %s', (recording) => {
  const dumps = recordedDumps(recording);

  it.each(dumps)('$name is printed back byte for byte, and all of it is typed', (dump) => {
    const result = parseRules(dump.bytes, { expectTables: tableNames(dump.bytes), trailer: 'required' });
    if (!result.ok) throw new Error(JSON.stringify(result.failure));
    expect(firstDifference(dump, result.ruleset)).toBeNull();
    expect(doubtsOf(result.ruleset)).toEqual([]);
  });

  it('are read alike whatever the pieces', () => {
    const [dump] = dumps;
    if (dump === undefined) throw new Error('no dump');
    for (const pieceBytes of [1, 7, 80, 4096]) {
      const result = readByPieces(dump, pieceBytes);
      if (!result.ok) throw new Error(`${pieceBytes}: ${JSON.stringify(result.failure)}`);
      expect(firstDifference(dump, result.ruleset)).toBeNull();
    }
  });
});

describe.each(['scale-1000x10', 'scale-5000x20'])('the large dumps of %s', (recording) => {
  it.each(recordedDumps(recording))('$name is printed back byte for byte', (dump) => {
    const result = readByPieces(dump, 1 << 16);
    if (!result.ok) throw new Error(JSON.stringify(result.failure));
    expect(firstDifference(dump, result.ruleset)).toBeNull();
  });
});

describe('dumps that others published', () => {
  const dumps = publishedDumps();
  // Excerpts that lack a table line, a chain or COMMIT: refused, and said where.
  const refused = new Map([
    ['published/k3s-kube-router-netpol/iptables-save-filter-excerpt.txt', 'line 1: garbage'],
    ['published/k3s-kube-router-netpol/iptables-save-nat-excerpt.txt', 'line 1: garbage'],
    ['published/node-local-dns/iptables-save-raw-filter.txt', 'line 2: undeclared-chain'],
    ['published/node-local-dns/iptables-save-raw.txt', 'line 9: cut'],
  ]);
  // iptables 1.6 printed the DNAT rules of a newer one as it could.
  const unreadable = new Map([
    [
      'published/cilium-kubeproxy-nodelocaldns/iptables-save-nat.txt',
      [
        'cannot read DNAT --to-destination --random --to-destination --random --to-destination 0.0.0.0:0',
        'target DNAT',
        'cannot read DNAT --to-destination --random --to-destination --random --to-destination 0.0.0.0',
        'cannot read DNAT --to-destination --random --to-destination --random --to-destination',
        'cannot read DNAT --to-destination :0 --persistent --to-destination :0 --persistent --to-destination 0.0.0.0 --persistent',
      ],
    ],
  ]);

  if (dumps === null) {
    it.skip('not run: 13 cases, since the published dumps are not at hand', () => {});
    console.log('published dumps are absent: 13 cases were not run');
    return;
  }
  it.each(dumps)('$name', (dump) => {
    const result = parseRules(dump.bytes, { expectTables: tableNames(dump.bytes), trailer: 'optional' });
    const verdict = result.ok ? undefined : `line ${result.failure.line}: ${result.failure.code}`;
    expect(verdict).toBe(refused.get(dump.name));
    if (!result.ok) return;
    expect(firstDifference(dump, result.ruleset)).toBeNull();
    expect([...new Set(doubtsOf(result.ruleset))]).toEqual(unreadable.get(dump.name) ?? []);
  });
});
