import { describe, expect, it } from 'vitest';
import { printRules } from './print.ts';
import { MAX_LINE_BYTES } from './table-builder.ts';
import { parseRules, RulesetReader } from './reader.ts';
import { HEAD, natOf, optionsFor, rulesetOf, tableOf, TRAILER } from './sample.ts';

function failureOf(dump: string | Uint8Array, options = optionsFor('nat')): string {
  const result = parseRules(dump, options);
  return result.ok ? 'read' : `line ${result.failure.line}: ${result.failure.code}`;
}

describe('a ruleset', () => {
  const lines = [
    '-A OUTPUT -m comment --comment "to all" -j KUBE-SVC-A',
    '-A KUBE-SVC-A -s 10.0.0.7/32 -m comment --comment "a/b" -j KUBE-SEP-A',
    '-A KUBE-SVC-A -s 10.0.0.8/32 -m comment --comment "a/b" -j KUBE-SEP-A',
    '-A KUBE-SEP-A -p tcp -m tcp -j DNAT --to-destination 10.0.0.7:80',
  ] as const;
  const ruleset = rulesetOf(natOf(...lines));
  const table = tableOf(ruleset);

  it('has its chains in order, with policies and headers', () => {
    const chains = [0, 1, 2].map((chain) => [table.chainName(chain), table.policy(chain), table.chainHeader(chain)]);
    expect(chains).toEqual([
      ['OUTPUT', 'ACCEPT', 'ACCEPT [7:420]'],
      ['KUBE-SVC-A', null, '- [0:0]'],
      ['KUBE-SEP-A', null, '- [0:0]'],
    ]);
    expect([table.line, table.chainCount, table.findChain('KUBE-SEP-A'), table.findChain('KUBE')]).toEqual([
      2, 3, 2, -1,
    ]);
  });

  it('keeps each rule as a shape and its operands', () => {
    const rules = Array.from({ length: table.ruleCount }, (_, rule) => {
      const { slots } = ruleset.shape(table.shapeOf[rule] ?? -1);
      const operands = table.operands.subarray(table.operandStart[rule], table.operandStart[rule + 1]);
      return slots.map((slot, i) => [slot, slot === 'jump' ? operands[i] : ruleset.word(operands[i] ?? -1)]);
    });
    expect(rules).toEqual([
      [
        ['comment', '"to all"'],
        ['jump', 1],
      ],
      [
        ['source', '10.0.0.7/32'],
        ['comment', '"a/b"'],
        ['jump', 2],
      ],
      [
        ['source', '10.0.0.8/32'],
        ['comment', '"a/b"'],
        ['jump', 2],
      ],
      [['to-destination', '10.0.0.7:80']],
    ]);
    expect([ruleset.shapeCount, [...table.shapeOf]]).toEqual([3, [0, 1, 1, 2]]);
    expect([[...table.ruleStart], table.lineOrder]).toEqual([[0, 1, 3, 4], null]);
  });

  it('gives each rule back as text and typed, with its own operands', () => {
    expect([0, 1, 2, 3].map((rule) => table.text(rule))).toEqual(lines);
    expect(table.rule(1).matches[0]).toEqual({ kind: 'source', prefix: '10.0.0.7/32', negated: false });
    expect(table.rule(2).matches[0]).toEqual({ kind: 'source', prefix: '10.0.0.8/32', negated: false });
  });

  it('keeps counters of rules, also where only some rules have them', () => {
    const counted = tableOf(rulesetOf(natOf('-A OUTPUT -j ACCEPT', '[3:180] -A OUTPUT -j DROP', '-A OUTPUT')));
    expect([0, 1, 2].map((rule) => counted.rule(rule).counters)).toEqual([null, { packets: 3, bytes: 180 }, null]);
  });

  it('gives a word as it was meant', () => {
    const commented = rulesetOf(natOf('-A OUTPUT -m comment --comment "it\\\'s für all"'));
    expect([commented.word(commented.wordCount - 1), commented.wordText(commented.wordCount - 1)]).toEqual([
      Buffer.from('"it\\\'s für all"').toString('latin1'),
      "it's für all",
    ]);
  });
});

