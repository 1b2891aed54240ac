/** `plumbline checks [ID]`: what is checked, and what each check knows about its fault. */
import type { Command } from 'commander';
import { checks } from '../../aggregator/checks/index.ts';
import type { Check } from '../../aggregator/model/check.ts';
import { type Context, refuse } from '../context.ts';
import { type OutputFormat, outputOption, structuredText } from '../output.ts';
import { paints } from '../paints.ts';
import type { Outcome } from '../refusal.ts';
import { done, refused } from '../refusal.ts';
import { tableLines, wrap } from '../table.ts';

const examples = `
Examples:
  plumbline checks
  plumbline checks stale-endpoint
  plumbline checks -o json`;

interface ChecksOptions {
  readonly output: OutputFormat;
}

/** Adds the command to the program. */
export function addChecks(program: Command, context: Context): void {
  program
    .command('checks')
    .description('list the checks, or explain one')
    .argument('[id]', 'the check, such as stale-endpoint')
    .addOption(outputOption(['table', 'wide', 'json', 'yaml', 'name']))
    .addHelpText('after', examples)
    .action((id: string | undefined, options: ChecksOptions) => showChecks(id, options, context));
}

async function showChecks(id: string | undefined, { output }: ChecksOptions, context: Context): Promise<void> {
  const chosen = choose(id);
  if (!chosen.ok) return refuse(context, chosen.refusal);
  await context.terminal.print(text(chosen.value, id !== undefined, output, context));
}

function choose(id: string | undefined): Outcome<readonly Check[]> {
  if (id === undefined) return done(checks);
  const found = checks.filter((check) => check.id === id);
  if (found.length > 0) return done(found);
  const near = checks.map((check) => check.id).filter((known) => known.split('-').some((word) => id.includes(word)));
  const hint = near.length > 0 ? `Did you mean ${near.join(', ')}? ` : '';
  return refused(`explain the check ${id}`, 'there is none of that id', `${hint}\`plumbline checks\` lists them.`);
}

function text(chosen: readonly Check[], one: boolean, output: ChecksOptions['output'], context: Context): string {
  switch (output) {
    case 'json':
    case 'yaml': {
      const documents = chosen.map(document);
      return structuredText(one ? documents[0] : { ...kind('CheckList'), items: documents }, output);
    }
    case 'name':
      return chosen.map((check) => `check/${check.id}\n`).join('');
    case 'table':
      return one ? chosen.map((check) => explained(check, context)).join('\n') : listed(chosen, context);
    case 'wide':
      return one ? chosen.map((check) => explained(check, context)).join('\n') : listedWide(chosen, context);
  }
}

function kind(name: string) {
  return { apiVersion: 'plumbline.dev/v1', kind: name };
}

/** What a check knows of its fault, without the functions by which it finds it. */
function document(check: Check): Readonly<Record<string, unknown>> {
  const said = Object.entries(check).filter(([, value]) => typeof value !== 'function');
  return { ...kind('Check'), ...Object.fromEntries(said) };
}

function listed(chosen: readonly Check[], { terminal }: Context): string {
  const paint = paints(terminal.colours);
  const rows = chosen.map((check) => [check.id, check.severity, check.layer, check.scope]);
  const [head = '', ...lines] = tableLines(['CHECK', 'SEVERITY', 'LAYER', 'SCOPE'], rows);
  const described = chosen.flatMap(({ severity, title }, row) => [
    paint.severity(severity, lines[row] ?? ''),
    ...wrap(title, terminal.columns, '  '),
  ]);
  return `${[paint.quiet(head), ...described].join('\n')}\n`;
}

/** A line for each, its title at the end. */
function listedWide(chosen: readonly Check[], { terminal }: Context): string {
  const paint = paints(terminal.colours);
  const rows = chosen.map((check) => [
    check.id,
    check.severity,
    check.layer,
    check.scope,
    `${check.holdForSeconds}s`,
    `${check.clearForSeconds}s`,
    check.title,
  ]);
  const heads = ['CHECK', 'SEVERITY', 'LAYER', 'SCOPE', 'HOLDS', 'CLEARS', 'TITLE'];
  const [head = '', ...lines] = tableLines(heads, rows);
  const painted = chosen.map(({ severity }, row) => paint.severity(severity, lines[row] ?? ''));
  return `${[paint.quiet(head), ...painted].join('\n')}\n`;
}

function explained(check: Check, { terminal }: Context): string {
  const paint = paints(terminal.colours);
  const section = (head: string, body: string) => [
    '',
    paint.strong(head),
    ...wrap(body.trim(), terminal.columns, '  '),
  ];
  return `${[
    paint.severity(check.severity, check.id),
    `${check.severity} / ${check.layer} / per ${check.scope}`,
    '',
    ...wrap(check.title, terminal.columns),
    ...section('Explanation', check.explanation),
    ...section('No finding', check.falsePositives),
    ...section('Remedy', check.remediation),
  ].join('\n')}\n`;
}
