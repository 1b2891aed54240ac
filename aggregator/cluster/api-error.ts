/** Why the API server gave no answer, or another than was asked for. Follows the API's `Status` object. */
import { recordOf } from './json-record.ts';

export interface ApiError {
  /** `GET https://192.0.2.10:6443/api/v1/services`, without the query. */
  readonly attempted: string;
  /** Of the HTTP answer, or the code of a Status inside a watch; null when no answer came. */
  readonly status: number | null;
  /** The API's word where it gave one (`Forbidden`, `Expired`), else one of ours. */
  readonly reason: string;
  readonly message: string;
  /** How long the server wants to be left alone; null when it does not say. */
  readonly retryAfterMs: number | null;
}

/** What keeps an answer from being one at all. */
export type NoAnswer =
  | 'unreachable'
  | 'deadline'
  | 'cut'
  | 'silent'
  | 'too-long'
  | 'no-json'
  | 'wrong-kind'
  | 'credentials'
  | 'defect'
  | 'stopped';

export type ApiOutcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ApiError };

/** The outcome of a request that brought no answer. */
export function noAnswer(attempted: string, reason: NoAnswer, message: string): { ok: false; error: ApiError } {
  return { ok: false, error: { attempted, status: null, reason, message: oneLine(message), retryAfterMs: null } };
}

/** What a Status says, however little of it is there. `body` is parsed JSON, or the text when it was none. */
export function statusError(attempted: string, status: number, body: unknown): ApiError {
  const said = recordOf(body);
  const isStatus = said.kind === 'Status';
  const message = isStatus ? said.message : typeof body === 'string' ? body.split('\n', 1)[0] : '';
  return {
    attempted,
    status,
    reason: isStatus && typeof said.reason === 'string' ? oneLine(said.reason) : '',
    message: oneLine(typeof message === 'string' ? message : ''),
    retryAfterMs: null,
  };
}

/** One sentence without its full stop: `GET https://…/services: 403 Forbidden: services is forbidden: User "x" cannot …`. */
export function apiErrorText({ attempted, status, reason, message }: ApiError): string {
  const what = status === null ? reason : `${status}${reason === '' ? '' : ` ${reason}`}`;
  return `${attempted}: ${what}${message === '' || message === reason ? '' : `: ${message}`}`;
}

/** A label for metrics: the status, or why there was none. Few different ones. */
export function errorLabel({ status, reason }: ApiError): string {
  return status === null ? reason : String(status);
}

/** The server's version of the objects is gone: only listing anew helps. */
export function isExpired({ status, reason }: ApiError): boolean {
  return status === 410 || reason === 'Expired' || reason === 'Gone';
}

/** What servers say that do not know an option, or have it turned off. */
export function isRefusedOption({ status, reason }: ApiError): boolean {
  return status === 400 || status === 422 || reason === 'Invalid' || reason === 'BadRequest';
}

/** Words of others as they may stand in a log: one line, no control characters, not endless. */
function oneLine(text: string): string {
  return text
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 400);
}
