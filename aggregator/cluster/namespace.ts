/** Namespaces, as far as the audit reads them. Fields: the API reference of Namespace v1. */
import type { Namespace } from '../model/cluster.ts';
import type { Kind } from './api-list.ts';
import { readAnnotations, readName } from './api-list.ts';
import type { Field } from './api-object.ts';
import { member, textMap } from './api-object.ts';

export const namespaceKind: Kind<Namespace> = { kind: 'Namespace', read: readNamespace };

function readNamespace(item: Field): Namespace {
  return {
    name: readName(item).name,
    labels: textMap(member(member(item, 'metadata'), 'labels')) ?? {},
    annotations: readAnnotations(item),
  };
}
