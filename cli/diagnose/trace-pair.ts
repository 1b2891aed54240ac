/** `plumbline trace FROM TO`: asks the aggregator, or a bundle, which layer broke first. */
import { diagnose } from '../../aggregator/diagnose/diagnose.ts';
import type { Question } from '../../aggregator/diagnose/input.ts';
import type { Diagnosis } from '../../aggregator/model/diagnosis.ts';
import { parseWhole } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import { whileConnected } from '../api/connection.ts';
import { readDiagnosis } from '../api/documents.ts';
import { ask, notRead, type Query, urlOf } from '../api/client.ts';
import type { ServerOptions } from '../api/server-option.ts';
import { type Context, type ExitCode, refuse } from '../context.ts';
import { structuredText } from '../output.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import { ladderText } from './ladder.ts';

export interface PairOptions extends ServerOptions {
  readonly port?: string;
  readonly protocol?: Protocol;
  readonly bundle?: string;
  readonly output: 'table' | 'json' | 'yaml';
}

/** Prints the diagnosis; the exit code is its verdict. */
export async function tracePair(
  { from, to }: { readonly from: string; readonly to: string },
  options: PairOptions,
  context: Context,
): Promise<void> {
  const attempted = `trace ${from} to ${to}`;
  const port = options.port === undefined ? null : parseWhole(options.port, 65_535);
  if (options.port !== undefined && (port === null || port === 0)) {
    const cameBack = `--port ${options.port} is no port`;
    return refuse(context, { attempted, cameBack, advice: 'Give a number from 1 to 65535.' });
  }
  if (options.bundle !== undefined && (options.server !== undefined || options.kubeconfig !== undefined)) {
    const cameBack = '--bundle and an aggregator exclude each other';
    return refuse(context, { attempted, cameBack, advice: 'Give one of them.' });
  }
  const question: Question = { from, to, port, protocol: options.protocol ?? null };
  const told =
    options.bundle === undefined
      ? await askAggregator(question, options, context)
      : await askBundle(question, options.bundle, context);
  if (!told.ok) return refuse(context, told.refusal);
  const { terminal } = context;
  const diagnosis = told.value;
  await terminal.print(
    options.output === 'table'
      ? ladderText(diagnosis, { colours: terminal.colours, columns: terminal.columns })
      : structuredText({ apiVersion: 'plumbline.dev/v1', kind: 'Diagnosis', ...diagnosis }, options.output),
  );
  context.exitWith(exitCodes[diagnosis.verdict]);
}

const exitCodes: Readonly<Record<Diagnosis['verdict'], ExitCode>> = { works: 0, broken: 1, unknown: 2 };

async function askBundle(question: Question, bundle: string, context: Context): Promise<Outcome<Diagnosis>> {
  // The agent's readers are loaded only for this.
  const { recordedInput } = await import('./recorded-input.ts');
  const input = await recordedInput({ bundle, api: null, over: null }, (close) => context.onInterrupt(close));
  if (!input.ok) return input;
  const answer = diagnose(question, input.value);
  if (answer.ok) return done(answer.diagnosis);
  return refused(`trace ${question.from} to ${question.to}`, answer.problem, 'See plumbline trace --help.');
}

function askAggregator(
  { from, to, port, protocol }: Question,
  options: PairOptions,
  context: Context,
): Promise<Outcome<Diagnosis>> {
  const query: Query = [
    ['from', from],
    ['to', to],
    ...(port === null ? [] : [['port', String(port)] as const]),
    ...(protocol === null ? [] : [['protocol', protocol] as const]),
  ];
  return whileConnected(options, context, async (connection) => {
    const url = urlOf(connection.url, 'api/v1/diagnose', query);
    const answer = await ask(connection, url);
    if (!answer.ok) return answer;
    const document = readDiagnosis(answer.value.value);
    if (document === null) return notRead(url, 'a document without the fields of its kind');
    const { apiVersion: _, kind: __, ...diagnosis } = document;
    return done(diagnosis);
  });
}
