/**
 * A list in pages, https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks.
 * Pages are of one moment; where the server has forgotten it meanwhile (410), the list is of no use and begins anew.
 */
import type { ApiClient } from './api-client.ts';
import { type ApiOutcome, noAnswer } from './api-error.ts';
import { recordOf } from './json-record.ts';
import { pathWith, type SeenObject, seenObject, type WatchedResource } from './watched-resource.ts';

/** Parsing so many large objects takes some 30 ms. */
const pageSize = 500;

export interface WholeList<T> {
  readonly objects: readonly SeenObject<T>[];
  /** Watch from here on. */
  readonly resourceVersion: string;
}

/** Lists every object as the server has it now. Fails as a whole. */
export async function listPages<T>(
  client: ApiClient,
  resource: WatchedResource<T>,
  signal?: AbortSignal,
): Promise<ApiOutcome<WholeList<T>>> {
  const byKey = new Map<string, SeenObject<T>>();
  let version: string | null = null;
  let next = '';
  do {
    const query = { limit: String(pageSize), ...(next === '' ? {} : { continue: next }) };
    const answer = await client.get(pathWith(resource, query), signal);
    if (!answer.ok) return answer;
    const page = pageOf(answer.value, resource.kind.kind);
    if (page === null) {
      const message = `the answer is no ${resource.kind.kind}List with items and a version`;
      return noAnswer(client.attempted('GET', resource.path), 'wrong-kind', message);
    }
    for (const item of page.items) {
      const seen = seenObject(item, resource.kind);
      byKey.set(seen.key, seen);
    }
    version ??= page.resourceVersion;
    next = page.next;
  } while (next !== '');
  return { ok: true, value: { objects: [...byKey.values()], resourceVersion: version } };
}

interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Empty on the last page. */
  readonly next: string;
}

function pageOf(json: unknown, kind: string): Page | null {
  const list = recordOf(json);
  const { resourceVersion, continue: next = '' } = recordOf(list.metadata);
  const items = list.items ?? [];
  if (list.kind !== `${kind}List` || !Array.isArray(items)) return null;
  if (typeof resourceVersion !== 'string' || resourceVersion === '' || typeof next !== 'string') return null;
  return { items, resourceVersion, next };
}
