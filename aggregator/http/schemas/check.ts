/** A check as the API shows it: what it looks at, and what it knows about its fault. */
import Type, { type Static } from 'typebox';
import { layers, severities } from '../../model/finding.ts';
import { apiVersion, listOf, reference } from './list.ts';

const checkFields = {
  id: Type.String(),
  scope: Type.Enum(['node', 'cluster']),
  layer: Type.Enum(layers),
  severity: Type.Enum(severities),
  title: Type.String(),
  explanation: Type.String({ description: 'Markdown.' }),
  falsePositives: Type.String({ description: 'Markdown.' }),
  remediation: Type.String({ description: 'Markdown.' }),
  needs: Type.Array(Type.String(), { description: 'Without all of these the check is not asked.' }),
  holdForSeconds: Type.Number({ description: 'So long a fault must hold before it fires.' }),
  clearForSeconds: Type.Number({ description: 'So long it must be gone before it is resolved.' }),
};

export const checkSchema = Type.Object(checkFields, { $id: 'Check' });
export const checkListSchema = listOf('CheckList', reference(checkSchema));
export const checkDocumentSchema = Type.Object(
  { apiVersion: Type.Literal(apiVersion), kind: Type.Literal('Check'), ...checkFields },
  { $id: 'CheckDocument' },
);

/** A check as the API sends it. */
export type CheckJson = Static<typeof checkSchema>;
