/** A node as the API shows it. */
import { wayFailures, wayKinds } from '../../../proto/ways.ts';
import Type, { type Static } from 'typebox';
import { apiVersion, listOf, nullableNumber, nullableString, reference } from './list.ts';

export const nodeStates = ['healthy', 'unhealthy', 'unknown'] as const;
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
  showsStateOf: nullableString('The node shows the state of this time; null = it is in sync, or not dated.'),
  findings: reference(findingCountsSchema),
  agentMetrics: Type.Union([reference(agentMetricsSchema), Type.Null()]),
  ways: Type.Array(reference(agentWaySchema), { description: 'As its agent told them last; empty = not told.' }),
  waysSentence: nullableString("Where the Service's address fails on the node and another way works; null otherwise."),
};

export const nodeSchema = Type.Object(nodeFields, { $id: 'Node' });
export const nodeListSchema = listOf('NodeList', reference(nodeSchema));
export const nodeDocumentSchema = Type.Object(
  { apiVersion: Type.Literal(apiVersion), kind: Type.Literal('Node'), ...nodeFields },
  { $id: 'NodeDocument' },
);

/** A node as the API sends it. */
export type NodeJson = Static<typeof nodeSchema>;
