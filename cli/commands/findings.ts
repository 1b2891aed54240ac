/** `plumbline findings [FINGERPRINT]`: what a running aggregator has found, and what became of it. */
import { type Command, Option } from 'commander';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import { type Severity, severities } from '../../aggregator/model/finding.ts';
import { type Connection, whileConnected } from '../api/connection.ts';
import { doubtsOf } from '../api/doubts.ts';
import { readFinding, readTransition } from '../api/documents.ts';
import { findingText } from '../api/finding-text.ts';
import { findingView } from '../api/finding-view.ts';
import { follow } from '../api/follow.ts';
import { followedFindings, type FindingFilter, listFindings } from '../api/followed-findings.ts';
import { listText } from '../api/item-view.ts';
import { type Listed, readList, readOne } from '../api/lists.ts';
import { addListOptions, addNamespaceOptions, type ListOptions, wordsOption } from '../api/options.ts';
import { type Context, refuse } from '../context.ts';
import { structuredText } from '../output.ts';
import { paints } from '../paints.ts';
import { done, type Outcome, refused } from '../refusal.ts';

const help = `
Without --state: everything that has not ended. States that end a finding
(resolved, gone) are told from the history, the newest 500.

Examples:
  plumbline findings                              what is wrong, most urgent first
  plumbline findings 5f0c1d2e3a4b5c6d             one of them: evidence, remedy, history
  plumbline findings --node node-b --severity critical,high
  plumbline findings -n shop --watch
  plumbline findings --fail-on high -o name       for a script

Exit codes: 0 nothing at or above --fail-on is firing, 1 something is, 2 the
aggregator could not be asked, or is not ready and knows of nothing.`;

const states = ['pending', 'firing', 'unknown', 'suppressed', 'resolved', 'gone'];

interface FindingsOptions extends ListOptions, FindingFilter {
  readonly failOn: Severity;
}

/** Adds the command to the program. */
export function addFindings(program: Command, context: Context): void {
  const command = program
    .command('findings')
    .description('list what a running aggregator has found, or show one finding')
    .argument('[fingerprint]', 'the finding to show whole')
    .addOption(wordsOption('--state <states>', 'only these', states))
    .addOption(wordsOption('--severity <severities>', 'only these', severities))
    .addOption(wordsOption('--check <checks>', 'only of these checks'))
    .addOption(wordsOption('--node <nodes>', 'only on these nodes'))
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 from this severity on').choices(severities).default('low'),
    )
    .addHelpText('after', help)
    .action((fingerprint: string | undefined, options: FindingsOptions) => runFindings(fingerprint, options, context));
  addListOptions(command);
  addNamespaceOptions(command, "only of this namespace's Services");
}

async function runFindings(fingerprint: string | undefined, options: FindingsOptions, context: Context): Promise<void> {
  const outcome = await whileConnected(options, context, (connection) =>
    carryOut(connection, fingerprint, { options, context }),
  );
  if (!outcome.ok) return refuse(context, outcome.refusal);
  context.exitWith(outcome.value.some((finding) => failsOn(finding, options.failOn)) ? 1 : 0);
}

/** @returns the findings that were printed, and decide how the program ends. */
async function carryOut(
  connection: Connection,
  fingerprint: string | undefined,
  { options, context }: { readonly options: FindingsOptions; readonly context: Context },
): Promise<Outcome<readonly FindingJson[]>> {
  if (fingerprint !== undefined) return showOne(connection, fingerprint, options, context);
  if (options.watch === true) {
    const followed = await follow(followedFindings(connection, options, options.output), connection, context);
    return followed.ok ? done([]) : followed;
  }
  return showList(connection, options, context);
}

async function showOne(
  connection: Connection,
  fingerprint: string,
  { output, watch }: FindingsOptions,
  { terminal }: Context,
): Promise<Outcome<readonly FindingJson[]>> {
  if (watch === true) return refused('watch one finding', '--watch is for lists', 'Leave out the one or the other.');
  const path = `api/v1/findings/${encodeURIComponent(fingerprint)}`;
  const [told, history] = await Promise.all([
    readOne(connection, path, readFinding),
    readList(connection, `${path}/history`, { query: [], read: readTransition, most: 500 }),
  ]);
  if (!told.ok) return told;
  if (!history.ok) return history;
  const { item, at } = told.value;
  await terminal.print(
    output === 'json' || output === 'yaml'
      ? structuredText(item, output)
      : output === 'name'
        ? listText([item], findingView, { output, now: at, paint: paints(false) })
        : findingText({ finding: item, history: history.value.items, now: at }, terminal),
  );
  return done([item]);
}

async function showList(
  connection: Connection,
  options: FindingsOptions,
  { terminal }: Context,
): Promise<Outcome<readonly FindingJson[]>> {
  const [listed, doubts] = await Promise.all([listFindings(connection, options), doubtsOf(connection)]);
  if (!listed.ok) return listed;
  const { items, at } = listed.value;
  if (items.length === 0 && doubts.notReady !== null) {
    const advice = 'No findings of an aggregator that is not ready say nothing. Try again in a minute.';
    return refused(`tell findings by ${connection.url}`, `it is not ready (${doubts.notReady})`, advice);
  }
  await terminal.print(
    listText(items, findingView, { output: options.output, now: at, paint: paints(terminal.colours) }),
  );
  if (items.length === 0) await terminal.warn('No findings.\n');
  for (const line of [...doubts.lines, ...restLines(listed.value)]) await terminal.warn(`plumbline: ${line}\n`);
  return done(items);
}

function restLines({ items, hasMore }: Listed<unknown>): readonly string[] {
  return hasMore ? [`these are the first ${items.length}, there are more`] : [];
}

/** What is unknown, pending, suppressed or over does not count. */
function failsOn({ state, severity }: FindingJson, least: Severity): boolean {
  return state === 'firing' && severities.indexOf(severity) <= severities.indexOf(least);
}
