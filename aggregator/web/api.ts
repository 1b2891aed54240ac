/** Asks the aggregator that served this page. What comes is shown as text, never as markup. */
import { signal } from '@preact/signals';

/** Whether the aggregator wants to know who reads; then the view is the log-in, whatever the place. */
export const isLoginNeeded = signal(false);
/** How far the aggregator's clock is ahead of this one, in milliseconds: ages are told by the aggregator's. */
export const clockAhead = signal(0);

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly detail: string };

const deadlineMs = 20_000;

/** The JSON at a path of the API. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
  const deadline = AbortSignal.timeout(deadlineMs);
  return send(path, { signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) });
}

/** Changes the session, the only thing that the page may change. */
export async function post(path: string, body: object): Promise<Answer<unknown>> {
  const headers = { 'content-type': 'application/json', 'x-plumbline': '1' };
  return send(path, { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(deadlineMs) });
}

async function send<T>(path: string, init: RequestInit): Promise<Answer<T>> {
  try {
    const response = await fetch(path, { ...init, credentials: 'same-origin' });
    const at = Date.parse(response.headers.get('date') ?? '');
    if (!Number.isNaN(at)) clockAhead.value = Math.abs(at - Date.now()) < 2_000 ? 0 : at - Date.now();
    if (response.status === 401 && init.method === undefined) isLoginNeeded.value = true;
    if (response.ok) {
      const value: T = response.status === 204 ? Object(null) : await response.json();
      return { ok: true, value };
    }
    return { ok: false, status: response.status, detail: await detailOf(response) };
  } catch (cause) {
    return { ok: false, status: 0, detail: failureOf(cause) };
  }
}

async function detailOf(response: Response): Promise<string> {
  const said: unknown = await response.json().catch(() => null);
  if (typeof said === 'object' && said !== null && 'detail' in said && typeof said.detail === 'string') {
    return said.detail;
  }
  return `The aggregator answered with HTTP ${response.status}.`;
}

function failureOf(cause: unknown): string {
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    return `The aggregator gave no answer within ${deadlineMs / 1_000} s.`;
  }
  return 'The aggregator cannot be reached. Is the port-forward still open?';
}
