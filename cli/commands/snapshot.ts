/** `plumbline snapshot`: all that findings are made of, as a bundle to keep, to send and to audit again. */
import type { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { whileConnected } from '../api/connection.ts';
import { addServerOptions, type ServerOptions } from '../api/server-option.ts';
import { type Context, refuse } from '../context.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import { type Destination, openDestination } from '../snapshot/destination.ts';
import { visibleText } from '../visible.ts';

const help = `
Without --live the running aggregator gives it: the API's objects as far as audits
read them, the findings, and each node's table and parts as its agent told them.
With --live it is this machine's: what its commands and files show now, and the API's
objects beside it. Neither holds tokens, kubeconfigs, keys, or the environment of pods.

What it holds is still nobody else's affair: names, addresses and rules. Only the owner
may read the files.

Examples:
  plumbline snapshot --out today.tar.gz            all nodes, through the aggregator
  plumbline snapshot --out ./today                 the same, unpacked
  plumbline snapshot --live --out node-b.tar.gz    this machine, as root
  plumbline audit today.tar.gz                     what follows from it

Exit codes: 0 it is there, 2 it is not: nothing was written.`;

interface SnapshotOptions extends ServerOptions {
  readonly out: string;
  readonly live?: true;
  readonly api?: string;
  readonly node?: string;
}

/** What is to be said of a snapshot that was taken. */
interface Taken {
  readonly what: string;
  /** What is not in it, one sentence each. */
  readonly gaps: readonly string[];
}

const attempted = 'take a snapshot';

/** Adds the command to the program. */
export function addSnapshot(program: Command, context: Context): void {
  const command = program
    .command('snapshot')
    .description('write down all that findings are made of, as a bundle to audit again')
    .requiredOption('--out <place>', 'a folder, or a FILE.tar.gz; neither may exist yet')
    .option('--live', "this machine's kernel instead of what the aggregator knows")
    .option('--api <dir>', "with --live: recorded API lists in place of the API server's")
    .option('--node <name>', "with --live: this machine's Node, where it cannot be told")
    .addHelpText('after', help)
    .action((options: SnapshotOptions) => runSnapshot(options, context));
  addServerOptions(command);
}

async function runSnapshot(options: SnapshotOptions, context: Context): Promise<void> {
  const taken = await carryOut(options, context);
  if (!taken.ok) return refuse(context, taken.refusal);
  for (const gap of taken.value.gaps) await context.terminal.warn(`plumbline: ${visibleText(gap)}\n`);
  await context.terminal.print(
    `${options.out}: ${taken.value.what}. See what follows: plumbline audit ${options.out}\n`,
  );
  context.exitWith(0);
}

async function carryOut(options: SnapshotOptions, context: Context): Promise<Outcome<Taken>> {
  const contradiction = contradictionIn(options);
  if (contradiction !== null) return refused(attempted, contradiction, 'See plumbline snapshot --help.');
  const destination = openDestination(options.out, attempted);
  if (!destination.ok) return destination;
  const forget = context.onInterrupt(destination.value.close);
  try {
    const taken =
      options.live === true
        ? await takeLive(destination.value, options, context)
        : await takeThroughAggregator(destination.value, options, context);
    if (!taken.ok) return taken;
    const committed = destination.value.commit();
    return committed.ok ? taken : committed;
  } finally {
    forget();
    destination.value.close();
  }
}

function contradictionIn({
  live,
  api,
  node,
  server,
  tokenFile,
  plumblineNamespace,
  kubeconfig,
  context,
}: SnapshotOptions) {
  if (live !== true) return api !== undefined || node !== undefined ? '--api and --node are for --live only' : null;
  if (server !== undefined || tokenFile !== undefined || plumblineNamespace !== undefined) {
    return '--live asks no aggregator: --server, --token-file and --plumbline-namespace are not for it';
  }
  return api !== undefined && (kubeconfig !== undefined || context !== undefined)
    ? '--kubeconfig and --context are for --live without --api'
    : null;
}

async function takeThroughAggregator(
  destination: Destination,
  options: SnapshotOptions,
  context: Context,
): Promise<Outcome<Taken>> {
  const { fetchSnapshot } = await import('../snapshot/fetched-snapshot.ts');
  const fetched = await whileConnected(options, context, (connection) => fetchSnapshot(connection, destination));
  return fetched.ok ? done({ what: `all nodes, ${bytesText(fetched.value)} packed`, gaps: [] }) : fetched;
}

async function takeLive(
  destination: Destination,
  options: SnapshotOptions,
  { hostname, environment, onInterrupt }: Context,
): Promise<Outcome<Taken>> {
  const [{ recordMachine }, { packFolder }] = await Promise.all([
    import('../snapshot/live-snapshot.ts'),
    import('../snapshot/packed-folder.ts'),
  ]);
  const now = () => new Date();
  const { api, node = null, kubeconfig = null, context = null } = options;
  const source = api === undefined ? { access: { kubeconfig, context, environment } } : { folder: api };
  const plan = { api: source, node, hostname, version: packageJson.version, now };
  const recorded = await recordMachine(destination.folder, plan, (close) => onInterrupt(close));
  if (!recorded.ok) return recorded;
  if (destination.kind === 'archive') await packFolder(destination.folder, destination.archive, now().getTime());
  return done({ what: `node ${recorded.value.node}`, gaps: recorded.value.gaps });
}

/** `3.4 MiB`. */
function bytesText(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
