/** Asks the aggregator's HTTP API. Answers are held to a time and a size, and are not believed until they are read. */
import { done, type Outcome, type Refusal } from '../refusal.ts';
import { visibleText } from '../visible.ts';
import type { Connection } from './connection.ts';
import { refusalIn } from './not-connected.ts';

const deadlineMs = 15_000;
/** 500 findings with long evidence have about a megabyte. */
const mostBytes = 64 * 1024 * 1024;
const longestQuote = 500;

const reachAdvice = `Is the aggregator running, and is it behind this URL? Where it runs in the cluster of a kubeconfig, leave out
--server and PLUMBLINE_SERVER (or give --kubeconfig FILE): a port is then forwarded to it. By hand:
  kubectl --namespace plumbline port-forward deployment/plumbline-aggregator 8080`;
const certificateAdvice = `Its certificate is not trusted here, or is for another name. A private authority is made known by a file:
  NODE_EXTRA_CA_CERTS=ca.crt plumbline findings --server https://...`;

export type Query = readonly (readonly [string, string])[];

export interface Answer {
  readonly value: unknown;
  /** When it was given, by the aggregator's clock where it says so: Unix milliseconds. */
  readonly at: number;
}

/** The URL of a path. @param path without a slash in front; each part must be encoded. */
export function urlOf(server: URL, path: string, query: Query = []): URL {
  const url = new URL(path, server);
  for (const [name, value] of query) url.searchParams.append(name, value);
  return url;
}

/** The JSON at a URL. Whatever is not a whole answer with status 200 is a refusal that says what came instead. */
export async function ask(connection: Connection, url: URL): Promise<Outcome<Answer>> {
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    const response = await connection.request(url, { signal, headers: { accept: 'application/json' } });
    const body = await wholeBody(response);
    if (body === null) return notRead(url, `more than ${mostBytes / 1024 / 1024} MiB`);
    if (response.status !== 200) return { ok: false, refusal: statusRefusal(url, response, body) };
    const value = parsed(body);
    return value === undefined ? notRead(url, 'no JSON') : done({ value, at: timeOf(response) });
  } catch (cause) {
    return { ok: false, refusal: connectionRefusal(url, cause) };
  }
}

/** What came was not what the API answers. */
export function notRead(url: URL, what: string): Outcome<never> {
  const advice = 'Is it a Plumbline aggregator, of this version or nearly? plumbline --version tells this one.';
  return { ok: false, refusal: { attempted: `read ${url}`, cameBack: what, advice } };
}

/** Why there was no answer at all. @param cause what the request threw. */
export function connectionRefusal(url: URL, cause: unknown): Refusal {
  const barred = refusalIn(cause);
  if (barred !== null) return barred;
  const isCertificate = /^(?:CERT_|DEPTH_ZERO_|ERR_TLS_CERT|SELF_SIGNED_|UNABLE_TO_)/.test(codeOf(cause));
  const advice = isCertificate ? certificateAdvice : reachAdvice;
  return { attempted: `ask ${url}`, cameBack: failureText(cause), advice };
}

/** What an answer with another status than 200 says. */
export function statusRefusal(url: URL, { status, statusText }: Response, body: string): Refusal {
  const said = parsed(body);
  const problem = typeof said === 'object' && said !== null ? said : {};
  const detail = 'detail' in problem && typeof problem.detail === 'string' ? `: ${quoted(problem.detail)}` : '';
  const advice = 'code' in problem && typeof problem.code === 'string' ? adviceFor(status) : reachAdvice;
  return { attempted: `ask ${url}`, cameBack: `HTTP ${status} ${quoted(statusText)}`.trimEnd() + detail, advice };
}

function adviceFor(status: number): string {
  if (status === 404)
    return 'It may have ended or been deleted meanwhile; the command lists what there is without a name.';
  if (status === 401)
    return `It takes a token of the audience plumbline-http: give one in a file with --token-file or PLUMBLINE_TOKEN_FILE, or
leave out --server to go through the cluster of a kubeconfig, which takes one by itself.`;
  if (status === 403)
    return "Through a kubeconfig the token is the viewer's; with --token-file you are asked for by a token of your own.";
  if (status < 500)
    return 'See --help for what the command takes; where it takes this, the aggregator is of another version.';
  return "Try again; if it stays, the aggregator's log says more.";
}

function quoted(text: string): string {
  return visibleText(text.slice(0, longestQuote));
}

function failureText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return `no answer within ${deadlineMs / 1_000} s`;
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  const code = codeOf(cause);
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name of the host is not known';
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
      return 'the connection was closed before the answer';
    default:
      return quoted(inner.message === '' ? code || inner.name : inner.message);
  }
}

function codeOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return inner instanceof Error && 'code' in inner ? String(inner.code) : '';
}

/** Null when it is too large. */
async function wholeBody(response: Response): Promise<string | null> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > mostBytes) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Ages are told by the aggregator's clock: that of this machine may differ. */
function timeOf(response: Response): number {
  const at = Date.parse(response.headers.get('date') ?? '');
  return Number.isNaN(at) ? Date.now() : at;
}
