/**
 * Lists of API objects in both forms: the API server's own (`ServiceList`, its items without kind) and what
 * `kubectl get -o json` prints (`List`, each item with its kind).
 */
import type { Field, Reading } from './api-object.ts';
import { elements, member, oneOf, refuse, requiredText, rootField, text } from './api-object.ts';

/** A kind of API object, and how one is read; null = it is of no interest. */
export interface Kind<T> {
  readonly kind: string;
  readonly read: (item: Field) => T | null;
}

/** Reads a whole list. Every problem of every item is reported, and then there is no value. */
export function readList<T>(json: unknown, { kind, read }: Kind<T>): Reading<readonly T[]> {
  const problems: string[] = [];
  const list = rootField(json, `list of ${kind}s`, problems);
  oneOf(member(list, 'kind'), [`${kind}List`, 'List'], 'List');
  const items = member(list, 'items');
  // Without items it is no list at all; an empty one has `[]` or null.
  if (problems.length === 0 && items.value === undefined) refuse(items, 'a list');
  const values: T[] = [];
  for (const { value } of elements(items)) {
    const item = rootField(value, nameOf(value, kind), problems);
    const problemsBefore = problems.length;
    oneOf(member(item, 'kind'), [kind], kind);
    if (problems.length > problemsBefore) continue;
    const one = read(item);
    if (one !== null) values.push(one);
  }
  return problems.length === 0 ? { ok: true, value: values } : { ok: false, problems };
}

/** What every object has. */
export function readName(item: Field): { readonly namespace: string; readonly name: string; readonly uid: string } {
  const metadata = member(item, 'metadata');
  return {
    namespace: text(member(metadata, 'namespace')) ?? '',
    name: requiredText(member(metadata, 'name')),
    uid: text(member(metadata, 'uid')) ?? '',
  };
}

/** `Service shop/web`, for problems; made without complaint of its own. */
function nameOf(value: unknown, kind: string): string {
  const metadata = member(rootField(value, kind, []), 'metadata');
  const namespace = text(member(metadata, 'namespace'));
  const name = text(member(metadata, 'name')) ?? '(without a name)';
  return `${kind} ${namespace === null ? '' : `${namespace}/`}${name}`;
}
