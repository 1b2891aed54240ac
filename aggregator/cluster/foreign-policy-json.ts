/** A policy of another kind in the API's form: what it is called, and nothing of what it says. */
import type { ForeignPolicy } from '../model/policy.ts';
import { foreignKinds, shownKind } from './foreign-policy.ts';
import { type ListKind, type ObjectJson, unlessNull } from './object-json.ts';

export const foreignPolicyList: ListKind = { apiVersion: 'v1', kind: 'List' };

export function foreignPolicyJson({ kind: shown, namespace, name }: ForeignPolicy): ObjectJson {
  const known = foreignKinds.find(({ apiVersion, kind }) => shownKind(apiVersion, kind) === shown);
  const [kind = '', ...group] = shown.split('.');
  const type = known ?? { apiVersion: `${group.join('.')}/v1`, kind };
  return { apiVersion: type.apiVersion, kind: type.kind, metadata: { namespace: unlessNull(namespace), name } };
}
