/** A Service as the API shows it: which nodes have which version of it. */
import Type, { type Static } from 'typebox';
import { apiVersion, listOf, nullableString, reference } from './list.ts';
import { findingCountsSchema } from './node.ts';

const serviceFields = {
  namespace: Type.String(),
  name: Type.String(),
  type: Type.String(),
  clusterIPs: Type.Array(Type.String()),
  ports: Type.Array(Type.String()),
  changedAt: nullableString('When the API server last changed it or its endpoints; null = not since the start.'),
  nodes: Type.Object(
    {
      inSync: Type.Integer(),
      converging: Type.Integer(),
      drifted: Type.Integer(),
      unknown: Type.Integer(),
      total: Type.Integer(),
    },
    { description: 'Nodes by what they do with it.' },
  ),
  findings: reference(findingCountsSchema),
};

const versionSchema = Type.Object(
  {
    verdict: Type.Enum(['in-sync', 'converging', 'drifted', 'unknown']),
    does: Type.String(),
    showsStateOf: nullableString('Null where these nodes show no past state.'),
    count: Type.Integer(),
    nodes: Type.Array(Type.String(), { description: 'The names of at most 100 of them.' }),
  },
  { $id: 'ServiceVersion', description: 'Nodes that do the same with a frontend.' },
);

export const serviceSchema = Type.Object(serviceFields, { $id: 'Service' });
export const serviceListSchema = listOf('ServiceList', reference(serviceSchema));
export const serviceDocumentSchema = Type.Object(
  {
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal('Service'),
    ...serviceFields,
    frontends: Type.Array(
      Type.Object({
        frontend: Type.String(),
        kind: Type.String(),
        versions: Type.Array(reference(versionSchema), { description: 'What most nodes do first.' }),
      }),
    ),
  },
  { $id: 'ServiceDocument' },
);

export const serviceParts = [versionSchema];

/** A Service as a list sends it. */
export type ServiceJson = Static<typeof serviceSchema>;
/** A Service with its versions, as the API sends it. */
export type ServiceDocument = Static<typeof serviceDocumentSchema>;
