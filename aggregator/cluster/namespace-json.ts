/** A Namespace in the API's form, of what namespace.ts keeps of it. */
import type { Namespace } from '../model/cluster.ts';
import type { ListKind, ObjectJson } from './object-json.ts';

export const namespaceList: ListKind = { apiVersion: 'v1', kind: 'NamespaceList' };

export function namespaceJson({ name, labels, annotations }: Namespace): ObjectJson {
  return { metadata: { name, labels, annotations } };
}
