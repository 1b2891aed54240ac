/** `plumbline policy FROM TO`: whether NetworkPolicies let one end reach another, and what would. */
import { type Command, Option } from 'commander';
import { answerQuestion } from '../../aggregator/audit/policy/answer-question.ts';
import type { PolicyQuestion, PolicyReport } from '../../aggregator/model/policy.ts';
import { parseWhole } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import { ask, notRead, type Query, urlOf } from '../api/client.ts';
import { type Connection, whileConnected } from '../api/connection.ts';
import { readPolicyReport } from '../api/documents.ts';
import { policyText } from '../api/policy-text.ts';
import { addServerOptions, type ServerOptions } from '../api/server-option.ts';
import { readRecordedObjects } from '../audit/recorded-objects.ts';
import { type Context, refuse } from '../context.ts';
import { outputOption, structuredText } from '../output.ts';
import { done, type Outcome, refused } from '../refusal.ts';

const help = `
FROM and TO: pod/NAMESPACE/NAME, deployment/NAMESPACE/NAME (or another workload),
node/NAME, svc/NAMESPACE/NAME[:PORT], or an IP[:PORT]. What goes to a Service is judged
at its endpoints, with their port: policies see no Service.

It tells what the policies say, by the API's rules. That a network plugin enforces
them is another question, and policies of other kinds are named and not judged.

Examples:
  plumbline policy deployment/shop/web svc/shop/db:pg
  plumbline policy pod/shop/web-0 pod/shop/db-0 --port 5432
  plumbline policy deployment/shop/web svc/kube-system/kube-dns:dns -o json
  plumbline policy node/node-b pod/shop/web-0 --port 8080 --bundle today.tar.gz

Exit codes: 0 it was told, allowed or denied (-o json has it as "allowed": true, false,
or null where it is not known or not the same for all pods), 2 it could not be.`;

interface PolicyOptions extends ServerOptions {
  readonly port?: string;
  readonly protocol?: Protocol;
  readonly bundle?: string;
  readonly output: 'table' | 'json' | 'yaml';
}

/** Adds the command to the program. */
export function addPolicy(program: Command, context: Context): void {
  const command = program
    .command('policy')
    .description('whether NetworkPolicies let one end reach another, by which rule, and what would allow it')
    .argument('<from>', 'pod/NAMESPACE/NAME, a workload, node/NAME or an IP')
    .argument('<to>', 'the same, svc/NAMESPACE/NAME[:PORT] or IP:PORT')
    .option('--port <port>', 'the port, where TO names none')
    .addOption(new Option('--protocol <protocol>', 'the protocol').choices(['tcp', 'udp', 'sctp']))
    .option('--bundle <place>', 'a recording in place of the aggregator: a folder or a .tar.gz')
    .addOption(outputOption(['table', 'json', 'yaml']))
    .addHelpText('after', help)
    .action((from: string, to: string, options: PolicyOptions) => runPolicy({ from, to }, options, context));
  addServerOptions(command);
}

async function runPolicy(
  ends: Pick<PolicyQuestion, 'from' | 'to'>,
  options: PolicyOptions,
  context: Context,
): Promise<void> {
  const outcome = await carryOut(ends, options, context);
  if (!outcome.ok) return refuse(context, outcome.refusal);
  const { terminal } = context;
  await terminal.print(
    options.output === 'table'
      ? policyText(outcome.value, terminal)
      : structuredText({ apiVersion: 'plumbline.dev/v1', kind: 'PolicyReport', ...outcome.value }, options.output),
  );
  context.exitWith(0);
}

async function carryOut(
  { from, to }: Pick<PolicyQuestion, 'from' | 'to'>,
  options: PolicyOptions,
  context: Context,
): Promise<Outcome<PolicyReport>> {
  const attempted = `tell whether ${from} may reach ${to}`;
  const port = options.port === undefined ? null : parseWhole(options.port, 65_535);
  if (options.port !== undefined && (port === null || port === 0)) {
    return refused(attempted, `--port ${options.port} is no port`, 'Give a number from 1 to 65535.');
  }
  const question = { from, to, port, protocol: options.protocol ?? null };
  const { bundle } = options;
  if (bundle === undefined)
    return whileConnected(options, context, (connection) => askAggregator(connection, question));
  if (options.server !== undefined || options.kubeconfig !== undefined) {
    return refused(attempted, '--bundle and an aggregator exclude each other', 'Give one of them.');
  }
  const objects = await readRecordedObjects(bundle, `ask ${bundle}`, (close) => context.onInterrupt(close));
  if (!objects.ok) return objects;
  const answer = answerQuestion(objects.value, question);
  return answer.ok ? done(answer.report) : refused(attempted, answer.problem, adviceFor(answer.parameter));
}

function adviceFor(parameter: string | null): string {
  return parameter === null
    ? 'A bundle has them as api/networkpolicies.json, api/pods.json and api/namespaces.json: `kubectl get -A -o json` of each.'
    : 'See plumbline policy --help for what it takes.';
}

async function askAggregator(connection: Connection, question: PolicyQuestion): Promise<Outcome<PolicyReport>> {
  const { from, to, port, protocol } = question;
  const query: Query = [
    ['from', from],
    ['to', to],
    ...(port === null ? [] : [['port', String(port)] as const]),
    ...(protocol === null ? [] : [['protocol', protocol] as const]),
  ];
  const url = urlOf(connection.url, 'api/v1/policy', query);
  const answer = await ask(connection, url);
  if (!answer.ok) return answer;
  const document = readPolicyReport(answer.value.value);
  if (document === null) return notRead(url, 'a document without the fields of its kind');
  const { apiVersion: _, kind: __, ...report } = document;
  return done(report);
}
