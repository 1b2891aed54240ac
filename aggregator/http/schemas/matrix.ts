/** Who reaches whom, as the API shows it; what the members of a pair mean stands in the model. */
import Type, { type Static } from 'typebox';
import { layers } from '../../model/finding.ts';
import { apiVersion, nullableNumber, nullableString, reference } from './list.ts';

const explanation = Type.Unsafe<{ layer: (typeof layers)[number]; finding: string | null; because: string } | null>({
  type: ['object', 'null'],
  properties: {
    layer: { type: 'string', enum: [...layers] },
    finding: { type: ['string', 'null'] },
    because: { type: 'string' },
  },
  required: ['layer', 'finding', 'because'],
  description: 'The layer that explains the difference; null = none is known, or there is none.',
});

export const matrixObservationSchema = Type.Object(
  {
    result: Type.Enum(['reached', 'not-reached', 'mixed']),
    probes: Type.Integer(),
    answered: Type.Integer(),
    nodes: Type.Array(Type.String(), { description: 'Those that probed, at most 10.' }),
    differs: Type.Boolean({ description: 'Whether it differs from what is predicted.' }),
    explainedBy: explanation,
  },
  { $id: 'MatrixObservation', description: 'What probes saw in the last minutes.' },
);

export const matrixPairSchema = Type.Object(
  {
    from: Type.String({ description: '`deployment/shop/web`, `pod/shop/debug`, `node/node-a`.' }),
    to: Type.String({ description: 'The same, or `svc/shop/web`.' }),
    protocol: Type.Enum(['tcp', 'udp', 'sctp']),
    ports: Type.Array(Type.Integer(), { description: 'Those with the same answer.' }),
    allowed: Type.Unsafe<boolean | null>({
      type: ['boolean', 'null'],
      description: 'Null = not known, or not the same for all pods of the pair.',
    }),
    decidedBy: Type.Array(Type.String(), {
      description: '`shop/allow-web ingress rule 0`, `no policy`, `no endpoints`.',
    }),
    observed: Type.Unsafe<Static<typeof matrixObservationSchema> | null>({
      anyOf: [{ $ref: 'MatrixObservation#' }, { type: 'null' }],
      description: 'Null = nobody probed it.',
    }),
  },
  { $id: 'MatrixPair', description: 'One pair with one answer.' },
);

export const matrixDocumentSchema = Type.Object(
  {
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal('MatrixPairList'),
    items: Type.Array(reference(matrixPairSchema), { description: 'Those that differ first, then those denied.' }),
    total: nullableNumber('How many there are on all pages.'),
    next: nullableString('The cursor of the next page; null on the last.'),
    notJudged: Type.Array(Type.String(), {
      description: 'Policies of other kinds, which are not judged; at most 100.',
    }),
    unknownBecause: Type.Array(Type.String(), { description: 'What could not be told.' }),
  },
  { $id: 'MatrixDocument' },
);

export const matrixGridSchema = Type.Object(
  {
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal('MatrixGrid'),
    rows: Type.Array(Type.String(), { description: 'Where packets begin.' }),
    columns: Type.Array(Type.String(), { description: 'Where they go.' }),
    cells: Type.Array(Type.String(), {
      description:
        'One text for each row, one letter for each column: `!` a probe differs, `x` denied, `~` not the same for all ports or pods, `?` not known, `.` allowed, `-` nothing to reach.',
    }),
    hidden: Type.Integer({ description: 'Rows and columns that a limit left out.' }),
    notJudged: Type.Array(Type.String()),
    unknownBecause: Type.Array(Type.String()),
  },
  { $id: 'MatrixGrid' },
);

export const matrixParts = [matrixObservationSchema, matrixPairSchema];

export type MatrixPairJson = Static<typeof matrixPairSchema>;
export type MatrixDocument = Static<typeof matrixDocumentSchema>;
export type MatrixGridJson = Static<typeof matrixGridSchema>;
