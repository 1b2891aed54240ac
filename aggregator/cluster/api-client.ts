/** Requests to the API server with a deadline, a cap on the answer, and errors that say what was asked for. */
import { causeText } from './api-access.ts';
import { type ApiError, type ApiOutcome, noAnswer, statusError } from './api-error.ts';
import type { ApiRequest, ApiResponse, ApiTransport } from './api-transport.ts';
import type { Timing } from './timing.ts';

export interface RequestLimits {
  readonly deadlineMs: number;
  /** A longer answer is no answer. */
  readonly maxBytes: number;
}

/** A page of 500 large slices stays below. */
const listLimits: RequestLimits = { deadlineMs: 60_000, maxBytes: 256 * 1024 * 1024 };
const postLimits: RequestLimits = { deadlineMs: 10_000, maxBytes: 1024 * 1024 };
/** A watch has answered when its headers are there. */
const openMs = 35_000;
const errorLimits: RequestLimits = { deadlineMs: 10_000, maxBytes: 64 * 1024 };
const longestRetryAfterMs = 300_000;

export class ApiClient {
  readonly #transport: ApiTransport;
  readonly #timing: Timing;

  constructor(transport: ApiTransport, timing: Timing) {
    this.#transport = transport;
    this.#timing = timing;
  }

  /** GET of JSON. */
  get(path: string, signal?: AbortSignal): Promise<ApiOutcome<unknown>> {
    return this.#exchange({ method: 'GET', path, body: null }, listLimits, signal);
  }

  /** POST of JSON, as reviews are: answered with the object, its status filled in. */
  post(path: string, body: unknown, signal?: AbortSignal): Promise<ApiOutcome<unknown>> {
    return this.#exchange({ method: 'POST', path, body: JSON.stringify(body) }, postLimits, signal);
  }

  /** PUT of JSON: the object as it is to be, with the resource version that it is a change of. */
  put(path: string, body: unknown, signal?: AbortSignal): Promise<ApiOutcome<unknown>> {
    return this.#exchange({ method: 'PUT', path, body: JSON.stringify(body) }, postLimits, signal);
  }

  /** Opens a watch. Iterating the answer throws when it is cut; the signal ends it. */
  async open(path: string, signal: AbortSignal): Promise<ApiOutcome<AsyncIterable<Uint8Array>>> {
    const deadline = new AbortController();
    const cancel = this.#timing.later(openMs, () => deadline.abort());
    const request = { method: 'GET', path, body: null } as const;
    try {
      const sent = await this.#send(request, { signal, deadline: deadline.signal });
      if (!sent.ok) return sent;
      return { ok: true, value: sent.value.body };
    } finally {
      cancel();
    }
  }

  /** What a request is called in messages. */
  attempted(method: string, path: string): string {
    return `${method} ${this.#transport.server}${path.replace(/\?.*$/s, '')}`;
  }

  async #exchange(request: Wanted, limits: RequestLimits, outer?: AbortSignal): Promise<ApiOutcome<unknown>> {
    const attempted = this.attempted(request.method, request.path);
    const deadline = new AbortController();
    const cancel = this.#timing.later(limits.deadlineMs, () => deadline.abort());
    const ending = { signal: outer ?? new AbortController().signal, deadline: deadline.signal };
    try {
      const sent = await this.#send(request, ending);
      if (!sent.ok) return sent;
      const text = await readText(sent.value, limits.maxBytes);
      if (text === null) return noAnswer(attempted, 'too-long', `the answer is longer than ${limits.maxBytes} bytes`);
      return parsed(attempted, text);
    } catch (cause) {
      return this.#ended(attempted, ending) ?? noAnswer(attempted, 'cut', `the answer broke off: ${causeText(cause)}`);
    } finally {
      cancel();
    }
  }

  /** The answer where it is one of success, else what was wrong with it. */
  async #send(request: Wanted, ending: Ending): Promise<ApiOutcome<ApiResponse>> {
    const attempted = this.attempted(request.method, request.path);
    const signal = AbortSignal.any([ending.signal, ending.deadline]);
    const sent = await this.#transport.send({ ...request, signal });
    if (!sent.ok) return this.#ended(attempted, ending) ?? noAnswer(attempted, sent.reason, sent.message);
    const { response } = sent;
    if (response.status >= 200 && response.status < 300) return { ok: true, value: response };
    return { ok: false, error: await this.#refusal(attempted, response) };
  }

  async #refusal(attempted: string, response: ApiResponse): Promise<ApiError> {
    let body = '';
    try {
      body = (await readText(response, errorLimits.maxBytes)) ?? '';
    } catch {
      // The status says enough.
    }
    const json = parsed(attempted, body);
    const error = statusError(attempted, response.status, json.ok ? json.value : body);
    const seconds = /^\s*(\d{1,6})\s*$/.exec(response.header('retry-after') ?? '')?.[1];
    if (seconds === undefined) return error;
    return { ...error, retryAfterMs: Math.min(Number(seconds) * 1000, longestRetryAfterMs) };
  }

  #ended(attempted: string, { signal, deadline }: Ending): ReturnType<typeof noAnswer> | null {
    if (signal.aborted) return noAnswer(attempted, 'stopped', 'it was given up');
    if (deadline.aborted) return noAnswer(attempted, 'deadline', 'no whole answer came in time');
    return null;
  }
}

type Wanted = Omit<ApiRequest, 'signal'>;

interface Ending {
  /** The caller's. */
  readonly signal: AbortSignal;
  readonly deadline: AbortSignal;
}

/** The whole answer as text; null when it is longer than it may be. */
async function readText({ body }: ApiResponse, maxBytes: number): Promise<string | null> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes).toString('utf8');
}

function parsed(attempted: string, text: string): ApiOutcome<unknown> {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (cause) {
    return noAnswer(attempted, 'no-json', `the answer is no JSON: ${causeText(cause)}`);
  }
}
