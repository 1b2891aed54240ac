/** Lists in pages, in the form of the real server: its continue token says the version and where the next page begins. */
import { type ApiObject, keyOf, matchesFields, matchesLabels, type Place } from './api-resources.ts';
import { type Asked, answerFailure, answerJson, type Reply } from './exchange.ts';
import type { ObjectHistory } from './object-history.ts';

const tooOld = { code: 410, reason: 'Expired', message: 'The resourceVersion for the provided list is too old.' };
const tooOldToContinue = {
  code: 410,
  reason: 'Expired',
  message:
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
};

export interface ListedHistory {
  readonly history: ObjectHistory;
  /** The newest version of all resources. */
  readonly now: number;
  /** Pages are no longer than this, whatever is asked for. */
  readonly mostPerPage: number;
}

/** @returns what answers. */
export function answerList({ query }: Asked, place: Place, listed: ListedHistory): (reply: Reply) => void {
  const { history, now, mostPerPage } = listed;
  const token = query.get('continue') ?? '';
  const start = token === '' ? null : startOf(token);
  if (token !== '' && start === null) {
    const message = 'continue key is not valid: illegal base64 data';
    return (reply) => answerFailure(reply, { code: 400, reason: 'BadRequest', message });
  }
  const wanted = query.get('resourceVersion') ?? '';
  const exact = query.get('resourceVersionMatch') === 'Exact' ? Number(wanted) : null;
  const version = start?.version ?? exact ?? now;
  if (!history.remembers(version) && version !== now) {
    return (reply) => answerFailure(reply, start === null ? tooOld : tooOldToContinue);
  }
  // Out of the watch cache, which `0` asks for, the whole list comes at once.
  const limit = wanted === '0' ? 0 : Number(query.get('limit') ?? '0');
  const all = selected(history.objects(version), place, query).filter(
    (object) => start === null || keyOf(object) > start.after,
  );
  const items = limit > 0 ? all.slice(0, Math.min(limit, mostPerPage)) : all;
  const rest = all.length - items.length;
  const last = items.at(-1);
  const metadata = {
    resourceVersion: String(version),
    ...(rest > 0 && last !== undefined ? { continue: tokenFor(version, keyOf(last)) } : {}),
    // With a selector the server does not count what it has not looked at.
    ...(rest > 0 && !query.get('labelSelector') && !query.get('fieldSelector') ? { remainingItemCount: rest } : {}),
  };
  const { kind, apiVersion } = place.resource;
  const list = { kind: `${kind}List`, apiVersion, metadata, items: items.map(withoutKind) };
  return (reply) => answerJson(reply, 200, list);
}

/** The objects that a request is about. */
export function selected(objects: readonly ApiObject[], place: Place, query: URLSearchParams): readonly ApiObject[] {
  return objects.filter((object) => isSelected(object, place, query));
}

export function isSelected(object: ApiObject, { namespace, name }: Place, query: URLSearchParams): boolean {
  const { metadata } = object;
  return (
    (namespace === null || metadata.namespace === namespace) &&
    (name === null || metadata.name === name) &&
    matchesLabels(metadata.labels ?? {}, query.get('labelSelector') ?? '') &&
    matchesFields(object, query.get('fieldSelector') ?? '')
  );
}

/** Items of a list do not say what they are. */
function withoutKind({ kind: _kind, apiVersion: _apiVersion, ...object }: ApiObject): unknown {
  return object;
}

function tokenFor(version: number, key: string): string {
  const token = { v: 'meta.k8s.io/v1', rv: version, start: `/${key}\u0000` };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function startOf(token: string): { readonly version: number; readonly after: string } | null {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    return { version: Number(rv), after: String(start).replace(/^\//, '').replace(/\0$/, '') };
  } catch {
    return null;
  }
}
