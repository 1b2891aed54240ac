/** Asks the aggregator that served this page. What comes is shown as text, never as markup. */
import { signal } from '@preact/signals';
import { parseVisibly } from './visible-json.ts';

/** Whether the aggregator wants to know who reads; then the view is the log-in, whatever the place. */
export const isLoginNeeded = signal(false);
/** How far the aggregator's clock is ahead of this one, in milliseconds: ages are told by the aggregator's. */
export const clockAhead = signal(0);

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly detail: string };

const deadlineMs = 20_000;
/** A long list is many requests: where the aggregator asks for patience, it gets it so often. */
const mostWaits = 20;
const longestWaitSeconds = 30;

/** The JSON at a path of the API. */
export async function get<T>(path: string, ending?: AbortSignal): Promise<Answer<T>> {
  for (let waits = 0; ; waits++) {
    const deadline = AbortSignal.timeout(deadlineMs);
    const signal = ending === undefined ? deadline : AbortSignal.any([ending, deadline]);
    const { answer, waitMs } = await send<T>(path, { signal });
    if (waitMs === null || waits === mostWaits || ending?.aborted === true) return answer;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

/** Changes the session, the only thing that the page may change. */
export async function post(path: string, body: object): Promise<Answer<unknown>> {
  const headers = { 'content-type': 'application/json', 'x-plumbline': '1' };
  const signal = AbortSignal.timeout(deadlineMs);
  return (await send(path, { method: 'POST', headers, body: JSON.stringify(body), signal })).answer;
}

/** How long an answer asks to wait, in seconds; null where it does not. */
export function waitSeconds({ headers }: Response): number | null {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return seconds >= 0 ? Math.min(seconds, longestWaitSeconds) : null;
}

/** What a refusal says of itself. */
export async function detailOf(response: Response): Promise<string> {
  const said: unknown = await response.text().then(parseVisibly, () => null);
  if (typeof said === 'object' && said !== null && 'detail' in said && typeof said.detail === 'string') {
    return said.detail;
  }
  return `The aggregator answered with HTTP ${response.status}.`;
}

interface Sent<T> {
  readonly answer: Answer<T>;
  /** Null unless the same request may do better later. */
  readonly waitMs: number | null;
}

async function send<T>(path: string, init: RequestInit): Promise<Sent<T>> {
  try {
    const response = await fetch(path, { ...init, credentials: 'same-origin' });
    noteClock(response);
    if (response.status === 401 && init.method === undefined) isLoginNeeded.value = true;
    if (response.ok) return { answer: { ok: true, value: await bodyOf<T>(response) }, waitMs: null };
    const waitMs = response.status === 429 ? 1_000 * (waitSeconds(response) ?? 1) : null;
    return { answer: { ok: false, status: response.status, detail: await detailOf(response) }, waitMs };
  } catch (cause) {
    return { answer: { ok: false, status: 0, detail: failureOf(cause) }, waitMs: null };
  }
}

/** @returns what the API describes; nothing of it is trusted to be markup, so its form is taken as described. */
async function bodyOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  return Object(text === '' ? null : parseVisibly(text));
}

function noteClock({ headers }: Response): void {
  const at = Date.parse(headers.get('date') ?? '');
  if (!Number.isNaN(at)) clockAhead.value = Math.abs(at - Date.now()) < 2_000 ? 0 : at - Date.now();
}

function failureOf(cause: unknown): string {
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    return `The aggregator gave no answer within ${deadlineMs / 1_000} s.`;
  }
  if (cause instanceof SyntaxError) return 'The aggregator answered with something else than JSON.';
  return 'The aggregator cannot be reached. Is the port-forward still open?';
}
