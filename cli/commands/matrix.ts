/** `plumbline matrix`: who reaches whom, by what policies and endpoints say, beside what probes saw. */
import { type Command, Option } from 'commander';
import { endText, parseEnd } from '../../aggregator/audit/ends.ts';
import type { Matrix, MatrixPair, MatrixQuestion } from '../../aggregator/model/matrix.ts';
import { ask, notRead, type Query, urlOf } from '../api/client.ts';
import { type Connection, whileConnected } from '../api/connection.ts';
import { readMatrixPage } from '../api/documents.ts';
import { matrixText } from '../api/matrix-text.ts';
import { addServerOptions, type ServerOptions } from '../api/server-option.ts';
import { recordedMatrix } from '../audit/recorded-matrix.ts';
import { type Context, refuse } from '../context.ts';
import { outputOption, structuredText } from '../output.ts';
import { done, type Outcome, refused } from '../refusal.ts';

const help = `
One record for each pair and answer: from a workload to a workload, at the ports that
its containers name, and to each Service, at its own ports, judged at its endpoints.
"allowed" is what NetworkPolicies and endpoints predict; "observed" what agents' probes
saw, where a namespace takes part (docs/matrix.md). Where both differ, it comes first.

Examples:
  plumbline matrix                              the whole cluster, by the aggregator
  plumbline matrix -n shop --show denied        what may not reach, or be reached by, shop
  plumbline matrix --bundle ./recording -o json
  plumbline matrix --from deployment/shop/web --to svc/shop/db

Exit codes: 0 it was told, 2 it could not be.`;

interface MatrixOptions extends ServerOptions {
  /** Of the pairs; where the aggregator is, options of the connection say. */
  readonly within?: string;
  readonly from?: string;
  readonly to?: string;
  readonly show?: MatrixQuestion['show'];
  readonly bundle?: string;
  readonly output: 'table' | 'json' | 'yaml';
}

/** What is printed. */
export type MatrixAnswer = Pick<Matrix, 'pairs' | 'notJudged' | 'unknownBecause' | 'total'>;

/** Adds the command to the program. */
export function addMatrix(program: Command, context: Context): void {
  const command = program
    .command('matrix')
    .description('who reaches whom, by policies and endpoints, beside what probes saw')
    .option('-n, --within <namespace>', 'only pairs that begin or end in this namespace')
    .option('--from <end>', 'only pairs that begin there: deployment/NAMESPACE/NAME, pod/..., node/NAME')
    .option('--to <end>', 'only pairs that end there: the same, svc/NAMESPACE/NAME')
    .addOption(
      new Option(
        '--show <pairs>',
        'all, what is denied or differs, or only what differs (denied for -o table, all for programs)',
      ).choices(['all', 'denied', 'differing']),
    )
    .option('--bundle <place>', 'a recording in place of the aggregator: a folder or a .tar.gz')
    .addOption(outputOption(['table', 'json', 'yaml']))
    .addHelpText('after', help)
    .action((options: MatrixOptions) => runMatrix(options, context));
  addServerOptions(command);
}

async function runMatrix(options: MatrixOptions, context: Context): Promise<void> {
  const outcome = await carryOut(options, context);
  if (!outcome.ok) return refuse(context, outcome.refusal);
  const { pairs, notJudged, unknownBecause, total } = outcome.value;
  const { terminal } = context;
  const list = {
    apiVersion: 'plumbline.dev/v1',
    kind: 'MatrixPairList',
    items: pairs,
    total,
    notJudged,
    unknownBecause,
  };
  await terminal.print(
    options.output === 'table' ? matrixText(outcome.value, terminal) : structuredText(list, options.output),
  );
  context.exitWith(0);
}

async function carryOut(options: MatrixOptions, context: Context): Promise<Outcome<MatrixAnswer>> {
  const attempted = 'tell who reaches whom';
  const ends = { from: options.from, to: options.to };
  for (const [name, text] of Object.entries(ends)) {
    const read = text === undefined ? null : parseEnd(text);
    if (read !== null && 'problem' in read) {
      return refused(attempted, `--${name} ${read.problem}`, 'See plumbline matrix --help for what it takes.');
    }
  }
  const question: MatrixQuestion = {
    namespace: options.within ?? null,
    from: written(options.from),
    to: written(options.to),
    show: options.show ?? (options.output === 'table' ? 'denied' : 'all'),
  };
  const { bundle } = options;
  if (bundle === undefined)
    return whileConnected(options, context, (connection) => askAggregator(connection, question));
  if (options.server !== undefined || options.kubeconfig !== undefined) {
    return refused(attempted, '--bundle and an aggregator exclude each other', 'Give one of them.');
  }
  const matrix = await recordedMatrix(bundle, question, (close) => context.onInterrupt(close));
  if (!matrix.ok || matrix.value.unknownBecause.length === 0) return matrix;
  const advice =
    'A bundle has them as api/networkpolicies.json, api/pods.json and api/namespaces.json: `kubectl get -A -o json` of each.';
  return refused(attempted, matrix.value.unknownBecause.join('; '), advice);
}

/** As pairs are written; of a Service without its port. */
function written(text: string | undefined): string | null {
  const end = text === undefined ? null : parseEnd(text);
  if (end === null || 'problem' in end) return null;
  return end.kind === 'service' ? endText({ ...end, port: null }) : endText(end);
}

/** As many in one answer as it gives. */
const pageSize = 1000;
const mostPages = 100;

async function askAggregator(connection: Connection, question: MatrixQuestion): Promise<Outcome<MatrixAnswer>> {
  const { namespace, from, to, show } = question;
  const filters: Query = [
    ['limit', String(pageSize)],
    ['show', show],
    ...(namespace === null ? [] : [['namespace', namespace] as const]),
    ...(from === null ? [] : [['from', from] as const]),
    ...(to === null ? [] : [['to', to] as const]),
  ];
  const pairs: MatrixPair[] = [];
  let cursor: string | null = null;
  for (let page = 0; ; page++) {
    const url = urlOf(connection.url, 'api/v1/matrix', cursor === null ? filters : [...filters, ['cursor', cursor]]);
    const answer = await ask(connection, url);
    if (!answer.ok) return answer;
    const document = readMatrixPage(answer.value.value);
    if (document === null) return notRead(url, 'a document without the fields of its kind');
    pairs.push(...document.items);
    const { notJudged, unknownBecause, total, next } = document;
    if (next === null || page === mostPages)
      return done({ pairs, notJudged, unknownBecause, total: total ?? pairs.length });
    cursor = next;
  }
}
