/** A finding as the API shows it. Text that nodes reported is passed on as it is: show it as text. */
import Type, { type Static } from 'typebox';
import { layers, severities } from '../../model/finding.ts';
import type { TrackedFinding } from '../../model/lifecycle.ts';
import { apiVersion, listOf, nullableString, reference } from './list.ts';

/** The states of findings that have not ended, and of those that have. */
export const openStates = ['pending', 'firing', 'unknown', 'suppressed'] as const;
export const endedStates = ['resolved', 'gone'] as const;

const named = <K extends string>(kind: K) => Type.Object({ kind: Type.Literal(kind), name: Type.String() });

export const subjectSchema = Type.Union(
  [
    Type.Object({
      kind: Type.Literal('Service'),
      namespace: Type.String(),
      name: Type.String(),
      port: Type.String({ description: "The Service port's name; may be empty." }),
      protocol: Type.String(),
    }),
    Type.Object({
      kind: Type.Literal('Frontend'),
      name: Type.String(),
      port: Type.String(),
      protocol: Type.String(),
    }),
    named('Node'),
    Type.Object({ kind: Type.Literal('Pod'), namespace: Type.String(), name: Type.String() }),
    Type.Object({ kind: Type.Literal('NetworkPolicy'), namespace: Type.String(), name: Type.String() }),
    named('Link'),
    named('Peer'),
    named('Address'),
    named('Rule'),
    named('Cluster'),
  ],
  { $id: 'Subject', description: 'What a finding is about.' },
);

export const evidenceSchema = Type.Union(
  [
    Type.Object({
      kind: Type.Literal('forwarding'),
      frontend: Type.String(),
      wanted: Type.String(),
      real: Type.String(),
    }),
    Type.Object({
      kind: Type.Literal('backend'),
      frontend: Type.String(),
      backend: Type.String(),
      state: Type.Enum(['missing', 'stale']),
    }),
    Type.Object({ kind: Type.Literal('rule'), table: Type.String(), rule: Type.String(), note: Type.String() }),
    Type.Object({ kind: Type.Literal('fact'), name: Type.String(), value: Type.String() }),
  ],
  { $id: 'Evidence', description: 'Every string in it is to be shown as text.' },
);

const findingFields = {
  fingerprint: Type.String({ description: '16 hexadecimal digits: the same trouble has the same at any time.' }),
  check: Type.String(),
  layer: Type.Enum(layers),
  severity: Type.Enum(severities),
  state: Type.Enum([...openStates, ...endedStates]),
  node: nullableString('Null for a finding of the whole cluster.'),
  subject: reference(subjectSchema),
  parent: nullableString('The fingerprint of the cause; null where this is one.'),
  summary: Type.String(),
  evidence: Type.Array(reference(evidenceSchema)),
  remediation: Type.Array(Type.Object({ command: Type.String(), effect: Type.String() })),
  episode: Type.Integer({ description: 'How many times this fingerprint was opened; the first is 1.' }),
  since: Type.String({ description: 'Since when the fault holds, as well as it can be told.' }),
  shows: Type.Unsafe<TrackedFinding['shows']>({
    type: ['string', 'null'],
    enum: ['past-state', 'never-wanted', null],
    description: 'What the node shows: a state that was wanted until `since`, or one that never was; null = not dated.',
  }),
  pendingAt: Type.String(),
  firedAt: nullableString('Null while it never fired.'),
  endedAt: nullableString('Null while it is open.'),
  lastSeenAt: Type.String(),
  knownState: Type.Enum(['pending', 'firing'], { description: 'What is known beneath `unknown` and `suppressed`.' }),
  unknownBecause: nullableString('Why nothing can be said now, where the state is `unknown`.'),
  acceptedUntil: nullableString('Until when its owner accepts it; `always` without an end, null where nobody does.'),
  group: Type.String({ description: 'The same for the same check and subject on whatever node.' }),
  groupNodes: Type.Integer({ description: 'On how many nodes a finding of this group is open.' }),
};

export const findingSchema = Type.Object(findingFields, { $id: 'Finding' });
export const findingListSchema = listOf('FindingList', reference(findingSchema));
export const findingDocumentSchema = Type.Object(
  { apiVersion: Type.Literal(apiVersion), kind: Type.Literal('Finding'), ...findingFields },
  { $id: 'FindingDocument' },
);

export const transitionSchema = Type.Object(
  {
    fingerprint: Type.String(),
    episode: Type.Integer(),
    at: Type.String(),
    kind: Type.Enum([
      'pending',
      'firing',
      'resolved',
      'gone',
      'unknown',
      'known',
      'suppressed',
      'unsuppressed',
      'withdrawn',
    ]),
    because: Type.String({ description: 'What was seen or missed, in one sentence.' }),
  },
  { $id: 'Transition', description: "One step of a finding's life." },
);
export const transitionListSchema = listOf('TransitionList', reference(transitionSchema));

/** A finding as the API sends it. */
export type FindingJson = Static<typeof findingSchema>;
/** One step of its life as the API sends it. */
export type TransitionJson = Static<typeof transitionSchema>;
