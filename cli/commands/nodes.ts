/** `plumbline nodes [NAME]`: what a running aggregator knows of each node, and why it does not know the rest. */
import type { Command } from 'commander';
import type { NodeJson } from '../../aggregator/http/schemas/node.ts';
import { type Connection, whileConnected } from '../api/connection.ts';
import { readFinding, readNode } from '../api/documents.ts';
import { findingView } from '../api/finding-view.ts';
import { type Followed, follow } from '../api/follow.ts';
import { listText } from '../api/item-view.ts';
import { readList, readOne } from '../api/lists.ts';
import { nodeText, nodeView } from '../api/node-view.ts';
import { addListOptions, type ListOptions, wordsOption } from '../api/options.ts';
import { type Context, refuse } from '../context.ts';
import { structuredText } from '../output.ts';
import { paints } from '../paints.ts';
import { done, type Outcome, refused } from '../refusal.ts';

const help = `
READ is the age of the newest reading. SHOWS STATE OF is the time until which
what the node does was wanted: it has not followed since.

Examples:
  plumbline nodes
  plumbline nodes --state unknown       what is not known, and why
  plumbline nodes node-b                one node with its findings
  plumbline nodes --watch

Exit codes: 0 the nodes were told, healthy or not, 2 they could not be.`;

interface NodesOptions extends ListOptions {
  readonly state?: readonly string[];
}

const most = 100_000;

/** Adds the command to the program. */
export function addNodes(program: Command, context: Context): void {
  const command = program
    .command('nodes')
    .description('list the nodes that a running aggregator knows, or show one')
    .argument('[name]', 'the node to show whole')
    .addOption(wordsOption('--state <states>', 'only these', ['healthy', 'unhealthy', 'unknown']))
    .addHelpText('after', help)
    .action((name: string | undefined, options: NodesOptions) => runNodes(name, options, context));
  addListOptions(command);
}

async function runNodes(name: string | undefined, options: NodesOptions, context: Context): Promise<void> {
  const outcome = await whileConnected(options, context, (connection) =>
    carryOut(connection, name, { options, context }),
  );
  if (!outcome.ok) return refuse(context, outcome.refusal);
  context.exitWith(0);
}

async function carryOut(
  connection: Connection,
  name: string | undefined,
  { options, context }: { readonly options: NodesOptions; readonly context: Context },
): Promise<Outcome<null>> {
  if (name !== undefined) return showOne(connection, name, options, context);
  if (options.watch === true) return follow(followedNodes(connection, options), connection, context);
  const listed = await listNodes(connection, options);
  if (!listed.ok) return listed;
  const { terminal } = context;
  const { items, at } = listed.value;
  await terminal.print(listText(items, nodeView, { output: options.output, now: at, paint: paints(terminal.colours) }));
  if (items.length === 0) await terminal.warn('No nodes.\n');
  return done(null);
}

function listNodes(connection: Connection, { state = [] }: NodesOptions) {
  return readList(connection, 'api/v1/nodes', { query: state.map((each) => ['state', each]), read: readNode, most });
}

function followedNodes(connection: Connection, options: NodesOptions): Followed<NodeJson> {
  return {
    view: nodeView,
    output: options.output,
    list: () => listNodes(connection, options),
    changed: async ({ kind, value }, isShown) => {
      const node = kind === 'node' ? readNode(value) : null;
      if (node === null) return [];
      return isShown(node.name) || (options.state?.includes(node.state) ?? true) ? [node] : [];
    },
    lookUp: async (name) => {
      const told = await readOne(connection, `api/v1/nodes/${encodeURIComponent(name)}`, readNode);
      return told.ok ? told.value.item : null;
    },
  };
}

async function showOne(
  connection: Connection,
  name: string,
  { output, watch }: NodesOptions,
  { terminal }: Context,
): Promise<Outcome<null>> {
  if (watch === true) return refused('watch one node', '--watch is for lists', 'Leave out the one or the other.');
  const told = await readOne(connection, `api/v1/nodes/${encodeURIComponent(name)}`, readNode);
  if (!told.ok) return told;
  const { item, at } = told.value;
  const paint = paints(terminal.colours);
  if (output === 'json' || output === 'yaml') {
    await terminal.print(structuredText(item, output));
    return done(null);
  }
  if (output === 'name') {
    await terminal.print(listText([item], nodeView, { output, now: at, paint }));
    return done(null);
  }
  const findings = await readList(connection, 'api/v1/findings', { query: [['node', name]], read: readFinding, most });
  if (!findings.ok) return findings;
  const rows = listText(findings.value.items, findingView, { output, now: at, paint });
  await terminal.print(`${nodeText(item, at, terminal)}${rows === '' ? '' : `\n${rows}`}`);
  return done(null);
}