describe('rules that do not stand in the order of their chains', () => {
  const lines = [
    '-A KUBE-SEP-A -j DROP',
    '[1:2] -A OUTPUT -s 10.0.0.1/32',
    '-A KUBE-SEP-A -d 10.0.0.2/32',
    '-A OUTPUT',
  ];
  const ruleset = rulesetOf(natOf(...lines));
  const table = tableOf(ruleset);

  it('are put side by side per chain, each chain in its own order', () => {
    const texts = Array.from({ length: 4 }, (_, rule) => `${table.counterText(rule)} ${table.text(rule)}`);
    expect(texts).toEqual([
      '[1:2] -A OUTPUT -s 10.0.0.1/32',
      ' -A OUTPUT',
      ' -A KUBE-SEP-A -j DROP',
      ' -A KUBE-SEP-A -d 10.0.0.2/32',
    ]);
    expect([[...table.ruleStart], [...(table.lineOrder ?? [])]]).toEqual([
      [0, 2, 2, 4],
      [2, 0, 3, 1],
    ]);
  });

  it('are printed as they stood', () => {
    expect([...printRules(ruleset)].join('')).toContain(`${lines.join('\n')}\nCOMMIT\n`);
  });
});

describe('a dump that is refused', () => {
  const rule = '-A OUTPUT -j ACCEPT';
  const whole = natOf(rule);

  it.each([
    ['nothing at all', '', 'line 1: missing-table'],
    ['only the first comment', HEAD, 'line 2: missing-table'],
    ['cut behind *nat', `${HEAD}*nat\n`, 'line 3: cut'],
    ['cut in a word', whole.slice(0, whole.indexOf('ACCEPT\n')), 'line 6: cut'],
    ['cut before COMMIT', whole.slice(0, whole.indexOf('COMMIT')), 'line 7: cut'],
    ['cut behind COMMIT', whole.slice(0, whole.indexOf('# Completed')), 'line 8: cut'],
    ['cut in the last line', whole.slice(0, -1), 'line 8: cut'],
    ['another table at once behind COMMIT', `${whole.replace(TRAILER, '')}*filter\nCOMMIT\n${TRAILER}`, 'line 8: cut'],
    ['a table twice', whole + whole, 'line 10: duplicate-table'],
    ['a chain twice', whole.replace(':KUBE-SEP-A', ':OUTPUT'), 'line 5: duplicate-chain'],
    ['a rule of a chain that is not declared', natOf('-A GONE -j ACCEPT'), 'line 6: undeclared-chain'],
    ['a rule of a chain whose name only begins so', natOf('-A OUTPU -j ACCEPT'), 'line 6: undeclared-chain'],
    ['another command', natOf('-I OUTPUT -j ACCEPT'), 'line 6: garbage'],
    ['a chain behind a rule', natOf(rule, ':LATE - [0:0]'), 'line 7: garbage'],
    ['a chain without counters', whole.replace(' [7:420]', ''), 'line 3: garbage'],
    ['a chain whose counters are none', whole.replace('[7:420]', '[7:]'), 'line 3: garbage'],
    ['counters that are none', natOf(`[1:] ${rule}`), 'line 6: garbage'],
    ['a blank line', natOf(rule, ''), 'line 7: garbage'],
    ['text', `iptables-save: command not found\n${whole}`, 'line 1: garbage'],
    ['a rule before any table', `${rule}\n${whole}`, 'line 1: garbage'],
    ['a table without a name', whole.replace('*nat', '*'), 'line 2: garbage'],
    ['a table within a table', natOf('*filter'), 'line 6: garbage'],
    ['words behind COMMIT', whole.replace('COMMIT', 'COMMIT now'), 'line 7: garbage'],
    ['a NUL', natOf('-A OUTPUT -j ACC\0EPT'), 'line 6: control-byte'],
    ['a NUL as a slot', natOf('-A OUTPUT -s \0 -j ACCEPT'), 'line 6: control-byte'],
    ['a carriage return', natOf(`${rule}\r`), 'line 6: control-byte'],
    ['lines that end in CR LF', whole.replaceAll('\n', '\r\n'), 'line 2: garbage'],
    ['an open quote in a comment', natOf('-A OUTPUT -m comment --comment "a b -j ACCEPT'), 'line 6: open-quote'],
    ['an open quote elsewhere', natOf('-A OUTPUT -j LOG --log-prefix "a b\\"'), 'line 6: open-quote'],
    ['a NUL in a quote', natOf('-A OUTPUT -m comment --comment "a\\\0b"'), 'line 6: open-quote'],
  ])('%s', (_, dump, expected) => {
    expect(failureOf(dump)).toBe(expected);
  });

  it('a table is missing', () => {
    expect(failureOf(whole, optionsFor('nat', 'filter'))).toBe('line 9: missing-table');
  });

  it('a table that only nft can show, whole or in part', () => {
    expect(failureOf("# Table `nat' is incompatible, use 'nft' tool.\n")).toBe('line 1: incompatible-table');
    const notice = "# Table `nat' contains incompatible base-chains, use 'nft' tool to list them.\n";
    expect(failureOf(HEAD + notice + whole)).toBe('line 2: incompatible-table');
  });

  it('more rules and chains than allowed', () => {
    expect(failureOf(whole, { ...optionsFor('nat'), maxRules: 4 })).toBe('read');
    expect(failureOf(whole, { ...optionsFor('nat'), maxRules: 3 })).toBe('line 6: too-big');
  });

  it('more bytes than allowed', () => {
    expect(failureOf(whole, { ...optionsFor('nat'), maxBytes: whole.length })).toBe('read');
    expect(failureOf(whole, { ...optionsFor('nat'), maxBytes: whole.length - 1 })).toBe('line 1: too-big');
  });

  it('a line longer than 64 KiB, of whatever kind', () => {
    const start = '-A OUTPUT -m comment --comment "';
    const longest = `${start}${'x'.repeat(MAX_LINE_BYTES - start.length - 1)}"`;
    expect(failureOf(natOf(longest))).toBe('read');
    expect(failureOf(natOf(longest.replace('x', 'xx')))).toBe('line 6: line-too-long');
    expect(failureOf(natOf(`-A OUTPUT${' x'.repeat(MAX_LINE_BYTES)}`))).toBe('line 6: line-too-long');
    expect(failureOf(natOf(`\0${' '.repeat(MAX_LINE_BYTES)}`))).toBe('line 6: line-too-long');
    expect(failureOf(`#${'x'.repeat(MAX_LINE_BYTES)}\n${whole}`)).toBe('line 1: line-too-long');
  });
});

