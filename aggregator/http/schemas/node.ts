/** A node as the API shows it. */
import { wayFailures, wayKinds } from '../../../proto/ways.ts';
import Type, { type Static } from 'typebox';
import { layers } from '../../model/finding.ts';
import { apiVersion, listOf, nullableNumber, nullableString, reference } from './list.ts';

export const nodeStates = ['healthy', 'unhealthy', 'unknown'] as const;
const layerStates = ['known', 'unknown', 'not-looked-at'] as const;
export const agentStates = ['reporting', 'late', 'silent', 'never'] as const;

/** How many findings of a thing are open and how far. */
export const findingCountsSchema = Type.Object(
  { firing: Type.Integer(), pending: Type.Integer() },
  { $id: 'FindingCounts' },
);

export const agentMetricsSchema = Type.Object(
  {
    rssBytes: Type.Number(),
    childPeakBytes: Type.Number(),
    cpuSeconds: Type.Number(),
    uptimeSeconds: Type.Number(),
    readings: Type.Number(),
    unchangedReadings: Type.Number(),
    failedReadings: Type.Number(),
    lastReadingSeconds: Type.Number(),
    intervalSeconds: Type.Number(),
    hints: Type.Number(),
    reconnects: Type.Number(),
    refusedCommands: Type.Number(),
    hintSources: Type.Array(Type.String()),
    badAddressLines: Type.Number(),
  },
  { $id: 'AgentMetrics', description: "An agent's own word about itself." },
);

export const agentWaySchema = Type.Object(
  {
    address: Type.String(),
    kind: Type.Enum(wayKinds),
    inUse: Type.Boolean({ description: "The agent's stream goes over it." }),
    lastWorkedAt: nullableString('When a connection over it worked last; null = never since the agent started.'),
    lastFailedAt: nullableString('When one failed last; null = never since the agent started.'),
    failingSince: nullableString('Since when none works; null = the last one worked, or there was none.'),
    reason: nullableString(
      `Why the last one failed: ${wayFailures.join(', ')}; null = none did, or for another reason.`,
    ),
  },
  { $id: 'AgentWay', description: 'One way of an agent to the aggregator, by the word of the agent.' },
);

export const layerStatusSchema = Type.Object(
  {
    layer: Type.Enum(layers),
    state: Type.Enum(layerStates, {
      description:
        '`known`: every check of it that can concern the node was asked; `unknown`: one could not be, because something failed; `not-looked-at`: one could not be, because what it takes is not reported.',
    }),
    because: Type.Array(Type.String(), { description: 'Why; empty where it is known.' }),
  },
  { $id: 'LayerStatus', description: 'How far one layer of a node could be looked at.' },
);

const nodeFields = {
  name: Type.String(),
  uid: nullableString('Null where the API server does not know the node.'),
  mode: Type.String({ description: 'The dataplane mode, or `unknown`.' }),
  state: Type.Enum(nodeStates),
  frontends: Type.Object({
    total: Type.Integer(),
    inSync: Type.Integer(),
    drifted: Type.Integer(),
    unknown: Type.Integer(),
  }),
  agent: Type.Enum(agentStates),
  lastHeardAt: nullableString('When the last message of its agent came; null = never.'),
  lastReadingAt: nullableString('When its newest reading was taken; null = there is none.'),
  readingIntervalSeconds: nullableNumber('Seconds between two readings; null = not told.'),
  agentVersion: nullableString('Null = not told.'),
  kubeProxyVersion: nullableString('Null = not known.'),
  unknownBecause: Type.Array(Type.String(), { description: 'Why the node, or a part of it, is unknown.' }),
  layers: Type.Array(reference(layerStatusSchema), {
    description: 'The layers that have checks; empty before the first look at the node.',
  }),
  showsStateOf: nullableString('The node shows the state of this time; null = it is in sync, or not dated.'),
  findings: reference(findingCountsSchema),
  agentMetrics: Type.Union([reference(agentMetricsSchema), Type.Null()]),
  ways: Type.Array(reference(agentWaySchema), { description: 'As its agent told them last; empty = not told.' }),
  waysSentence: nullableString("Where the Service's address fails on the node and another way works; null otherwise."),
};

const partSchema = Type.Object({
  name: Type.String(),
  state: Type.Enum(['ok', 'failed', 'absent']),
  collectedAt: nullableString("By the node's clock; null where there is nothing."),
  reason: nullableString('Why it failed; null where it did not.'),
});

const kubeProxySchema = Type.Object({
  healthz: Type.String(),
  livez: Type.String(),
  lastSyncAt: nullableString('When it last wrote its rules; null = not told.'),
  lastQueuedAt: nullableString('When it last heard of a change; null = not told.'),
  believedRules: nullableNumber('Rules that it believes to be there, of all tables; null = it counts none.'),
  problems: Type.Array(Type.String(), { description: 'Questions that it did not answer.' }),
});

const networkFactSchema = Type.Object({
  layer: Type.Enum(['L1', 'L2']),
  name: Type.String(),
  value: Type.String(),
});

/** What one node's document has beyond its row in a list. */
const detailFields = {
  parts: Type.Array(partSchema, { description: 'The parts of its newest report.' }),
  network: Type.Array(networkFactSchema, {
    description: 'How the node and its pods are wired, by its own report, in lines for people.',
  }),
  kubeProxy: Type.Union([kubeProxySchema, Type.Null()], {
    description: 'What kube-proxy says of itself, which is no proof of what the kernel does; null = nothing.',
  }),
};

export const nodeSchema = Type.Object(nodeFields, { $id: 'Node' });
export const nodeListSchema = listOf('NodeList', reference(nodeSchema));
export const nodeDocumentSchema = Type.Object(
  { apiVersion: Type.Literal(apiVersion), kind: Type.Literal('Node'), ...nodeFields, ...detailFields },
  { $id: 'NodeDocument' },
);

/** One node with the parts of its report, as the API sends it. */
export type NodeDocument = Static<typeof nodeDocumentSchema>;
/** A node as the API sends it. */
export type NodeJson = Static<typeof nodeSchema>;
