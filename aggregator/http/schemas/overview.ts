/** The whole cluster in one answer, and its nodes as a map of layers. */
import Type, { type Static } from 'typebox';
import { layers } from '../../model/finding.ts';
import { findingSchema } from './finding.ts';
import { apiVersion, reference } from './list.ts';
import { nodeStates } from './node.ts';

export const overviewSchema = Type.Object(
  {
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal('Overview'),
    at: Type.String({ description: "The aggregator's clock." }),
    ready: Type.Boolean(),
    because: Type.Array(Type.String(), { description: 'Why it is not ready; empty when it is.' }),
    sentence: Type.String({ description: 'Whether the network is what the cluster asked for, in words.' }),
    nodes: Type.Object({
      healthy: Type.Integer(),
      unhealthy: Type.Integer(),
      unknown: Type.Integer(),
      total: Type.Integer(),
      reportedWithinMinute: Type.Integer(),
    }),
    services: Type.Object({ total: Type.Integer(), withFindings: Type.Integer() }),
    findings: Type.Object(
      {
        critical: Type.Integer(),
        high: Type.Integer(),
        medium: Type.Integer(),
        low: Type.Integer(),
        pending: Type.Integer(),
        unknown: Type.Integer(),
        suppressed: Type.Integer(),
      },
      {
        description: 'Causes: those that fire by severity, the others by state. What follows from a cause is no part.',
      },
    ),
    worst: Type.Array(reference(findingSchema), { description: 'At most three causes that fire, most urgent first.' }),
  },
  { $id: 'OverviewDocument' },
);

export const heatmapSchema = Type.Object(
  {
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal('Heatmap'),
    layers: Type.Array(Type.Enum(layers)),
    nodes: Type.Array(
      Type.Object({
        name: Type.String(),
        state: Type.Enum(nodeStates),
        cells: Type.String({
          description:
            'One character for each layer: C H M L = the worst severity that fires, p = pending, ? = unknown, . = healthy, - = nothing is looked at.',
        }),
      }),
      { description: 'Every node, worst first.' },
    ),
  },
  { $id: 'HeatmapDocument' },
);

/** The whole cluster in short, as the API sends it. */
export type OverviewJson = Static<typeof overviewSchema>;
/** The nodes as a map of layers, as the API sends it. */
export type HeatmapJson = Static<typeof heatmapSchema>;
