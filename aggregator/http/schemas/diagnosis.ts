/** The answer to "which layer broke first?" as the API shows it; what its members mean stands in the model. */
import Type, { type Static } from 'typebox';
import { layers } from '../../model/finding.ts';
import { evidenceSchema } from './finding.ts';
import { apiVersion, nullableNumber, nullableString, reference } from './list.ts';

const verdicts = ['pass', 'fail', 'unknown', 'not-looked-at'] as const;
const directions = ['there', 'back'] as const;

const remediation = Type.Array(Type.Object({ command: Type.String(), effect: Type.String() }));

const diagnosisEndSchema = Type.Object(
  {
    text: Type.String({
      description: 'As it was understood: `pod/shop/web-0`, `svc/shop/web:http`, an address, a name.',
    }),
    kind: Type.Enum(['pod', 'node', 'service', 'address', 'name']),
    namespace: nullableString('Null where it has none.'),
    name: Type.String(),
    addresses: Type.Array(Type.String()),
    node: nullableString('The node that it is on; null = several, or none.'),
  },
  { $id: 'DiagnosisEnd', description: 'What was asked about.' },
);

const diagnosisStepSchema = Type.Object(
  {
    layer: Type.Enum(layers),
    direction: Type.Enum(directions),
    verdict: Type.Enum(verdicts),
    what: Type.String(),
    sentence: Type.String(),
    node: nullableString("The node whose facts say so; null = the API's."),
    evidence: Type.Array(reference(evidenceSchema)),
    ageSeconds: nullableNumber('Seconds since the facts behind it were read; null where they have no time.'),
    remediation,
    finding: Type.Unsafe<{ fingerprint: string; check: string } | null>({
      type: ['object', 'null'],
      properties: { fingerprint: { type: 'string' }, check: { type: 'string' } },
      required: ['fingerprint', 'check'],
      description: 'The open finding that says the same; null = none.',
    }),
  },
  { $id: 'DiagnosisStep', description: 'One thing that must be so for the packets to get on.' },
);

const diagnosisHopSchema = Type.Object(
  {
    direction: Type.Enum(directions),
    node: nullableString('Null where it is not on a node that is known.'),
    link: nullableString('Null where it is not a link.'),
    does: Type.String(),
    rule: nullableString('The rule or policy that does it, as it is written; null = none, or not known.'),
  },
  { $id: 'DiagnosisHop', description: 'One place that the packets pass.' },
);

export const diagnosisDocumentSchema = Type.Object(
  {
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal('Diagnosis'),
    from: reference(diagnosisEndSchema),
    to: reference(diagnosisEndSchema),
    protocol: Type.Enum(['tcp', 'udp', 'sctp']),
    port: nullableNumber("Null where the target's kind has none, or all of a Service's were asked."),
    verdict: Type.Enum(['works', 'broken', 'unknown']),
    sentence: Type.String(),
    firstBroken: Type.Unsafe<{ layer: (typeof layers)[number]; step: number } | null>({
      type: ['object', 'null'],
      properties: { layer: { type: 'string', enum: [...layers] }, step: { type: 'integer' } },
      required: ['layer', 'step'],
      description: 'The lowest layer that fails, and the index of its step; null = none does.',
    }),
    remediation,
    layers: Type.Array(
      Type.Object({ layer: Type.Enum(layers), verdict: Type.Enum(verdicts), sentence: Type.String() }),
      { description: 'L1 to L5, always five.' },
    ),
    steps: Type.Array(reference(diagnosisStepSchema), { description: 'By layer, there before back.' }),
    hops: Type.Array(reference(diagnosisHopSchema)),
  },
  { $id: 'DiagnosisDocument' },
);

export const diagnosisParts = [diagnosisEndSchema, diagnosisStepSchema, diagnosisHopSchema];

/** A diagnosis as the API sends it. */
export type DiagnosisDocument = Static<typeof diagnosisDocumentSchema>;
