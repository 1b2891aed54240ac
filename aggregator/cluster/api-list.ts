/**
 * Lists of API objects in both forms: the API server's own (`ServiceList`, its items without kind) and what
 * `kubectl get -o json` prints (`List`, each item with its kind).
 */
import type { Field, Reading } from './api-object.ts';
import { elements, member, oneOf, refuse, requiredText, rootField, text, textMap } from './api-object.ts';

/** A kind of API object, and how one is read; null = it is of no interest. */
export interface Kind<T> {
  readonly kind: string;
  readonly read: (item: Field) => T | null;
  /** Objects of several kinds stand in its lists, each of which says its own. */
  readonly isMixed?: true;
}

/** Reads a whole list. Every problem of every item is reported, and then there is no value. */
export function readList<T>(json: unknown, of: Kind<T>): Reading<readonly T[]> {
  const { kind } = of;
  const problems: string[] = [];
  const list = rootField(json, `list of ${kind}s`, problems);
  oneOf(member(list, 'kind'), [`${kind}List`, 'List'], 'List');
  const items = member(list, 'items');
  // Without items it is no list at all; an empty one has `[]` or null.
  if (problems.length === 0 && items.value === undefined) refuse(items, 'a list');
  const values: T[] = [];
  for (const { value } of elements(items)) {
    const one = readObject(value, of);
    if (!one.ok) problems.push(...one.problems);
    else if (one.value !== null) values.push(one.value);
  }
  return problems.length === 0 ? { ok: true, value: values } : { ok: false, problems };
}

/** Reads one object, which in a list may lack its kind; null = it is of no interest. */
export function readObject<T>(json: unknown, { kind, read, isMixed }: Kind<T>): Reading<T | null> {
  const problems: string[] = [];
  const item = rootField(json, nameOf(json, kind), problems);
  if (isMixed !== true) oneOf(member(item, 'kind'), [kind], kind);
  const value = problems.length === 0 ? read(item) : null;
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
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

/** Those that speak to us. Others are many, long, and change without meaning anything here. */
export function readAnnotations(item: Field): Readonly<Record<string, string>> {
  const all = Object.entries(textMap(member(member(item, 'metadata'), 'annotations')) ?? {});
  return Object.fromEntries(all.filter(([key]) => key.startsWith('plumbline.dev/')));
}

/** `Service shop/web`, for problems; made without complaint of its own. */
function nameOf(value: unknown, kind: string): string {
  const metadata = member(rootField(value, kind, []), 'metadata');
  const namespace = text(member(metadata, 'namespace'));
  const name = text(member(metadata, 'name')) ?? '(without a name)';
  return `${kind} ${namespace === null ? '' : `${namespace}/`}${name}`;
}
