/**
 * One line of a watch, https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes:
 *
 *     {"type":"MODIFIED","object":{"kind":"Service","metadata":{"name":"web","resourceVersion":"579"},"spec":{}}}
 *     {"type":"BOOKMARK","object":{"kind":"Service","metadata":{"resourceVersion":"612","annotations":{…}}}}
 *     {"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410}}
 */
import { type ApiError, noAnswer, statusError } from './api-error.ts';
import { recordOf } from './json-record.ts';

export type WatchEvent =
  /** An object came, changed or (with `gone`) went. */
  | { readonly type: 'object'; readonly object: unknown; readonly resourceVersion: string; readonly gone: boolean }
  /** Nothing happened up to this version. `listed`: all that existed at the start has been told. */
  | { readonly type: 'bookmark'; readonly resourceVersion: string; readonly listed: boolean }
  /** The watch is over. */
  | { readonly type: 'error'; readonly error: ApiError };

/** The server marks with it where the objects end that existed when the watch began (KEP-3157). */
const initialEventsEnd = 'k8s.io/initial-events-end';

/**
 * @param kind what the watch was asked for; an object of another kind is an error.
 * @param attempted the request, for errors.
 */
export function readWatchEvent(line: string, kind: string, attempted: string): WatchEvent {
  let event: ReturnType<typeof recordOf>;
  try {
    event = recordOf(JSON.parse(line));
  } catch {
    return problem(attempted, 'no-json', `a line of the watch is no JSON: ${line.slice(0, 80)}`);
  }
  const object = recordOf(event.object);
  if (event.type === 'ERROR') {
    const code = typeof object.code === 'number' && Number.isInteger(object.code) ? object.code : 500;
    return { type: 'error', error: statusError(attempted, code, object) };
  }
  const metadata = recordOf(object.metadata);
  const { resourceVersion } = metadata;
  if (object.kind !== kind || typeof resourceVersion !== 'string' || resourceVersion === '') {
    return problem(attempted, 'wrong-kind', `the watch told ${line.slice(0, 80)}, expected a ${kind} with its version`);
  }
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: 'object', object, resourceVersion, gone: event.type === 'DELETED' };
    case 'BOOKMARK': {
      const listed = recordOf(metadata.annotations)[initialEventsEnd] === 'true';
      return { type: 'bookmark', resourceVersion, listed };
    }
    default:
      return problem(attempted, 'wrong-kind', `the watch told ${line.slice(0, 80)}, which is no event`);
  }
}

function problem(attempted: string, reason: 'no-json' | 'wrong-kind', message: string): WatchEvent {
  return { type: 'error', error: noAnswer(attempted, reason, message).error };
}
