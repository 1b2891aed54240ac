/**
 * One Secret or ConfigMap that the aggregator keeps something in: read, and changed by its resource version.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
import type { KeptAnswer, KeptObject, Keeper } from '../model/kept-object.ts';
import type { ApiClient } from './api-client.ts';
import { type ApiError, apiErrorText } from './api-error.ts';
import { member, requiredText, rootField, textMap } from './api-object.ts';

export interface KeptObjectPlace {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
}

/** Its keeper. The chart makes the object; `create` could not be limited to one name. */
export function keeperOf(client: ApiClient, { kind, namespace, name }: KeptObjectPlace): Keeper {
  const plural = kind === 'Secret' ? 'secrets' : 'configmaps';
  const path = `/api/v1/namespaces/${namespace}/${plural}/${name}`;
  const title = `${kind} ${namespace}/${name}`;
  const failed = (error: ApiError, verb: 'get' | 'update') =>
    failure(error, `${verb} ${plural} ${name} in ${namespace}`);
  /** As it was read: what is not ours to change goes back as it came. */
  let last: Readonly<Record<string, unknown>> = {};
  return {
    name: title,
    async read() {
      const answer = await client.get(path);
      if (!answer.ok) return failed(answer.error, 'get');
      const problems: string[] = [];
      const object = rootField(answer.value, title, problems);
      const version = requiredText(member(member(object, 'metadata'), 'resourceVersion'));
      const data = textMap(member(object, 'data')) ?? {};
      if (problems.length > 0) return { ok: false, kind: 'refused', message: problems.join('; ') };
      last = Object(answer.value);
      return { ok: true, value: { version, data: kind === 'Secret' ? decoded(data) : data } };
    },
    async write(version, data) {
      const encoded = kind === 'Secret' ? encodedOf(data) : data;
      const body = {
        ...last,
        apiVersion: 'v1',
        kind,
        metadata: { ...Object(last.metadata), resourceVersion: version },
        data: { ...Object(last.data), ...encoded },
      };
      const answer = await client.put(path, body);
      return answer.ok ? { ok: true, value: null } : failed(answer.error, 'update');
    },
  };
}

function failure(error: ApiError, what: string): KeptAnswer<never> {
  const message = apiErrorText(error);
  switch (error.status) {
    case 409:
      return { ok: false, kind: 'conflict', message };
    case 403:
      return {
        ok: false,
        kind: 'refused',
        message: `${message}. It takes the right to ${what}: the chart has a Role for it`,
      };
    case 404:
      return {
        ok: false,
        kind: 'refused',
        message: `${message}. The chart makes this object, empty; make it, or install the chart anew`,
      };
    default:
      return { ok: false, kind: 'unreachable', message };
  }
}

function decoded(data: KeptObject['data']): KeptObject['data'] {
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')]),
  );
}

function encodedOf(data: KeptObject['data']): KeptObject['data'] {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
}
