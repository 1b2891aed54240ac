/** `plumbline services [NS/NAME]`: how many nodes do what the cluster asked for, and who does something else. */
import type { Command } from 'commander';
import type { ServiceJson } from '../../aggregator/http/schemas/service.ts';
import { type Connection, whileConnected } from '../api/connection.ts';
import { readFinding, readService, readServiceDocument } from '../api/documents.ts';
import { type Followed, follow } from '../api/follow.ts';
import { listText } from '../api/item-view.ts';
import { readList, readOne } from '../api/lists.ts';
import { addListOptions, addNamespaceOptions, type ListOptions } from '../api/options.ts';
import { serviceText, serviceView } from '../api/service-view.ts';
import { type Context, refuse } from '../context.ts';
import { structuredText } from '../output.ts';
import { paints } from '../paints.ts';
import { done, type Outcome, refused } from '../refusal.ts';

const help = `
Nodes converge while they show what was wanted a moment ago.

Examples:
  plumbline services
  plumbline services shop/web           which nodes have which version of it
  plumbline services web -n shop        the same
  plumbline services -n shop --watch

Exit codes: 0 the Services were told, in sync or not, 2 they could not be.`;

interface ServicesOptions extends ListOptions {
  readonly namespace?: string;
}

const most = 200_000;
/** Milliseconds between two looks at the Services that events spoke of: one event comes for each node. */
const lookMs = 1_000;

/** Adds the command to the program. */
export function addServices(program: Command, context: Context): void {
  const command = program
    .command('services')
    .description('list the Services and how many nodes have them right, or show one')
    .argument('[name]', 'the Service to show whole: namespace/name')
    .addHelpText('after', help)
    .action((name: string | undefined, options: ServicesOptions) => runServices(name, options, context));
  addListOptions(command);
  addNamespaceOptions(command, 'only Services of this namespace');
}

async function runServices(name: string | undefined, options: ServicesOptions, context: Context): Promise<void> {
  const outcome = await whileConnected(options, context, (connection) =>
    carryOut(connection, name, { options, context }),
  );
  if (!outcome.ok) return refuse(context, outcome.refusal);
  context.exitWith(0);
}

async function carryOut(
  connection: Connection,
  name: string | undefined,
  { options, context }: { readonly options: ServicesOptions; readonly context: Context },
): Promise<Outcome<null>> {
  if (name !== undefined) return showOne(connection, name, options, context);
  if (options.watch === true) return follow(followedServices(connection, options), connection, context);
  const listed = await listServices(connection, options);
  if (!listed.ok) return listed;
  const { terminal } = context;
  const { items, at } = listed.value;
  await terminal.print(
    listText(items, serviceView, { output: options.output, now: at, paint: paints(terminal.colours) }),
  );
  if (items.length === 0) await terminal.warn('No Services.\n');
  return done(null);
}

function listServices(connection: Connection, { namespace }: ServicesOptions) {
  const query = namespace === undefined ? [] : [['namespace', namespace] as const];
  return readList(connection, 'api/v1/services', { query, read: readService, most });
}

/** No event speaks of Services; those that findings come and go for are looked at again. */
function followedServices(connection: Connection, options: ServicesOptions): Followed<ServiceJson> {
  const touched = new Set<string>();
  let lookedAt = 0;
  const look = async (name: string) => {
    const told = await readOne(connection, pathOf(name), readService);
    return told.ok ? told.value.item : null;
  };
  return {
    view: serviceView,
    output: options.output,
    list: () => listServices(connection, options),
    changed: async ({ kind, value }) => {
      const finding = kind === 'finding' && typeof value === 'object' && value !== null && 'finding' in value;
      const subject = finding ? readFinding(value.finding)?.subject : undefined;
      if (subject?.kind === 'Service' && subject.namespace === (options.namespace ?? subject.namespace)) {
        touched.add(`${subject.namespace}/${subject.name}`);
      }
      // What is left waits for the next event or sign of life.
      if (touched.size === 0 || Date.now() - lookedAt < lookMs) return [];
      const names = [...touched];
      touched.clear();
      lookedAt = Date.now();
      const services = await Promise.all(names.slice(0, 100).map(look));
      return services.filter((service) => service !== null);
    },
    lookUp: look,
  };
}

async function showOne(
  connection: Connection,
  given: string,
  { output, watch, namespace }: ServicesOptions,
  { terminal }: Context,
): Promise<Outcome<null>> {
  if (watch === true) return refused('watch one Service', '--watch is for lists', 'Leave out the one or the other.');
  const name = given.includes('/') ? given : `${namespace ?? ''}/${given}`;
  if (!/^[^/]+\/[^/]+$/.test(name) || (given.includes('/') && namespace !== undefined)) {
    return refused(`show the Service ${given}`, 'its namespace is not clear', 'Give NAMESPACE/NAME, or NAME with -n.');
  }
  const told = await readOne(connection, pathOf(name), readServiceDocument);
  if (!told.ok) return told;
  const { item, at } = told.value;
  await terminal.print(
    output === 'json' || output === 'yaml'
      ? structuredText(item, output)
      : output === 'name'
        ? listText([item], serviceView, { output, now: at, paint: paints(false) })
        : serviceText(item, at, terminal),
  );
  return done(null);
}

function pathOf(name: string): string {
  return `api/v1/services/${name.split('/').map(encodeURIComponent).join('/')}`;
}