describe('a dump without comments', () => {
  const bare = natOf('-A OUTPUT -j ACCEPT').replace(HEAD, '').replace(TRAILER, '');
  it('is read where no trailer is required', () => {
    expect(failureOf(`${bare}*filter\nCOMMIT\n`, { expectTables: ['nat', 'filter'], trailer: 'optional' })).toBe(
      'read',
    );
  });
  it('names the tables that only nft can show, if none was expected', () => {
    const notice = "# Table `raw' is incompatible, use 'nft' tool.\n";
    expect(rulesetOf(notice + bare, { expectTables: ['nat'], trailer: 'optional' }).incompatible).toEqual(['raw']);
  });
});

describe('a reader', () => {
  it('reads nothing after a failure', () => {
    const reader = new RulesetReader(optionsFor('nat'));
    reader.push(Buffer.from('garbage\n'));
    reader.push(Buffer.from(natOf()));
    expect(reader.finish()).toMatchObject({ ok: false, failure: { line: 1, code: 'garbage' } });
  });

  it('does not hold on to the pieces it is given', () => {
    const dump = Buffer.from(natOf('-A OUTPUT -s 10.0.0.1/32 -j KUBE-SEP-A'));
    const reader = new RulesetReader(optionsFor('nat'));
    const piece = Buffer.alloc(7);
    for (let at = 0; at < dump.length; at += piece.length) reader.push(piece.subarray(0, dump.copy(piece, 0, at)));
    piece.fill(0);
    const result = reader.finish();
    if (!result.ok) throw new Error(result.failure.message);
    expect(tableOf(result.ruleset).text(0)).toBe('-A OUTPUT -s 10.0.0.1/32 -j KUBE-SEP-A');
  });

  it('reads the same rules under any seed', () => {
    const dump = natOf('-A OUTPUT -s 10.0.0.1/32 -j KUBE-SEP-A', '-A KUBE-SEP-A -j KUBE-SVC-A');
    const printed = [0, 1, -1, 2 ** 31].map((seed) =>
      [...printRules(rulesetOf(dump, { ...optionsFor('nat'), seed }))].join(''),
    );
    expect(new Set(printed).size).toBe(1);
  });

  it('reads a slot in one table and fixed text in the next, as each declares', () => {
    const nat = natOf('-A OUTPUT -j KUBE-SEP-A', '-A OUTPUT -j KUBE-SEP-A');
    const mangle = nat.replace('*nat', '*mangle').replace(':KUBE-SEP-A - [0:0]\n', '');
    const ruleset = rulesetOf(nat + mangle + nat.replace('*nat', '*raw'));
    const slots = [...ruleset.tables.values()].map((table) => [...table.shapeOf].map((id) => ruleset.shape(id).slots));
    expect(slots).toEqual([
      [['jump'], ['jump']],
      [[], []],
      [['jump'], ['jump']],
    ]);
  });
});
