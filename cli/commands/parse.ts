/** `plumbline parse iptables-save [FILE]`: rules as typed JSON, or as text again. */
import type { Command } from 'commander';
import { printRules, type Ruleset, type Table } from 'node-iptables-parse';
import { type Context, refuse } from '../context.ts';
import { outputOption } from '../output.ts';
import { readRuleset } from '../read-ruleset.ts';

const examples = `
Prints JSON by default: tables, their chains, each chain's rules with typed matches
and target. A rule that cannot be read says why in "unreadable". Text that is no
whole output of iptables-save is refused with its line number (exit code 2).

Examples:
  iptables-save | plumbline parse iptables-save
  plumbline parse iptables-save rules.txt -o json
  plumbline parse iptables-save rules.txt -o iptables-save   # the text again, without # lines`;

interface ParseOptions {
  readonly output: 'json' | 'iptables-save';
}

/** Adds the command to the program. */
export function addParse(program: Command, context: Context): void {
  const parse = program
    .command('parse')
    .description("read a dump of the kernel's rules")
    .addHelpText('after', `${examples}\n`)
    .action(() => parse.help({ error: true }));
  parse
    .command('iptables-save')
    .description('read what iptables-save or ip6tables-save printed')
    .argument('[file]', 'the dump; - or nothing reads stdin', '-')
    .addOption(outputOption(['json', 'iptables-save']))
    .addHelpText('after', examples)
    .action((file: string, options: ParseOptions) => parseDump(file, options, context));
}

async function parseDump(file: string, { output }: ParseOptions, context: Context): Promise<void> {
  const ruleset = await readRuleset(file, context.stdin, `parse ${file === '-' ? 'stdin' : file}`);
  if (!ruleset.ok) return refuse(context, ruleset.refusal);
  if (output === 'json') await printPieces(jsonPieces(ruleset.value), 'utf8', context);
  else await printPieces(printRules(ruleset.value), 'latin1', context);
}

/** As much text is gathered before it is handed on. */
const pieceLength = 64 * 1024;

/** @param encoding `latin1` for text that holds one character per byte of the dump, which gives the same bytes back. */
async function printPieces(pieces: Iterable<string>, encoding: 'utf8' | 'latin1', context: Context): Promise<void> {
  let gathered = '';
  for (const piece of pieces) {
    gathered += piece;
    if (gathered.length < pieceLength) continue;
    await context.terminal.print(Buffer.from(gathered, encoding));
    gathered = '';
    if (context.terminal.isClosed()) return;
  }
  await context.terminal.print(Buffer.from(gathered, encoding));
}

/** A document of any length, one rule a line. */
function* jsonPieces(ruleset: Ruleset): Generator<string> {
  yield '{"apiVersion":"plumbline.dev/v1","kind":"Ruleset","tables":[';
  let tables = 0;
  for (const table of ruleset.tables.values()) {
    yield `${tables++ === 0 ? '' : ','}\n {"name":${JSON.stringify(table.name)},"chains":[`;
    yield* chainPieces(table);
    yield ']}';
  }
  yield ']}\n';
}

function* chainPieces(table: Table): Generator<string> {
  for (let chain = 0; chain < table.chainCount; chain++) {
    const head = JSON.stringify({ name: table.chainName(chain), policy: table.policy(chain) }).slice(0, -1);
    yield `${chain === 0 ? '' : ','}\n  ${head},"rules":[`;
    const first = table.ruleStart[chain] ?? 0;
    const end = table.ruleStart[chain + 1] ?? first;
    for (let rule = first; rule < end; rule++) {
      const { counters, matches, target, unreadable } = table.rule(rule);
      const typed = { text: table.text(rule), counters, matches, target, unreadable };
      yield `${rule === first ? '' : ','}\n   ${JSON.stringify(typed)}`;
    }
    yield ']}';
  }
}
