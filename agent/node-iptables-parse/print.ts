import type { Ruleset, Table } from './ruleset.ts';

/** About this many characters at a time. */
const PIECE = 1 << 16;

/**
 * Prints a ruleset as iptables-save did: byte for byte the dump, its `#` lines left out.
 * @returns pieces of one character per byte: write them with encoding `latin1`
 */
export function* printRules(ruleset: Ruleset): Generator<string> {
  let piece = '';
  for (const table of ruleset.tables.values()) {
    for (const line of printTable(table)) {
      piece += line;
      if (piece.length >= PIECE) {
        yield piece;
        piece = '';
      }
    }
  }
  if (piece !== '') yield piece;
}

function* printTable(table: Table): Generator<string> {
  yield `*${table.name}\n`;
  for (let chain = 0; chain < table.chainCount; chain += 1) {
    yield `:${table.chainName(chain)} ${table.chainHeader(chain)}\n`;
  }
  for (let line = 0; line < table.ruleCount; line += 1) {
    const rule = table.lineOrder?.[line] ?? line;
    const counters = table.counterText(rule);
    yield counters === '' ? `${table.verbatim(rule)}\n` : `${counters} ${table.verbatim(rule)}\n`;
  }
  yield 'COMMIT\n';
}
